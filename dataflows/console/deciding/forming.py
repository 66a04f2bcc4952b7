"""The form of a decision: what it is about, the fields as they were typed, what it would do, what is wrong, what has changed meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

import orjson
from starlette.responses import Response

from dataflows.console.access import EVERY, Needs
from dataflows.console.deciding.allowances import Allowances, ForeseenAction, allowances
from dataflows.console.deciding.effects import Effect, of_cases
from dataflows.console.deciding.effects_of_actions import Beside, approving, initiating, observing, rejecting, switching
from dataflows.console.deciding.mornings import Morning, next_morning
from dataflows.console.deciding.parameters import FIELDS, KnownOrder, Parameter, choices_of, defaults, offered
from dataflows.console.deciding.reading import Targets
from dataflows.console.deciding.sending import desk
from dataflows.console.deciding.verbs import COUNTED, MANY, RISKY, Verb
from dataflows.console.deciding.wording import OUTCOMES, SNOOZES, WAITS, FormContext, Wording, read_fields
from dataflows.console.govern.holding import known_policy
from dataflows.console.people.directory import KnownPerson
from dataflows.console.text import mark
from dataflows.console.visit import Visit
from dataflows.core.policy import Policy
from dataflows.ingest.decisions.checks import LABELS, OBSERVED
from schemas.actions import ACTIONS
from schemas.instants import MICROSECOND
from sinks.cases.queries.deciding import knows_action_for, open_actions_of, paused_scopes
from sinks.cases.queries.detail import exception_detail

ONE_KIND: Final = mark("Only actions of one kind can be approved together.")
ABOVE_LIMIT: Final = mark("%(count)s of them are worth more than %(limit)s: approve those one by one.")
WRONG_COUNT: Final = mark("Type how many they are: %(count)s.")
SHORTENED: Final = mark("The policy allows no longer rest: it comes back on %(at)s.")
CONFIRMED: Final = "confirmed"


@dataclass
class DecisionForm:
    """A form while it is filled in. `back`: the page to go to afterwards; `changes`: what has changed since it was read."""

    visit: Visit
    verb: Verb
    targets: Targets
    fields: dict[str, str]
    key: str
    back: str
    order: KnownOrder | None = None
    wording: Wording = field(default_factory=Wording)
    effect: Effect | None = None
    problem: str = ""
    changes: Sequence[Mapping[str, Any]] = ()
    exception_known: bool = False
    context: Mapping[str, object] = field(default_factory=dict[str, object])
    people: Sequence[KnownPerson] = ()
    teams: Sequence[str] = ()
    morning: Morning | None = None

    @property
    def counted(self) -> bool:
        """Whether it must be typed how many they are."""
        return self.verb.name in COUNTED and self.targets.total > MANY

    @property
    def needs_confirmation(self) -> bool:
        """Whether it is confirmed on a page of its own: it sets off something that cannot be undone."""
        return self.verb.name in RISKY and self.effect is not None and self.effect.irreversible

    @property
    def digest(self) -> str:
        """What a confirmation confirms: exactly this, and nothing that was changed since."""
        said = [self.verb.name, self.wording.data, self.wording.note, self.targets.values]
        hashes = [one.about.row.payload_hash for one in self.targets.actions]
        return hashlib.sha256(orjson.dumps([said, hashes, self.key])).hexdigest()

    async def read(self) -> None:
        """Reads the fields, and what they would do. Raises StoreDownError."""
        if self.verb.name == "assign":
            self.people = await self.visit.own(self.visit.parts.directory.everybody)
            self.teams = self._teams(await known_policy(self.visit))
        if self.verb.name == "snooze":
            self.morning = next_morning(self.visit.now, self.visit.zone, await known_policy(self.visit), self.targets.cases)
        if self.verb.about == "order":
            await self._about_order()
        self.wording = read_fields(self.verb, self.fields, self._given())
        self.problem = self.problem or self._wrong_together()
        self.effect = await self._effect()

    def page(self, *, status: int = 200, confirm: bool = False) -> Response:
        """The page of the form, or of its confirmation; only the form, or its effect, where a page asks for it in place."""
        visit, name = self.visit, "confirm" if confirm else "form"
        if not visit.wants_fragment:
            return visit.page(f"decide/{name}.html", status=status, form=self, **self._choices())
        if self.fields.get("step") == "preview":
            return visit.fragment("decide/effect.html", form=self)
        return visit.fragment(f"decide/{name}_body.html", status=status, form=self, **self._choices())

    def problem_of(self, name: str) -> str:
        """What is wrong with a field."""
        found = self.wording.problems.get(name)
        return "" if found is None or not self.fields.get("step") else self.visit.say(found[0], **found[1])

    def parameters(self) -> list[tuple[Parameter, tuple[str, ...]]]:
        """The fields of the chosen action, with what can be chosen in each."""
        action = self.fields.get("action", "")
        if self.order is None:
            return []
        return [(one, choices_of(one, self.order)) for one in FIELDS.get(action, ())]

    def carried(self) -> list[tuple[str, str]]:
        """All fields as hidden ones of the confirmation."""
        return [
            (name, value) for name, value in self.fields.items() if name not in ("step", CONFIRMED, "x", "a", "key", "back", "do", "count")
        ]

    def _choices(self) -> dict[str, object]:
        people = [one.person for one in self.people if not one.disabled and one.person.may(Needs.DECIDE)]
        return {
            "snoozes": SNOOZES,
            "morning": self.morning,
            "waits": WAITS,
            "labels": LABELS,
            "outcomes": OUTCOMES,
            "observations": OBSERVED,
            "people": people,
            "teams": self.teams,
            "actions": [] if self.order is None else offered(self.order.kind),
            "specs": ACTIONS,
        }

    def _teams(self, policy: Policy | None) -> list[str]:
        """Those that the policy names, that people belong to, and that have or had the cases."""
        named = {team for one in self.people if not one.disabled for team in one.person.scope.teams if team != EVERY}
        had = {team for one in self.targets.cases for team in (one.row.team, one.row.owner) if team}
        return sorted(named | had | (frozenset() if policy is None else policy.every_team()))

    def _given(self) -> FormContext:
        visit = self.visit

        def find(name: str) -> str | None:
            known = next((one for one in self.people if one.person.name == name and not one.disabled), None)
            if known is None or not known.person.may(Needs.DECIDE):
                return None
            sees = all(known.person.may_see(one.row.tenant, one.row.team, one.row.site) for one in self.targets.cases)
            return known.person.by if sees else None

        morning = None if self.morning is None else self.morning.at
        return FormContext(visit.person.by, visit.now, visit.zone, find, self.teams, self.order, morning)

    async def _about_order(self) -> None:
        row = self.targets.cases[0].row
        self.exception_known = await self.visit.read(knows_action_for, row.exception_id)
        detail = await self.visit.read(exception_detail, row.exception_id, self.visit.now)
        self.context = {} if detail is None else context_of(detail.data)
        self.order = known_order(row.kind, row.scope, self.context)
        action = self.fields.get("action", "")
        if action and self.fields.get("step", "form") == "form":
            self.fields = {**defaults(action, self.order), **self.fields}

    def _wrong_together(self) -> str:
        """What is wrong with deciding about all of them at once."""
        visit, actions = self.visit, self.targets.actions
        if self.verb.name == "approve" and len(actions) > 1:
            if len({one.about.row.action for one in actions}) > 1:
                return visit.say(ONE_KIND)
            limit = desk(visit).bulk_limit
            above = [one for one in actions if ACTIONS[one.about.row.action].money and (one.about.row.value or Decimal(0)) > limit]
            if above:
                return visit.say(ABOVE_LIMIT, count=len(above), limit=visit.language.number(limit))
        if self.counted and self.fields.get("step") == "send" and self.fields.get("count", "").strip() != str(self.targets.total):
            return visit.say(WRONG_COUNT, count=self.targets.total)
        return ""

    async def _effect(self) -> Effect | None:
        visit, verb, data = self.visit, self.verb, self.wording.data
        if verb.about == "case":
            effect = of_cases(visit, verb, self.targets.cases, data)
            effect.against += await self._shortened(data.get("until"))
            return effect
        if verb.about == "automation":
            return switching(visit, verb.name)
        if verb.name == "approve":
            return approving(visit, self.targets.actions, await self._beside(), desk(visit).templates)
        if verb.name == "reject":
            return rejecting(visit, self.targets.actions)
        if verb.name == "observe":
            return observing(visit, self.targets.actions[0], data)
        if "action" not in data:
            return None
        row = self.targets.cases[0].row
        asked = ForeseenAction(row.tenant, row.order_id, str(data["action"]), row.kind)
        beside = Beside(await visit.read(paused_scopes), met=await self._met(asked))
        return initiating(visit, data, row, beside, exception_known=self.exception_known)

    async def _shortened(self, until: object) -> list[str]:
        """That the policy lets no case rest for so long; of its overrides for single orders the console does not know."""
        policy = None if until is None else await known_policy(self.visit)
        kinds = {one.row.kind for one in self.targets.cases}
        longest = [] if policy is None else [one.longest_pause.n for one in policy.base if one.kind in kinds]
        last = self.visit.now + min(longest, default=0) * MICROSECOND
        if not longest or datetime.fromisoformat(str(until)) <= last:
            return []
        return [self.visit.say(SHORTENED, at=self.visit.language.date_time(last, self.visit.zone))]

    async def _beside(self) -> Beside:
        visit, row = self.visit, self.targets.actions[0].about.row
        paused = await visit.read(paused_scopes)
        if len(self.targets.actions) > 1:
            return Beside(paused)
        others = await visit.read(open_actions_of, row.tenant, row.order_id)
        detail = None if row.exception_id is None else await visit.read(exception_detail, row.exception_id, visit.now)
        met = await self._met(ForeseenAction(row.tenant, row.order_id, row.action, self.targets.actions[0].about.kind))
        return Beside(paused, others, {} if detail is None else context_of(detail.data), met)

    async def _met(self, asked: ForeseenAction) -> Allowances | None:
        """What an action would meet on its way out; None where no policy is known."""
        policy = await known_policy(self.visit)
        return None if policy is None else await self.visit.read(allowances, policy, asked, self.visit.now)


def known_order(kind: str, scope: str | None, context: Mapping[str, Any]) -> KnownOrder:
    """What is known of an order, by the context of its exception."""
    total, payment = _mapping(context.get("total")), _mapping(context.get("payment"))
    shipments = [_mapping(one) for one in context.get("shipments") or ()]
    amount, currency = total.get("amount"), total.get("currency")
    payments = [*payment.get("payment_ids", ())]
    if scope is not None and scope.startswith("payment:"):
        payments.append(scope.removeprefix("payment:"))
    return KnownOrder(
        kind=kind,
        scope=scope,
        total=None if amount is None else Decimal(str(amount)),
        currency=None if currency is None else str(currency),
        shipments=tuple(dict.fromkeys(str(one["shipment_id"]) for one in shipments if one.get("shipment_id"))),
        payments=tuple(dict.fromkeys(map(str, payments))),
    )


def context_of(data: Mapping[str, object]) -> Mapping[str, Any]:
    """What an exception's event knows of its order."""
    return _mapping(data.get("context"))


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
