"""From what a client asks for to the decision that is written: the client states what is decided, the server who decides and when.

Whatever a client claims of itself is refused, and so is a field that no decision of the type has: what is misspelt would be ignored
silently, and somebody would believe it decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, cast
from uuid import uuid4

import orjson

from dataflows.core.actions.pauses import wrong_scope
from dataflows.core.decisions.cases import OTHER, UNTIL_KINDS, WAITED_FOR
from dataflows.core.rules import RULES_BY_KIND
from dataflows.core.rules.user.build import DOMAIN
from dataflows.ingest.decisions.who import Decider
from schemas.actions import ACTIONS
from schemas.deciding import is_decision
from schemas.envelope import ACTIVATED, DEFAULT_TENANT
from schemas.events import DATA_MODELS
from schemas.problems import nearest
from schemas.roles import DECIDERS
from schemas.wire import Rejected, decode
from sources.gateway.tokens.scopes import ALL, DecisionScope

STATED: Final = frozenset(("specversion", "id", "type", "subject", "tenant", "dataschema", "datacontenttype", "data", "expected_sequence"))
"""What a client may state."""
CLAIMED: Final = frozenset(("source", "time", "recordedtime"))
CLAIMED_DATA: Final = frozenset(("by", "by_roles", "note_ref"))
"""What the server sets, of the event and of its data."""
LABELS: Final = ("real", "noise", "known", "wrong_owner")
OBSERVED: Final = ("executed", "not_executed")
AUTOMATION: Final = "automation"
"""The subject of what is about no order, where none is stated."""
LONGEST_ID: Final = 128
LONGEST_NOTE: Final = 10_000

Refusal = tuple[str, str]
"""A reason and its detail."""


class NewDecision(NamedTuple):
    """A decision as it is to be written. `note`: the text that stays in the store; `expected`: the sequence that its target must have."""

    event: dict[str, object]
    note: str | None
    expected: int | None

    @property
    def id(self) -> str:
        """The event's ID."""
        return str(self.event["id"])

    @property
    def target(self) -> tuple[str, str] | None:
        """What it is about: `exception_id` or `action_id`, and which; None if it is neither."""
        data = cast("dict[str, object]", self.event["data"])
        for name in ("action_id", "exception_id"):
            if isinstance(found := data.get(name), str):
                return name, found
        return None


def read_decision(decider: Decider, value: Mapping[str, object], now: datetime) -> NewDecision | Refusal:
    """The decision that a client asks for, or why it is none that it may make. Whether it counts is for the engine to say."""
    scope = decider.scope
    wrong = _of_form(value) or _allowed(decider, value)
    if wrong is not None:
        return wrong
    type_, data = cast("str", value["type"]), dict(cast("dict[str, object]", value.get("data") or {}))
    note = data.pop("note", None)
    wrong = _meaning(scope, type_, data, note, now)
    if wrong is not None:
        return wrong
    key, subject = value.get("id"), value.get("subject")
    if subject is None and type_.startswith(f"{AUTOMATION}."):
        subject = AUTOMATION
    id_ = f"{decider.id}-{uuid4() if key is None else key}"
    if note is not None and type_.startswith("case."):
        data["note_ref"] = id_
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": id_,
        "source": decider.source,
        "type": type_,
        **({} if subject is None else {"subject": subject}),
        "time": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tenant": value.get("tenant") or DEFAULT_TENANT,
        "data": {**data, "by": scope.by, "by_roles": list(scope.roles)},
    }
    try:
        decode(orjson.dumps(event))
    except Rejected as why:
        return why.reason, why.detail
    except orjson.JSONEncodeError:
        return "not_json", "cannot be written as JSON"
    if subject is None and type_ != ACTIVATED:
        return "no_subject", "a decision names its order as subject"
    return NewDecision(event, cast("str | None", note), cast("int | None", value.get("expected_sequence")))


def _of_form(value: Mapping[str, object]) -> Refusal | None:
    """What is wrong with the attributes, whatever the type."""
    if claimed := sorted(CLAIMED & value.keys()):
        return "claimed", f"{', '.join(claimed)}: set by the server, leave it out"
    if unknown := sorted(value.keys() - STATED):
        return "unknown_field", f"{unknown[0]!r} is no attribute of a decision{_meant(unknown[0], STATED)}"
    if value.get("specversion", "1.0") != "1.0":
        return "not_cloudevent", "specversion is 1.0"
    type_, key = value.get("type"), value.get("id")
    if not isinstance(type_, str):
        return "missing_field", "type"
    if type_ not in DATA_MODELS or not (is_decision(type_) or type_ in DECIDERS):
        what = "an event: send it to /events" if type_ in DATA_MODELS else f"no type of decision{_meant(type_, DECIDERS)}"
        return "not_a_decision", f"{type_!r} is {what}" if type_ not in DATA_MODELS else f"{type_} is {what}"
    if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_ID):
        return "bad_value", f"id is a text of at most {LONGEST_ID} characters"
    if not isinstance(value.get("tenant", ""), str | None):
        return "wrong_type", "tenant"
    expected = value.get("expected_sequence")
    if expected is not None and (isinstance(expected, bool) or not isinstance(expected, int) or expected < 0):
        return "bad_value", "expected_sequence is a number"
    data = value.get("data")
    if data is not None and not isinstance(data, dict):
        return "wrong_type", "data"
    given = cast("dict[str, object]", data or {})
    if claimed := sorted(CLAIMED_DATA & given.keys()):
        return "claimed", f"data.{', data.'.join(claimed)}: set by the server, leave it out"
    known = {*DATA_MODELS[type_].model_fields, "note"} - CLAIMED_DATA
    if unknown := sorted(given.keys() - known):
        return "unknown_field", f"{type_} has no field {unknown[0]!r}{_meant(unknown[0], known)}"
    return None


def _allowed(decider: Decider, value: Mapping[str, object]) -> Refusal | None:
    type_ = cast("str", value["type"])
    wrong = decider.scope.refused(cast("str | None", value.get("tenant")) or DEFAULT_TENANT, type_)
    if wrong is not None or not decider.narrowed:
        return wrong
    data = cast("Mapping[str, object]", value.get("data") or {})
    if data.get("exception_id") or data.get("action_id"):
        return None  # Whose that is, the store says.
    return "out_of_scope", f"{type_} reaches beyond the teams and sites that may be decided for: name an exception of theirs"


def _meaning(scope: DecisionScope, type_: str, data: Mapping[str, object], note: object, now: datetime) -> Refusal | None:
    """What is wrong with the fields of a type, as far as that can be known without the engine."""
    if note is not None and not (isinstance(note, str) and 0 < len(note) <= LONGEST_NOTE):
        return "bad_value", f"note is a text of at most {LONGEST_NOTE:,} characters"
    match type_:
        case "case.assigned" if not data.get("assignee") and not data.get("team"):
            return "missing_field", "data.assignee or data.team"
        case "case.noted" if note is None:
            return "missing_field", "data.note"
        case "case.labelled" if data.get("label") not in LABELS:
            return "bad_value", f"data.label is one of {', '.join(LABELS)}"
        case "case.waiting" if data.get("on") not in (*WAITED_FOR, OTHER):
            return "bad_value", f"data.on is one of {', '.join((*WAITED_FOR, OTHER))}"
        case "case.snoozed" if data.get("until_kind", UNTIL_KINDS[0]) not in UNTIL_KINDS:
            return "bad_until_kind", f"data.until_kind is one of {', '.join(UNTIL_KINDS)}"
        case "case.snoozed" if data.get("until") is None and data.get("until_kind", UNTIL_KINDS[0]) == UNTIL_KINDS[0]:
            return "missing_field", "data.until"
        case "action.approved" | "action.rejected" if not data.get("payload_hash"):
            return "no_hash", "data.payload_hash: that of what was read"
        case "action.observed" if data.get("outcome") not in OBSERVED:
            return "bad_value", f"data.outcome is one of {', '.join(OBSERVED)}"
        case "action.initiated" if data.get("action") not in ACTIONS:
            return "illegal_action", f"data.action is one of {', '.join(sorted(ACTIONS))}"
        case "automation.paused" | "automation.resumed":
            return _of_automation(scope, type_, data)
        case _:
            pass
    return _until(type_, data, now)


def _of_automation(scope: DecisionScope, type_: str, data: Mapping[str, object]) -> Refusal | None:
    over = data.get("scope")
    if not isinstance(over, str):
        return "missing_field", "data.scope"
    if (wrong := wrong_scope(over)) is not None:
        return "bad_scope", wrong
    if type_ == "automation.paused" and (unknown := unknown_rule(over)) is not None:
        return "bad_scope", unknown
    word, _, tenant = over.partition(":")
    if ALL in scope.tenants or (word == "tenant" and tenant in scope.tenants):
        return None
    return "tenant_not_allowed", f"{over} reaches beyond the tenants that may be decided for: name one of them, as tenant:NAME"


def unknown_rule(scope: str) -> str | None:
    """Why a pause of a rule would pause nothing: there is no such rule. None if there is, or may be: the policy may have its own."""
    word, _, kind = scope.partition(":")
    if word != "rule" or kind in RULES_BY_KIND or kind.startswith(f"{DOMAIN}."):
        return None
    return f"no rule {kind!r}{_meant(kind, RULES_BY_KIND)}"


def _until(type_: str, data: Mapping[str, object], now: datetime) -> Refusal | None:
    until = data.get("until")
    if type_ not in ("case.snoozed", "case.waiting") or not isinstance(until, str):
        return None
    try:
        at = datetime.fromisoformat(until)
    except ValueError:
        return "bad_time", "data.until"
    if at.tzinfo is None:
        return "bad_time", "data.until: without an offset"
    return ("until_passed", "data.until has passed") if at <= now else None


def _meant(name: str, known: object) -> str:
    found = nearest(name, sorted(cast("frozenset[str]", known)))
    return f"; did you mean {found}?" if found else ""
