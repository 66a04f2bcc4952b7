"""An action as it is kept: plain data, an array in MessagePack. A field is added at its end, with a default."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from msgspec import Struct

from dataflows.core.engine.intents import MessageTerms
from dataflows.core.rules.guarding import Objection
from schemas.actions import ACTIONS, FINAL, ActionSpec, ActionStateName
from schemas.record import Evidence

RULE: Final = "rule:"
"""How `initiated_by` begins where a rule asked for the action."""
PERSON: Final = "user:"
"""How the name of a person begins, as the writer of decisions sets it."""


class ActionState(Struct, array_like=True, omit_defaults=True):
    """One action. Instants are µs of log time, 0 where there is none.

    `firing`: which time of which step of which exception it is. `said`: the sequence of the exception that asked. `approvals`: how many
    persons must agree before it is requested, `approved`: who has. `began`: when its last attempt began. `reserved`: the budgets that
    count it. `wanted`: its reason still stands. `rival`: the action that excludes it while it is blocked. `deciding`: IDs of the events
    that were read, taken or refused, so that a repeated one is dropped. `ended`: when it reached a state that it does not leave.
    `was_requested`: so it was when it ended. `owner`: the team that has its exception. `approve_by`: from when on that nobody has approved
    it escalates, `escalates_at`: when it does so next; `level`, `escalated`, `escalated_to` (team and role): how far that has gone, when
    last and to whom; `rung`: the place of the next rung of the ladder, and when the last one went out. `replaces`: the action in whose
    place it was asked for. `message`: of one that tells the customer something, what it says; `counted`: since when it counts among what
    the customer got.
    """

    id: str
    tenant: str
    order: str
    action: str
    target: str
    parameters: dict[str, object]
    payload: str
    state: ActionStateName = "proposed"
    sequence: int = 0
    exception: str | None = None
    kind: str = ""
    step: str = ""
    firing: str = ""
    said: int = 0
    lane: str = "review"
    guardrails: tuple[Objection, ...] = ()
    reason: str = ""
    evidence: tuple[Evidence, ...] = ()
    severity: str = "low"
    policy: str = ""
    customer: str | None = None
    amount: tuple[str, str] | None = None
    initiated_by: str = ""
    approvals: int = 0
    approved: tuple[str, ...] = ()
    expires: int = 0
    hold_until: int = 0
    attempt: int = 0
    began: int = 0
    retry_at: int = 0
    reserved: tuple[str, ...] = ()
    wanted: bool = True
    rival: str = ""
    compensates: str | None = None
    compensated: bool = False
    deciding: tuple[str, ...] = ()
    ended: int = 0
    was_requested: bool = False
    owner: str = ""
    approve_by: int = 0
    escalates_at: int = 0
    level: int = 0
    escalated: int = 0
    escalated_to: tuple[str, str] | None = None
    rung: tuple[int, int] | None = None
    replaces: str | None = None
    message: MessageTerms | None = None
    counted: int = 0

    @property
    def spec(self) -> ActionSpec:
        """What the table says of it."""
        return ACTIONS[self.action]

    @property
    def by_rule(self) -> bool:
        """Whether a rule asked for it."""
        return self.initiated_by.startswith(RULE)

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL or (self.state == "failed" and not self.retry_at)

    @property
    def occupies(self) -> bool:
        """Whether no other irreversible action may be under way for its target."""
        return not self.spec.reversible and not self.final and self.state != "blocked"

    @property
    def outstanding(self) -> int:
        """How many persons must still agree."""
        return max(0, self.approvals - len(self.approved)) if self.state in ("proposed", "blocked") else 0

    def stop_waiting(self) -> None:
        """Waits for no approval any more: nothing of that expires or escalates."""
        self.expires = self.approve_by = self.escalates_at = self.level = self.escalated = 0
        self.escalated_to = self.rung = None

    def due(self) -> int:
        """When time alone changes it; 0 if it does not."""
        if self.state == "proposed":
            waits = self.outstanding
            instants = [at for at in (0 if waits else self.hold_until, self.expires, self.escalates_at if waits else 0) if at]
            return min(instants, default=0)
        return 0


class ActionStanding(NamedTuple):
    """What actions that have not ended are counted by."""

    action: str
    state: str
    lane: str
    escalated: str


class GuardrailStanding(NamedTuple):
    """What guardrails that speak against waiting actions are counted by."""

    guardrail: str
    effect: str


class StandingActions:
    """How many actions have not ended, and what speaks against those that wait: for whoever watches, no part of the state."""

    def __init__(self) -> None:
        self.actions: Counter[ActionStanding] = Counter()
        self.guarded: Counter[GuardrailStanding] = Counter()
        self._known: dict[str, tuple[ActionStanding, tuple[GuardrailStanding, ...]]] = {}

    def count(self, action: ActionState) -> None:
        """Counts an action as it stands, and no more as it stood before."""
        known = self._known.pop(action.id, None)
        if known is not None:
            self.actions[known[0]] -= 1
            self.guarded.subtract(known[1])
        if not action.final:
            waits = action.state in ("proposed", "blocked")
            spoken = tuple(GuardrailStanding(each.name, each.effect) for each in action.guardrails) if waits else ()
            stands = ActionStanding(action.action, action.state, action.lane, "yes" if action.level else "no")
            self._known[action.id] = (stands, spoken)
            self.actions[stands] += 1
            self.guarded.update(spoken)


def with_guardrail(action: ActionState, spoken: Objection) -> None:
    """Adds what a guardrail said, in the place of what it said before."""
    action.guardrails = (*(each for each in action.guardrails if each.name != spoken.name), spoken)
