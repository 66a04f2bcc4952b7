"""Sends decisions, one or many, and keeps what became of each: in parts, so that the page can show how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from dataflows.console.deciding.outcomes import DecidedItem, Outcome, Outcomes
from dataflows.console.deciding.reading import Targets
from dataflows.console.deciding.undoing import before_of, before_of_action
from dataflows.console.deciding.verbs import Verb
from dataflows.console.deciding.wording import Wording
from dataflows.console.parts import TakesDecisions
from dataflows.console.taking import SOURCE, UntakenError, decision_id
from dataflows.console.visit import BadRequestError, Visit
from dataflows.core.actions.digest import payload_hash
from dataflows.core.engine.followup import initiated_id
from schemas.actions import ACTIONS
from schemas.envelope import DEFAULT_TENANT

PART: Final = 50
"""So many of a large decision are sent at once."""
AUTOMATION: Final = "automation"


def desk(visit: Visit) -> TakesDecisions:
    """What takes decisions in. Raises BadRequestError where this console only shows."""
    found = visit.parts.decisions
    if found is None:
        raise BadRequestError(visit.say("This console only shows: it cannot decide anything."))
    return found


def key_of(given: str) -> str:
    """The key of a form. Raises BadRequestError of what is none."""
    try:
        return str(UUID(given))
    except ValueError:
        raise BadRequestError("key") from None


def new_key() -> str:
    """A key for a form."""
    return str(uuid4())


def outcome_of(visit: Visit, verb: Verb, key: str, targets: Targets, wording: Wording, back: str | None) -> Outcome:
    """The outcome of a decision that is not sent yet."""
    data = {name: value for name, value in wording.data.items() if name not in ("evidence", "reason")}
    items = [
        *(
            DecidedItem(
                "exception_id",
                one.row.exception_id,
                one.row.tenant,
                one.row.order_id,
                one.seen,
                decision_id(visit.person, numbered(key, number)),
                one.row.kind,
                before=before_of(one),
            )
            for number, one in enumerate(targets.cases)
        ),
        *(
            DecidedItem(
                "action_id",
                one.about.row.action_id,
                one.about.row.tenant,
                one.about.row.order_id,
                one.seen,
                decision_id(visit.person, numbered(key, number)),
                one.about.row.action,
                before=before_of_action(one),
            )
            for number, one in enumerate(targets.actions)
        ),
    ]
    if verb.about == "automation":
        scope, wanted = str(data["scope"]), "paused" if verb.name == "pause" else "resumed"
        decision = decision_id(visit.person, key)
        items = [DecidedItem("", scope, tenant_of(data), AUTOMATION, 0, decision, scope, before={"wanted": wanted})]
    if verb.about == "order":
        items = [_asked(visit, items[0], key, data)]
    return Outcome(key, visit.person.by, verb.name, visit.now, items, data, back)


def tenant_of(data: Mapping[str, Any]) -> str:
    """In whose name a pause is written: that of the tenant that it is for."""
    word, _, name = str(data.get("scope", "")).partition(":")
    return name if word == "tenant" else DEFAULT_TENANT


def decisions_of(
    verb: Verb, outcome: Outcome, items: Sequence[DecidedItem], wording: Wording, *, anyway: bool = False
) -> list[dict[str, object]]:
    """The decisions as the intake takes them. `anyway`: whatever the sequence is by now."""
    found: list[dict[str, object]] = []
    for item in items:
        data: dict[str, Any] = dict(wording.data)
        if verb.about == "order":
            data["exception_id"] = item.before.get("exception")
        elif item.sort:
            data[item.sort] = item.id
        if verb.type in ("action.approved", "action.rejected"):
            data["payload_hash"] = item.before.get("hash")
        if wording.note is not None:
            data["note"] = wording.note
        expected = {} if anyway or verb.about in ("order", "automation") else {"expected_sequence": item.sequence}
        # The ID begins with the person's name; what follows is what the intake is given.
        key = item.decision.removeprefix(decision_id_start(outcome))
        data = {name: value for name, value in data.items() if value is not None}
        found.append({"id": key, "type": verb.type, "subject": item.order, "tenant": item.tenant, "data": data, **expected})
    return found


def decision_id_start(outcome: Outcome) -> str:
    """What the IDs of the decisions of an outcome begin with."""
    return f"console:{outcome.by.removeprefix('user:')}:-"


async def send(visit: Visit, verb: Verb, outcome: Outcome, items: Sequence[DecidedItem], wording: Wording, *, anyway: bool = False) -> None:
    """Sends the decisions about some items, and notes what became of each. Raises UntakenError: nothing is known then."""
    results = await desk(visit).take(visit.person, decisions_of(verb, outcome, items, wording, anyway=anyway))
    for item, result in zip(items, results, strict=True):
        item.status, item.reason, item.detail = result.status, result.reason, result.detail
        if result.more.get("changes"):
            item.before["changes"] = list(result.more["changes"])  # type: ignore[call-overload]
        if isinstance(sequence := result.more.get("sequence"), int):
            item.before["stands"] = sequence


def to_be_sent(outcome: Outcome, wording: Wording) -> None:
    """Notes what is sent, for as long as not all is: whoever goes on after a failure sends the same."""
    outcome.data["to_send"] = {"data": wording.data, "note": wording.note}


def kept_wording(outcome: Outcome) -> Wording:
    """What of an outcome is still to be sent says."""
    kept: Mapping[str, Any] = outcome.data.get("to_send") or {}
    return Wording(dict(kept.get("data") or {}), kept.get("note"))


async def send_parts(visit: Visit, verb: Verb, outcome: Outcome, kept: Outcomes) -> None:
    """Sends what waits, part by part, and keeps what became of each part. What cannot be sent goes on waiting."""
    waiting, wording = outcome.waiting, kept_wording(outcome)
    for at in range(0, len(waiting), PART):
        try:
            await send(visit, verb, outcome, waiting[at : at + PART], wording)
        except UntakenError as error:
            outcome.data["untaken"] = str(error)
            await visit.own(kept.change, outcome)
            return
        outcome.data.pop("untaken", None)
        if not outcome.waiting:
            outcome.data.pop("to_send", None)
        await visit.own(kept.change, outcome)
    visit.parts.heads.forget()


def numbered(key: str, number: int) -> str:
    """The key of one of the decisions of a form."""
    return key if not number else f"{key}-{number}"


def _asked(visit: Visit, item: DecidedItem, key: str, data: Mapping[str, Any]) -> DecidedItem:
    """What is asked for, under the ID that the engine will give it. `item`: the exception that it is for."""
    decision = decision_id(visit.person, key)
    id_ = initiated_id(item.tenant, item.order, SOURCE, decision)
    name, parameters = str(data["action"]), data["parameters"]
    exception = data.get("exception_id")
    wanted, sort = parameters.get("target"), str(ACTIONS[name].target)
    target = wanted if isinstance(wanted, str) and wanted.startswith(f"{sort}:") else sort
    # As the engine does: what is about a part of an order that is not named is about the order.
    target = "order" if target in ("shipment", "payment", "return") else target
    hash_ = payload_hash(item.tenant, item.order, exception, name, target, parameters)
    before = {"hash": hash_, "exception": exception, "for": item.id}
    return DecidedItem("action_id", id_, item.tenant, item.order, 0, decision, name, before=before)
