"""Verdicts in the contract's words: the CloudEvents that say what was raised, updated, resolved or retracted, and what to do.

Every event carries the full state of its exception. IDs are UUIDv5 of what they name, so the same exception has the same ID in every
run and replay; nothing here depends on a clock or a machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha1
from typing import Literal
from uuid import UUID

from msgspec import Struct

from dataflows.core.clocks.counted import CountedDeadline, deadline_data
from dataflows.core.decisions.cases import NEW, CaseState
from dataflows.core.decisions.suggestions import Suggestion, Suggestions
from dataflows.core.engine.bounds import encoded
from dataflows.core.policy.setting import Lane, Severity
from dataflows.core.rules.model import Rule
from schemas.instants import iso
from schemas.lateness import ScoreClock, clock_data
from schemas.record import Evidence

NAMESPACE = UUID("6f2b1a52-6d0c-5b0e-9a55-0c6b6f7d1e11")
"""The namespace of all IDs that Orderwatch makes. Stored data: never change it."""
SOURCE = "/orderwatch"
Status = Literal["open", "resolved", "retracted", "suppressed"]
CASE_NEW = ("new", None, None)
EXPIRED = "expired"
"""The resolution of what has stood open for too long without news."""
POLICY_CHANGED = "policy_changed"
"""The resolution of what was open when a policy was activated under which it does not hold."""


class ExceptionState(Struct, array_like=True, omit_defaults=True):
    """What has been said of one exception, as plain data; instants are µs, UTC. It is stored as it is: a new field comes last.

    `start` is when the condition began, `due` the missed deadline (None for signals). `work` is its case, None while there is nothing to
    say of it; `case` is what was kept of one before: (state, assignee, until). `action` is the number of the action last issued for it,
    negative once withdrawn, 0 if none; `asked` names that action where it is not the first of a built-in rule: those of a rule of the user
    may change, and the rule may go. `backfilled`: it began in history that was being told, so that its action is proposed and never
    requested. `news`: the log time at which it was last judged otherwise than before. `judged`: a digest of the
    lane, the guardrails and the parameters that were last said of its action, empty where a state of before does not have it. `begun`:
    since when a deadline is waited for. `suggestions`: what programs suggest of it. `counted`: how the deadline came about; None of a
    signal, and of what was judged before it was kept.
    """

    kind: str
    scope: str | None
    episode: int
    sequence: int = 0
    status: Status = "open"
    severity: Severity = "low"
    mode: str = "on"
    owner: str = ""
    lane: Lane = "review"
    start: int = 0
    end: int | None = None
    due: int | None = None
    arithmetic: str = ""
    detail: str = ""
    resolution: str | None = None
    suppressed_by: str | None = None
    case: tuple[str, str | None, str | None] = CASE_NEW
    action: int = 0
    evidence: tuple[Evidence, ...] = ()
    asked: str = ""
    backfilled: bool = False
    news: int = 0
    work: CaseState | None = None
    judged: str = ""
    begun: int | None = None
    suggestions: Suggestions | None = None
    counted: CountedDeadline | None = None


_PREFIX = sha1(NAMESPACE.bytes, usedforsecurity=False)


def derived_id(name: str) -> str:
    """The UUIDv5 of a name (RFC 9562, section 5.5) in `NAMESPACE`, as text: what `uuid.uuid5` gives, at a third of its cost."""
    hashed = _PREFIX.copy()
    hashed.update(name.encode())
    text = hashed.hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def action_id(exception: str, action: str, number: int) -> str:
    """The ID of the `number`th time that an exception asks for an action."""
    return derived_id(f"{exception}\x1f{action}\x1f{number}")


def exception_id(tenant: str, order: str, kind: str, scope: str | None, episode: int) -> str:
    """The ID of an exception, the same in every run."""
    return derived_id(f"{tenant}\x1f{order}\x1f{kind}\x1f{scope or ''}\x1f{episode}")


def cited(evidence: Evidence) -> dict[str, object]:
    """One piece of evidence in the contract's words."""
    return {
        "source": evidence.source,
        "id": evidence.id,
        "type": evidence.type,
        "time": iso(evidence.time_us),
        "recorded_at": _instant(evidence.log_us),
        "topic": evidence.topic,
        "partition": evidence.partition,
        "offset": evidence.offset,
    }


def event(tenant: str, order: str | None, type_: str, id_: str, time: int, data: dict[str, object]) -> bytes:
    """A CloudEvent in structured mode. Of data that no topic would take the lists are cut, in place (`bounds`)."""
    return encoded(
        {
            "specversion": "1.0",
            "id": id_,
            "source": SOURCE,
            "type": type_,
            **({} if order is None else {"subject": order}),
            "time": iso(time),
            "tenant": tenant,
            "datacontenttype": "application/json",
            "dataschema": f"https://orderwatch.dev/schemas/v1/{type_}",
        },
        data,
    )


def guardrails_data(spoken: Iterable[tuple[str, str, str]]) -> list[dict[str, object]]:
    """The guardrails that spoke, in the contract's words."""
    return [{"name": name, "effect": effect, "reason": reason} for name, effect, reason in spoken]


def suggestion_data(suggestion: Suggestion) -> dict[str, object]:
    """A suggestion in the contract's words."""
    return {
        "kind": suggestion.kind,
        "value": suggestion.value,
        "confidence": suggestion.confidence,
        "model": suggestion.model,
        "by": suggestion.by,
        "at": iso(suggestion.at),
    }


def case_data(state: ExceptionState) -> dict[str, object]:
    """What people made of an exception, and by when it is to be seen to."""
    case = state.work or NEW
    ended = case.ended
    return {
        "state": case.state,
        "team": case.team or state.owner,
        "assignee": case.assignee,
        "until": _instant(case.until),
        "until_kind": case.until_kind if case.state == "snoozed" else None,
        "waiting_on": case.waiting_on,
        "ack_by": _instant(case.ack_by),
        "resolve_by": _instant(case.resolve_by),
        "acknowledged_at": _instant(case.acknowledged),
        "paused_since": _instant(case.paused),
        "reopenings": case.reopenings,
        "reassignments": case.reassignments,
        "flaps": case.flaps,
        "outcome": case.outcome,
        "label": case.label,
        "note_ref": case.note_ref,
        "by": case.by,
        "decided_at": _instant(case.decided),
        "ended": None if ended is None else {"state": ended.state, "by": ended.by, "at": iso(ended.at)},
    }


def escalation_data(case: CaseState) -> dict[str, object] | None:
    """Whom a case that is overdue has gone to; None while it has gone to nobody."""
    if not case.level or case.to is None:
        return None
    return escalation_said(case.level, case.to, case.since, case.reason)


def escalation_said(level: int, whom: tuple[str, str], since: int | None, reason: str) -> dict[str, object]:
    """An escalation in the contract's words; `whom`: the team and, within it, the role."""
    team, role = whom
    to = f"{team}/{role}" if role else team
    return {"level": level, "to": to, "team": team, "role": role or None, "since": _instant(since), "reason": reason}


def _instant(at: int | None) -> str | None:
    return None if at is None else iso(at)


def exception_data(  # noqa: PLR0913 (what an exception's events say beside its state)
    state: ExceptionState,
    rule: Rule,
    id_: str,
    order: str,
    detected: int,
    policy: str,
    context: dict[str, object],
    score: tuple[dict[str, int], ScoreClock],
    *,
    summary: str,
    resolved_by: Evidence | None = None,
    changed_by: Evidence | None = None,
    guardrails: Iterable[tuple[str, str, str]] = (),
    messages: Sequence[dict[str, object]] = (),
) -> dict[str, object]:
    """The `data` of an `exception.*` event. `changed_by`: the event that made it be said, None if time passed.

    `score`: its terms, and the clock by which they grow; `guardrails`: those of the order, each as name, effect and reason; `messages`:
    what its customer was last told.
    """
    terms, clock = score
    return {
        "exception_id": id_,
        "sequence": state.sequence,
        "order_id": order,
        "kind": state.kind,
        "scope": state.scope,
        "episode": state.episode,
        "status": state.status,
        "suppressed_by": state.suppressed_by,
        "resolution": state.resolution,
        "case": case_data(state),
        "escalation": escalation_data(state.work or NEW),
        "severity": state.severity,
        "blocking": state.lane == "block",
        "score": min(1000, sum(terms.values())),
        "score_terms": terms,
        "score_clock": clock_data(clock),
        "owner": state.owner,
        "lane": "review" if state.suggestions and state.lane == "auto" else state.lane,
        "due_at": None if state.due is None else iso(state.due),
        "occurred_at": iso(state.start) if state.due is None else None,
        "resolved_at": None if state.end is None else iso(state.end),
        "resolved_by": None if resolved_by is None else cited(resolved_by),
        "changed_by": None if changed_by is None else cited(changed_by),
        "detected_at": iso(detected),
        "summary": summary,
        "arithmetic": state.arithmetic,
        "deadline": None if state.counted is None else deadline_data(state.counted),
        "evidence": [cited(e) for e in state.evidence],
        "context": {**context, "suggestions": [suggestion_data(each) for each in state.suggestions.kept]} if state.suggestions else context,
        "backfilled": state.backfilled,
        "guardrails": guardrails_data(guardrails),
        "messages": list(messages),
        "recommended": [{"action": action, "reason": reason} for action, reason in rule.actions],
        "policy": {"version": policy, "rule": state.kind, "mode": state.mode},
    }
