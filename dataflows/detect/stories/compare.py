"""What stands beside what a story expects as of an instant, and the difference in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from dataflows.detect.stories.events import FIRST_ORDER
from dataflows.detect.stories.expect import ActionExpected, Expectation, Expected, MessagesExpected
from dataflows.detect.stories.fields import at_path, otherwise, words
from dataflows.detect.stories.said import ExceptionStanding, GivenBack, Said, StoryAction, at_instant, is_message
from dataflows.detect.stories.times import Times

Line = tuple[int, str]
"""The line of the file that expects something, and what is otherwise."""


def compared(expected: Expected, said: Said, times: Times) -> Iterator[Line]:
    """Everything that is otherwise than expected as of one instant."""
    yield from _rejects(expected, said.rejects)
    if expected.of_exceptions:
        standing = [one for one in said.exceptions.values() if one.status != "retracted" and one.order in expected.orders]
        yield from _exceptions(expected, [one for one in standing if not expected.kinds or one.kind in expected.kinds], times)
    yield from _actions(expected, list(said.actions.values()))
    for line, orders in expected.ranked:
        yield from _ranked(line, orders, said.exceptions.values())
    for one in expected.messages:
        yield from _messages(one, said.actions.values())
    for line, fields in expected.automation:
        yield from ((line, f"automation: {wrong}") for wrong in otherwise(fields, said.automation))


def _exceptions(expected: Expected, standing: Sequence[ExceptionStanding], times: Times) -> Iterator[Line]:
    left = list(standing)
    unmet: list[Expectation] = []
    for one in expected.expectations:
        fitting = [each for each in left if not _wrong(one, each, times)]
        if fitting:
            left.remove(fitting[0])
        else:
            unmet.append(one)
    for one in unmet:
        near = min((each for each in left if _same(one, each)), key=lambda each: len(_wrong(one, each, times)), default=None)
        if near is None:
            yield one.line, f"expected {_expectation_words(one, times)}, and nothing was said"
        else:
            left.remove(near)
            yield one.line, f"{near.kind}{_place(near)}{_whose(near.order)}: {'; '.join(_wrong(one, near, times))}"
    for each in left:
        yield expected.line, f"not expected: {_standing_words(each, times)}"


def _same(one: Expectation, each: ExceptionStanding) -> bool:
    """Whether an exception is probably the one that is meant."""
    return one.order == each.order and one.kind in ("", each.kind)


def _wrong(one: Expectation, each: ExceptionStanding, times: Times) -> list[str]:
    """What of an exception is otherwise than expected."""
    pairs: list[tuple[str, object, object]] = [
        ("order", one.order, each.order),
        ("kind", one.kind or each.kind, each.kind),
        ("scope", one.scope or "the order", each.scope or "the order"),
        ("episode", one.episode, each.episode),
        ("status", one.status, each.status),
        ("severity", one.severity or each.severity, each.severity),
        ("owner", one.owner or each.owner, each.owner),
        ("lane", one.lane or each.lane, each.lane),
    ]
    found = [f"{name} expected {wanted}, is {known}" for name, wanted, known in pairs if wanted != known]
    for name, wanted, at in (("since", one.start, each.start), ("due", one.due, each.due)):
        if wanted is not None and at_instant(wanted) != at:
            found.append(f"{name} expected {times.words(at_instant(wanted))}, is {'none' if at is None else times.words(at)}")
    return found + otherwise(one.fields, each.data)


def _actions(expected: Expected, known: Sequence[StoryAction]) -> Iterator[Line]:
    left = list(known)
    for one in expected.actions:
        fitting = [each for each in (known if one.absent else left) if not _unlike(one, each)]
        if one.absent:
            yield from ((one.line, f"not expected: {_action_words(each)}") for each in fitting)
        elif fitting:
            left.remove(fitting[0])
        else:
            near = min((each for each in left if _about(one, each)), key=lambda each: len(_unlike(one, each)), default=None)
            if near is None:
                yield one.line, f"expected action {one.name} {one.state}{_whose(one.order)}, and there is none so called"
            else:
                left.remove(near)
                yield one.line, f"{_action_words(near)}: {'; '.join(_unlike(one, near))}"
    named = {(one.order, one.name): one.line for one in expected.actions if not one.absent and one.name is not None}
    for each in left:
        for (order, name), line in named.items():
            if each.order == order and each.called(name):
                yield line, f"not expected: {_action_words(each)}"


def _about(one: ActionExpected, each: StoryAction) -> bool:
    return each.order == one.order and (one.name is None or each.called(one.name))


def _unlike(one: ActionExpected, each: StoryAction) -> list[str]:
    """What of an action is otherwise than expected."""
    pairs: list[tuple[str, str | None, str | None]] = [
        ("order", one.order, each.order),
        ("state", one.state, each.text("state")),
        ("kind", one.kind, each.kind),
        ("target", one.target, each.text("target")),
        ("lane", one.lane, each.text("lane")),
        ("by", one.by, each.text("initiated_by")),
    ]
    found = [f"{name} expected {wanted}, is {known}" for name, wanted, known in pairs if wanted is not None and wanted != known]
    if one.name is not None and not each.called(one.name):
        found.append(f"name expected {one.name}, is {each.text('action')}")
    return found + otherwise(one.fields, each.data)


def _rejects(expected: Expected, rejects: Sequence[GivenBack]) -> Iterator[Line]:
    left = list(rejects)
    for one in expected.rejects:
        fitting = [each for each in left if each.reason == one.reason and one.type in (None, each.type) and one.order in (None, each.order)]
        if fitting:
            left.remove(fitting[0])
        else:
            yield one.line, f"expected that {one.type or 'an event'} is rejected as {one.reason}, and none was"
    for each in left:
        yield expected.line, f"an event was rejected: {each.detail}" + (f" ({each.reason}, {each.type})" if each.type else "")


def _ranked(line: int, orders: Sequence[str], standing: Iterable[ExceptionStanding]) -> Iterator[Line]:
    scores = dict.fromkeys(orders, -1)
    for each in standing:
        if each.status == "open" and each.order in scores:
            score = each.data.get("score")
            scores[each.order] = max(scores[each.order], score if isinstance(score, int) else -1)
    silent = [order for order, score in scores.items() if score < 0]
    if silent:
        yield line, f"nothing is open of {', '.join(silent)}"
    elif any(scores[one] <= scores[other] for one, other in pairwise(orders)):
        yield line, f"the scores are {', '.join(f'{order} {score}' for order, score in scores.items())}"


def _messages(one: MessagesExpected, actions: Iterable[StoryAction]) -> Iterator[Line]:
    found = [each for each in actions if is_message(each) and each.requested and one.order in (None, each.order)]
    if len(found) != one.count:
        known = "; ".join(map(_action_words, found))
        yield one.line, f"messages expected {one.count}, are {len(found)}" + (f": {known}" if known else "")


def _place(each: ExceptionStanding) -> str:
    return f" on {each.scope}" if each.scope else ""


def _whose(order: str) -> str:
    return f" of {order}" if order != FIRST_ORDER else ""


def _action_words(each: StoryAction) -> str:
    step = each.data.get("step")
    name = each.text("action") + (f" ({step})" if step not in (None, each.data["action"]) else "")
    guardrails = words(at_path(each.data, "guardrails.name"))
    kind = f" of {each.kind}" if each.kind else ""
    return f"action {name}{kind}{_whose(each.order)} {each.text('state')}, lane {each.text('lane')}" + (
        f", guardrails {guardrails[1:-1]}" if len(guardrails) > len("[]") else ""
    )


def _expectation_words(one: Expectation, times: Times) -> str:
    parts: Iterable[str] = (
        one.kind,
        one.status,
        f"on {one.scope}" if one.scope else "",
        f"since {times.words(at_instant(one.start))}" if one.start else "",
        one.severity or "",
        f"owner {one.owner}" if one.owner else "",
        f"for {one.order}" if one.order != FIRST_ORDER else "",
    )
    return " ".join(part for part in parts if part)


def _standing_words(each: ExceptionStanding, times: Times) -> str:
    shadow = ", in shadow" if each.shadow else ""
    whose = _whose(each.order)
    return f"{each.kind} {each.status}{_place(each)}{whose} since {times.words(each.start)}, {each.severity}, owner {each.owner}{shadow}"
