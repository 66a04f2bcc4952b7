"""The sentence that an exception says of its case: the kind's sentence (`rules.sentences`), filled with what is known of the order.

All its times are in one zone, which it names: the one that the deadline was counted in. Of what has ended it says how and when.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.summary_case import ExceptionCase, called
from dataflows.core.engine.summary_fields import FIELDS
from dataflows.core.history.parcels import scan_of
from dataflows.core.history.unclaimed import ORPHAN, claimed_at, waits_of
from dataflows.core.rules.model import Rule
from dataflows.core.rules.sentences import AT_ONCE, SENTENCES, UNCLAIMED
from dataflows.core.rules.structs import Lasting, Overdue, Silent
from schemas.record import Evidence

_FIELD: Final = re.compile(r"\{(\w+)\}")
_PARTS: Final = re.compile(r"\[([^\[\]]*)\]")
BY_FORM: Final[dict[type, str]] = {
    Overdue: "{name}: what it waits for had not come by {due}[; it counts from {anchor}][; last seen {last_scan}].",
    Silent: "{name}: the last that was heard of {what} was {last_event}, and nothing by {due}.",
    Lasting: "{name}: it had lasted since {began_event} and still did {at_due}.",
}
"""What exceptions of the user's rules say, which have no sentence of their own; of any other form the last one."""
REPORTED: Final = "{name}: {event} {began}[ said of {what}][: {reason}]."
ENDINGS: Final = {
    "milestone": "It came late, on {when}",
    "promise_moved": "The deadline was moved on {when}",
    "cleared": "It cleared on {when}",
    "lifted": "It has not mattered since {when}",
    "over": "It ended on {when}",
    "case": "A person closed it on {when}",
    "expired": "It was closed for age on {when}",
    "policy_changed": "The policy has not asked for it since {when}",
}
"""How an exception ended, by its resolution; `over`: otherwise than by what was waited for."""
OTHER_ENDS: Final = frozenset(("returning", "returned", "lost", "failed_final", "cancelled", "expired"))
"""How a parcel ends that does not arrive."""
ARRIVALS: Final = frozenset(
    ("shipment.delivery_overdue", "shipment.eta_passed", "shipment.pickup_unclaimed", "fulfilment.pickup_uncollected")
)
"""The kinds that wait for a parcel to arrive, or to be fetched."""


class SentencePart(NamedTuple):
    """A part of a sentence: the texts before, between and behind its fields, and whether it is left out where one of them is unknown."""

    texts: tuple[str, ...]
    fields: tuple[str, ...]
    optional: bool


@cache
def _template(text: str) -> tuple[SentencePart, ...]:
    """A sentence as its parts, in their order."""
    parts: list[SentencePart] = []
    for place, part in enumerate(_PARTS.split(text)):
        if part:
            pieces = _FIELD.split(part)
            parts.append(SentencePart(tuple(pieces[::2]), tuple(pieces[1::2]), place % 2 == 1))
    return tuple(parts)


def fields_of(text: str) -> set[str]:
    """The fields that a sentence names."""
    return set(_FIELD.findall(text))


def sentence_of(rule: Rule) -> str:
    """The sentence of a kind, with its fields."""
    own = SENTENCES.get(rule.kind)
    return own if own is not None else BY_FORM.get(type(rule.forms[0]) if rule.forms else object, REPORTED)


def summary(case: ExceptionCase, ended_by: Evidence | None) -> str:
    """What the case says. `ended_by`: the event that resolved it, if one did."""
    state = case.state
    text = AT_ONCE.get(state.kind) if state.due is None else None
    if state.kind == ORPHAN and waits_of(case.facts.t):
        text = UNCLAIMED
    text = text or sentence_of(case.rule)
    said = "".join([_said(case, part) for part in _template(text)])
    said = said[:1].upper() + said[1:]
    return said + _ending(case, state, ended_by) + (f" (Times: {case.zone}.)" if case.timed else "")


def _said(case: ExceptionCase, part: SentencePart) -> str:
    known = [FIELDS[name](case) for name in part.fields]
    if part.optional and not all(known):
        return ""
    said = [part.texts[0]]
    for value, text in zip(known, part.texts[1:], strict=True):
        said += (value or "(not stated)", text)
    return "".join(said)


def _ending(case: ExceptionCase, state: ExceptionState, ended_by: Evidence | None) -> str:
    if state.status == "retracted":
        return " Taken back: evidence that came later shows that it was not so."
    if state.status != "resolved":
        return ""
    claimed = [note for note in waits_of(case.facts.t) if note.others and claimed_at(note) == state.end]
    if state.kind == ORPHAN and claimed:
        return f" It was tied to order {claimed[0].others[0]} on {case.moment(state.end)}."
    words = ENDINGS["over" if ended_by is not None and _is_other(case, state, ended_by) else state.resolution or "over"]
    if state.due is not None and state.end is not None and state.end <= state.due:  # Only the warning had come.
        words = words.replace("came late, on", "came on")
    # What a person closed, or age, has no end of its own.
    at = state.end if state.end is not None or ended_by is None else ended_by.time_us
    words = words.partition(" on {")[0].partition(" since {")[0] if at is None else words.format(when=case.moment(at))
    return f" {words} ({_cited(case, ended_by)})." if ended_by is not None else f" {words}."


def _is_other(case: ExceptionCase, state: ExceptionState, evidence: Evidence) -> bool:
    """Whether what ended a waiting is not what was waited for, but leaves nothing to wait for: a refund, another end of a parcel."""
    if state.resolution != "milestone":
        return False
    if evidence.type == "payment.refunded":
        return not state.kind.startswith(("payment.", "return."))
    record = case.facts.t.find(evidence.source, evidence.id) if state.kind in ARRIVALS and evidence.type == "carrier.scan" else None
    return record is not None and scan_of(record).status in OTHER_ENDS


def _cited(case: ExceptionCase, evidence: Evidence) -> str:
    record = case.facts.t.find(evidence.source, evidence.id)
    return f"{evidence.type if record is None else called(record)}, {evidence.source}"
