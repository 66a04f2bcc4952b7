"""What a story expects, line by line.

    +25h open since +24h medium owner FULF {case.state: new, case.ack_by: +33h}    # an exception
    +25h nothing                                                                   # no exception
    +25h action approve_refund proposed lane review {value: 100 EUR}               # an action, by its name or the rule's step
    +25h no action requested                                                       # none, or none so called, or none in that state
    +25h o2 before o1                                                              # the open exceptions of o2 score higher
    +26h rejected wrong_hash of action.approved                                    # an event or decision that was given back
    +26h 1 message for o1                                                          # messages to the customer that were ever requested
    +26h automation {paused.scope: [all]}                                          # where automation is paused

Each sort of line asks for its own: an instant that says nothing of exceptions asks nothing of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from dataflows.detect.stories.decided import KIND
from dataflows.detect.stories.events import FIRST_ORDER, BadLineError, flow_mapping, values_in
from dataflows.detect.stories.fields import misspelt
from dataflows.detect.stories.times import STAMP, Times
from schemas.actions import ACTIONS, STEPS, ActionStateName
from schemas.output_events import OUTPUT_MODELS
from schemas.problems import nearest

STATES: Final = get_args(ActionStateName)
_STATES: Final = "|".join(STATES)
_FOR: Final = r"(?: for (?P<order>\S+))?"
_FIELDS: Final = r"(?: +(?P<fields>\{.*\}))?"
_LANE: Final = r"lane (?P<lane>auto|review|block)"
_EXCEPTION: Final = re.compile(
    rf"(?:(?P<kind>{KIND}) +)?(?P<status>open|resolved|suppressed)"
    rf"(?: (?:on (?P<scope>\S+)|since (?P<start>{STAMP})|due (?P<due>{STAMP})|(?P<severity>low|medium|high|critical)"
    rf"|owner (?P<owner>\"[^\"]+\"|\S+)|{_LANE}|episode (?P<episode>\d+)|for (?P<order>\S+)))*{_FIELDS}"
)
_NOTHING: Final = re.compile(rf"(?:(?P<kind>{KIND}) +)?nothing{_FOR}")
_ABOUT: Final = rf"(?: (?:of (?P<kind>{KIND})|on (?P<target>\S+)|{_LANE}|by (?P<by>\"[^\"]+\"|\S+)|for (?P<order>\S+)))*{_FIELDS}"
_ACTION: Final = re.compile(rf"action (?P<name>[a-z_]+) (?P<state>{_STATES}){_ABOUT}")
_NO_ACTION: Final = re.compile(rf"no action(?: (?!(?:of|on|lane|by|for)\b)(?P<name>[a-z_]+))?(?: (?P<state>{_STATES}))?{_ABOUT}")
_RANKED: Final = re.compile(r"\S+(?: before \S+)+")
_REJECTED: Final = re.compile(rf"rejected (?P<reason>[a-z_]+)(?: of (?P<type>{KIND}))?{_FOR}")
_MESSAGES: Final = re.compile(rf"(?P<count>no|\d+) messages?(?:(?P<all> in all)|{_FOR})")
_AUTOMATION: Final = re.compile(r"automation +(?P<fields>\{.*\})")
_LINE: Final = re.compile(rf"(?P<as_of>{STAMP}) +(?P<what>\S.*)")
_HINT: Final = "one is written `+25h open since +24h high owner OPS`, `+23h nothing`, or `+25h action notify_customer requested`"


@dataclass(frozen=True, slots=True)
class Expectation:
    """One exception that must stand; what is None may be anything. Instants are RFC 3339."""

    order: str
    status: str
    scope: str | None
    start: str | None
    due: str | None
    severity: str | None
    episode: int
    kind: str = ""
    owner: str | None = None
    lane: str | None = None
    fields: Mapping[str, object] = field(default_factory=dict[str, object])
    line: int = 0


@dataclass(frozen=True, slots=True)
class ActionExpected:
    """An action that must be known, or (`absent`) none that is like it; what is None may be anything."""

    order: str
    name: str | None
    state: str | None
    kind: str | None
    target: str | None
    lane: str | None
    by: str | None
    fields: Mapping[str, object]
    absent: bool
    line: int


@dataclass(frozen=True, slots=True)
class RejectExpected:
    """An event that must have been given back since the instant before."""

    reason: str
    type: str | None
    order: str | None
    line: int


@dataclass(frozen=True, slots=True)
class MessagesExpected:
    """How many messages to customers must have been requested so far; `order`: None for those of all orders."""

    count: int
    order: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What must stand as of an instant; `line` is where the file says so first.

    `expectations` are all exceptions of some `kinds` (none: of any) on `orders`, where any line is about exceptions (`of_exceptions`).
    `ranked`: orders whose open exceptions must score ever less; `automation`: fields of what was last said of it.
    """

    as_of: str
    orders: frozenset[str]
    expectations: tuple[Expectation, ...]
    kinds: frozenset[str] = frozenset()
    line: int = 0
    of_exceptions: bool = True
    actions: tuple[ActionExpected, ...] = ()
    rejects: tuple[RejectExpected, ...] = ()
    messages: tuple[MessagesExpected, ...] = ()
    ranked: tuple[tuple[int, tuple[str, ...]], ...] = ()
    automation: tuple[tuple[int, Mapping[str, object]], ...] = ()

    @property
    def named(self) -> dict[str, int]:
        """The orders that it names, each with a line that does."""
        found = dict.fromkeys(self.orders, self.line)
        found |= {one.order: one.line for one in self.actions}
        found |= {one.order: one.line for one in self.messages if one.order}
        found |= {one.order: one.line for one in self.rejects if one.order}
        return found | {order: line for line, orders in self.ranked for order in orders}


class _NoExpectationError(Exception):
    """A line is none."""


class Expecting:
    """Collects the lines of one story, by instant."""

    def __init__(self, times: Times, kinds: Sequence[str]) -> None:
        self._times = times
        self._kinds = frozenset(kinds)
        self._found: dict[str, _Stated] = {}

    def take(self, line: int, text: str) -> None:
        """Takes in one line. Raises BadLineError."""
        match = _LINE.fullmatch(text)
        if match is None:
            raise BadLineError(f"no expectation: {text!r}; {_HINT}")
        try:
            stated = self._found.setdefault(self._times.rfc3339(match["as_of"]), _Stated(line))
            self._note(stated, line, match["what"])
        except _NoExpectationError:
            raise BadLineError(f"no expectation: {text!r}; {_HINT}") from None
        except BadLineError:
            raise
        except ValueError:
            raise BadLineError(f"{text!r} names an instant that does not exist") from None

    def all(self) -> tuple[Expected, ...]:
        """What was expected, instant by instant in the order of the file."""
        return tuple(stated.whole(as_of) for as_of, stated in self._found.items())

    def _note(self, stated: _Stated, line: int, what: str) -> None:
        if match := _NOTHING.fullmatch(what) or _EXCEPTION.fullmatch(what):
            self._exception(stated, line, match.groupdict())
        elif match := _ACTION.fullmatch(what):
            stated.actions.append(self._action(line, match.groupdict(), absent=False))
        elif match := _NO_ACTION.fullmatch(what):
            stated.actions.append(self._action(line, match.groupdict(), absent=True))
        elif match := _REJECTED.fullmatch(what):
            stated.rejects.append(RejectExpected(match["reason"], match["type"], match["order"], line))
        elif match := _MESSAGES.fullmatch(what):
            count = 0 if match["count"] == "no" else int(match["count"])
            stated.messages.append(MessagesExpected(count, None if match["all"] else match["order"] or FIRST_ORDER, line))
        elif match := _AUTOMATION.fullmatch(what):
            stated.automation.append((line, self._fields("automation.state", match["fields"])))
        elif _RANKED.fullmatch(what):
            stated.ranked.append((line, tuple(what.split(" before "))))
        else:
            raise _NoExpectationError

    def _exception(self, stated: _Stated, line: int, parts: Mapping[str, str | None]) -> None:
        order, kind, kinds = parts["order"] or FIRST_ORDER, parts["kind"], self._kinds
        stated.orders.add(order)
        stated.kinds.append(kinds | {kind} if kind else kinds)
        if status := parts.get("status"):
            instants = {name: self._times.rfc3339(text) if (text := parts[name]) else None for name in ("start", "due")}
            owner = parts["owner"]
            stated.expectations.append(
                Expectation(
                    order=order,
                    status=status,
                    scope=parts["scope"],
                    severity=parts["severity"],
                    episode=int(parts["episode"] or 1),
                    kind=kind or (next(iter(kinds)) if len(kinds) == 1 else ""),
                    owner=owner and owner.strip('"'),
                    lane=parts["lane"],
                    fields=self._fields("exception.raised", parts["fields"]),
                    line=line,
                    **instants,
                )
            )

    def _action(self, line: int, parts: Mapping[str, str | None], *, absent: bool) -> ActionExpected:
        name, state = parts["name"], parts["state"]
        if absent and state is None and name in STATES:
            name, state = None, name
        if name is not None and name not in ACTIONS and name not in STEPS:
            raise BadLineError(f"unknown action {name!r}", nearest(name, [*ACTIONS, *STEPS, *STATES]))
        return ActionExpected(
            order=parts["order"] or FIRST_ORDER,
            name=name,
            state=state,
            kind=parts["kind"],
            target=parts["target"],
            lane=parts["lane"],
            by=(by := parts["by"]) and by.strip('"'),
            fields=self._fields("action.proposed", parts["fields"]),
            absent=absent,
            line=line,
        )

    def _fields(self, type_: str, text: str | None) -> Mapping[str, object]:
        """The fields that stand in braces."""
        if not text:
            return {}
        fields = flow_mapping(text[1:-1])
        for name, meant in misspelt(OUTPUT_MODELS[type_], fields):
            raise BadLineError(f"{type_.partition('.')[0]} events have no field {name!r}", meant)
        return values_in(fields, self._times)


class _Stated:
    """What the lines of one instant say."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.orders: set[str] = set()
        self.kinds: list[frozenset[str]] = []
        self.expectations: list[Expectation] = []
        self.actions: list[ActionExpected] = []
        self.rejects: list[RejectExpected] = []
        self.messages: list[MessagesExpected] = []
        self.ranked: list[tuple[int, tuple[str, ...]]] = []
        self.automation: list[tuple[int, Mapping[str, object]]] = []

    def whole(self, as_of: str) -> Expected:
        """What is expected as of the instant. The kinds that are meant: all of them if a line leaves the kind open."""
        return Expected(
            as_of,
            orders=frozenset(self.orders),
            expectations=tuple(self.expectations),
            kinds=frozenset[str]() if not all(self.kinds) else frozenset[str]().union(*self.kinds),
            line=self.line,
            of_exceptions=bool(self.kinds),
            actions=tuple(self.actions),
            rejects=tuple(self.rejects),
            messages=tuple(self.messages),
            ranked=tuple(self.ranked),
            automation=tuple(self.automation),
        )
