"""Tells the life of one exception to people: what was decided, on what it rests, why it changed, and what to do while it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import cast

import orjson
from rich.console import Console
from rich.text import Text

from dataflows.core.rules.model import Rule
from dataflows.detect.explain_actions import SaidAction, actions_of, heading, life
from dataflows.detect.explain_cases import (
    case_changes,
    case_text,
    decision_place,
    escalated,
    event_text,
    place,
    suggested,
    suggestions,
    withdrawn,
)
from schemas.counts import counted
from schemas.instants import iso, micros
from schemas.lateness import GREATEST, STANDS, as_of, length
from schemas.values import parse_instant
from sinks.index import NotExceptionsError, SeveralError, lines_of
from sinks.terminal import STYLES, short

Data = dict[str, object]
ExceptionEvent = tuple[str, Data]
"""An event of an exception: its type and its data."""
LABEL_WIDTH = 11
LONGEST_LINE = 4 << 20
"""Bytes at the end of a file that certainly hold its last line: no topic takes a longer one."""
LANES = {
    "auto": "its first action is requested at once",
    "review": "its first action is proposed, and a person decides",
    "block": "automation on the order must pause until a person has decided",
}
RESOLUTIONS = {
    "milestone": "what was waited for came, too late",
    "cleared": "the trouble is over",
    "lifted": "it is no longer expected",
    "promise_moved": "the promise was moved after it had passed",
    "case": "a person closed the case",
    "expired": "there had been no news for too long",
    "policy_changed": "it does not hold under a policy that was activated",
}


def history(path: Path, prefix: str) -> list[ExceptionEvent]:
    """All events of the one exception whose ID begins with `prefix`, in order; none if there is no such exception.

    Raises what `sinks.index.lines_of` raises.
    """
    try:
        events = [cast("Data", orjson.loads(line)) for line in lines_of(path, prefix.strip())]
        found = [(str(event["type"]), cast("Data", event["data"])) for event in events]
        return sorted(found, key=lambda event: cast("int", event[1]["sequence"]))
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise NotExceptionsError(f"{type(error).__name__}: {error}") from error


def incident(path: Path, prefix: str) -> list[Data]:
    """The lines of the one incident of a file whose ID begins with `prefix`, in order; none if there is no such incident.

    Raises OSError, SeveralError, and NotExceptionsError.
    """
    found: dict[str, list[Data]] = {}
    try:
        for line in path.read_bytes().splitlines() if prefix.strip() else ():
            event = cast("Data", orjson.loads(line))
            id_ = str(cast("Data", event["data"]).get("incident_id", ""))
            if id_.startswith(prefix.strip().lower()):
                found.setdefault(id_, []).append(event)
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        raise NotExceptionsError(f"{type(error).__name__}: {error}") from error
    if len(found) > 1:
        first, second, *_ = found
        raise SeveralError(len(found), (first, second))
    return next(iter(found.values())) if found else []


def render_incident(console: Console, events: Sequence[Data]) -> None:
    """Prints what an incident says, and each of its lines."""
    event = events[-1]
    data = cast("Data", event["data"])
    title = Text(f"{event['type']} ", style="bold")
    title.append(f"{event.get('subject', '')}  ")
    title.append(f"{data['status']}", style="bold")
    console.print(title, soft_wrap=True)
    if data.get("summary"):
        console.print(Text(str(data["summary"])), soft_wrap=True)
    orders = cast("list[str]", data.get("orders") or data.get("members") or [])
    if orders:
        console.print(Text(f"  {'orders':<{LABEL_WIDTH}} {', '.join(orders)}"), soft_wrap=True)
    for each in events:
        console.print(Text(f"  {each['time']}  {cast('Data', each['data'])['status']}"), soft_wrap=True)


def last_instant(path: Path) -> int:
    """The log time (µs, UTC) at which the last line of a file was said: lines stand in their order."""
    with path.open("rb") as file:
        file.seek(max(file.seek(0, 2) - LONGEST_LINE, 0))
        last = file.read().splitlines()[-1]
    try:
        return micros(parse_instant(orjson.loads(last)["data"]["detected_at"]))
    except (KeyError, TypeError, ValueError) as error:
        raise NotExceptionsError(f"{type(error).__name__}: {error}") from error


def render(console: Console, events: Sequence[ExceptionEvent], path: Path, now: int) -> None:
    """Prints the history of one exception. `path`: the file that it comes from, in which the exceptions that it names are looked up.

    `now`: the instant of looking (µs, UTC), at which what is open is as late as it is by then.
    """

    def kind_of(exception: str) -> str | None:
        found = history(path, exception)
        return str(found[-1][1]["kind"]) if found else None

    tell(console, events, actions_of(path, str(events[-1][1]["exception_id"])), kind_of, now)


def tell(
    console: Console,
    events: Sequence[ExceptionEvent],
    actions: Sequence[Sequence[SaidAction]],
    kind_of: Callable[[str], str | None],
    now: int,
) -> None:
    """Prints the history of one exception that stands anywhere. `kind_of`: the kind of another exception, by its ID, if it is known."""
    teller = _Teller(console, kind_of, max(now, micros(parse_instant(events[-1][1]["detected_at"]))))
    data = events[-1][1]
    teller.head(data)
    teller.title("Evidence")
    for piece in sorted(cast("list[Mapping[str, object]]", data["evidence"]), key=lambda piece: str(piece["time"])):
        teller.print(f"  {piece['time']}  {piece['type']:<26} {piece['source']}  {piece['id']}  {place(piece)}".rstrip(), 4)
    teller.title("Its life")
    before: Data | None = None
    for type_, said in events:
        what = f"{said['sequence']}. {type_.removeprefix('exception.'):<10}"
        teller.print(f"  {said['detected_at']}  {what} {'; '.join(teller.reasons(before, said))}", 37)
        before = said
    teller.actions(actions)
    teller.advice(data)


class _Teller:
    def __init__(self, console: Console, kind_of: Callable[[str], str | None], now: int) -> None:
        self._console = console
        self._kind_of = kind_of
        self._now = now

    def print(self, text: str, indent: int = 0, style: str = "") -> None:
        """Prints a paragraph: between words to the width of a terminal, whole elsewhere."""
        lines = wrap(text, max(self._console.width, indent + 20), subsequent_indent=" " * indent) if self._console.is_terminal else [text]
        for line in lines:
            self._console.print(Text(line, style=style), soft_wrap=True)

    def title(self, text: str) -> None:
        """Prints a heading."""
        self._console.print()
        self._console.print(Text(text, style="bold"))

    def fact(self, label: str, text: str) -> None:
        """Prints a line with its name."""
        self.print(f"  {label:<{LABEL_WIDTH}} {text}", LABEL_WIDTH + 3)

    def head(self, data: Data) -> None:
        """Prints what it is and by which rule."""
        rule = _rule(data)
        scope = f", {data['scope']}" if data["scope"] is not None else ""
        title = Text(f"{data['kind']} ", style="bold")
        title.append(f"{data['severity']}", style=STYLES[str(data["severity"])])
        title.append(f"  order {data['order_id']}{scope}  ")
        title.append(f"{data['status']}", style="bold")
        self._console.print(title, soft_wrap=True)
        self.print(str(data["summary"]))
        self._console.print()
        self.fact("exception", f"{data['exception_id']} (episode {data['episode']})")
        if rule is not None:
            self.fact("rule", rule.definition)
            self.fact("clears by", rule.clears)
        policy = cast("Mapping[str, str]", data["policy"])
        mode = "in shadow: nobody is called" if policy["mode"] == "shadow" else policy["mode"]
        self.fact("policy", f"version {policy['version']}, rule {policy['rule']} is {mode}")
        self.fact("deadline" if data["due_at"] else "instant", str(data["arithmetic"]))
        self.fact("owner", str(data["owner"]))
        self.fact("lane", f"{data['lane']}: {LANES[str(data['lane'])]}")
        self._case(cast("Data", data["case"]), cast("Data | None", data.get("escalation")))
        self.fact("score", self._score(data))
        for each in suggestions(data):
            self.fact("suggested", suggested(each))
        if data["status"] == "suppressed":
            self.fact("suppressed", f"by {self._named(data['suppressed_by'])}, which says more")

    def _score(self, data: Data) -> str:
        """How soon it is to be seen to, and why: counted as of the instant of looking, as long as it stands."""
        found = as_of(data, self._now)
        clock = cast("Data", data.get("score_clock") or {"since": None, "until": None, "due": data["due_at"]})
        stands = data["status"] in STANDS
        over = self._now if stands else None if data["resolved_at"] is None else _at(data["resolved_at"])
        late = 0 if not clock["due"] or over is None else over - _at(clock["due"])
        why = {
            "severity": f"for {data['severity']}",
            "breach": _breach(clock, over),
            "time_left": "for having no time left" if late >= 0 else f"for having {length(-late)} left",
            "lateness": f"for being {length(late)} late",
            "value": "for the money at stake",
            "tier": "for the customer's tier",
            "blocking": "for stopping the order",
            "reopenings": "for having come back",
        }
        words = ", ".join(f"{points} {why.get(name, f'for {name}')}" for name, points in found.terms.items() if points)
        as_it_was = f" (as of {iso(self._now)}; {data['score']} when it was last said)" if found.points != data["score"] else ""
        return f"{found.points} of {GREATEST}: {words or 'nothing counts'}{as_it_was}"

    def _case(self, case: Data, escalation: Data | None) -> None:
        """Prints who has it, and by when it is to be seen to."""
        parts = [case_text(case)]
        if case.get("team"):
            parts.append(f"with {case['team']}")
        if not case.get("acknowledged_at") and case.get("ack_by"):
            parts.append(f"to be taken up by {case['ack_by']}")
        if case.get("resolve_by") and case["state"] != "resolved":
            parts.append(f"to be resolved by {case['resolve_by']}" + (", which waits" if case.get("paused_since") else ""))
        again = ((case.get("reopenings"), "reopened"), (case.get("reassignments"), "handed on"), (case.get("flaps"), "came back"))
        parts += [f"{words} {counted(cast('int', number), 'time')}" for number, words in again if number]
        self.fact("case", ", ".join(parts))
        if escalation is not None:
            self.fact("escalation", f"{escalated(escalation)}, {escalation['since']}")

    def actions(self, found: Sequence[Sequence[SaidAction]]) -> None:
        """Prints what became of the exception's actions, if it has any."""
        if found:
            self.title("Actions")
        for action in found:
            self.print(f"  {heading(action)}", 4)
            for time, what in life(action):
                self.print(f"    {time}  {what}", 26)

    def advice(self, data: Data) -> None:
        """Prints what to do, where anything is to be done, and what was missing, or what would have prevented what was reported."""
        rule = _rule(data)
        if data["status"] == "open":
            self.title("What now")
            for advice in cast("list[Mapping[str, str]]", data["recommended"]):
                self.print(f"  {advice['action'].replace('_', ' ')}: {advice['reason']}", 4)
        elif data["status"] == "suppressed":
            self.title("What now")
            self.print(f"  Nothing by itself: see to {self._named(data['suppressed_by'])}.", 4)
        if rule is not None and data["status"] != "retracted":
            if data["status"] == "resolved":
                self._console.print()
            words = "What was missing by the deadline:" if data["due_at"] else "It would not have come to this with"
            self.print(f"  {words} {rule.prevented_by}.", 4, style="dim")

    def reasons(self, before: Data | None, data: Data) -> Iterator[str]:
        """Why an event was said: what is otherwise than before it, and what made it so."""
        if before is None:
            yield self._first(data)
            if data["suppressed_by"]:
                yield f"suppressed by {self._named(data['suppressed_by'])}, which says more"
            if data["status"] == "resolved":
                yield self._end(data)
            return
        cause = event_text(data.get("changed_by"))
        changes = list(self._changes(before, data, cause))
        yield from changes
        if not changes:
            yield f"{data['severity']}, {data['status']}{f', by {cause}' if cause else ': what it says of the order changed'}"

    def _first(self, data: Data) -> str:
        if not data["due_at"]:
            return f"{data['severity']}: it happened {data['occurred_at']}"
        late = "" if data["due_at"] == data["detected_at"] else f" (due {data['due_at']})"
        return f"{data['severity']}: the deadline passed{late}"

    def _changes(self, before: Data, data: Data, cause: str) -> Iterator[str]:
        by = f", by {cause}" if cause else ""
        if before["severity"] != data["severity"]:
            step = str(data["arithmetic"]).partition("; ")[2].removeprefix(f"{data['severity']} from ")
            why = f"its next deadline passed: {step}" if step and not cause else f"by {cause}" if cause else "time passed"
            yield f"{before['severity']} → {data['severity']}: {why}"
        if before["due_at"] != data["due_at"]:
            yield f"deadline {before['due_at']} → {data['due_at']}{by}"
        for field in ("owner", "lane"):
            if before[field] != data[field]:
                yield f"{field} {before[field]} → {data[field]}{by}"
        for field in ("version", "mode"):
            old, new = (cast("Data", one["policy"])[field] for one in (before, data))
            if old != new:
                yield f"policy {field} {old} → {new}"
        if before["case"] != data["case"]:
            yield from case_changes(cast("Data", before["case"]), cast("Data", data["case"]), decision_place(data) or by)
        if before.get("escalation") != data.get("escalation"):
            yield escalated(cast("Data | None", data.get("escalation")))
        yield from (suggested(each) for each in suggestions(data) if each not in suggestions(before))
        if data["suppressed_by"] and before["suppressed_by"] != data["suppressed_by"]:
            yield f"suppressed by {self._named(data['suppressed_by'])}, which says more"
        if data["status"] == "resolved" and (before["status"], before["resolution"], before["resolved_at"]) != (
            "resolved",
            data["resolution"],
            data["resolved_at"],
        ):
            yield self._end(data, cause)
        elif data["status"] == "retracted" and before["status"] != "retracted":
            yield withdrawn(data, cause)
        elif data["status"] == "open" and before["status"] != "open":
            yield f"open again: {self._named(before['suppressed_by'])} is over" if before["suppressed_by"] else f"open again{by}"

    def _end(self, data: Data, named: str = "") -> str:
        """How it ended; `named` is an event that the line has named already."""
        resolution = str(data["resolution"])
        event = event_text(data.get("resolved_by"))
        if resolution == "case" and event == named:
            return RESOLUTIONS[resolution]
        at = f" at {data['resolved_at']}" if data["resolved_at"] and not event else ""
        return f"{resolution}: {RESOLUTIONS.get(resolution, resolution)}{at}{f', by {event}' if event else ''}"

    def _named(self, exception: object) -> str:
        kind = self._kind_of(str(exception))
        return f"{kind} {short(str(exception))}" if kind else short(str(exception))


def _at(instant: object) -> int:
    return micros(parse_instant(str(instant)))


def _breach(clock: Data, now: int | None) -> str:
    """How probable the breach was that a score counts."""
    if clock["until"] is None:
        return "for what has happened"
    if now is None or now >= _at(clock["until"]) or clock["since"] is None:
        return "for what is broken"
    since, until = _at(clock["since"]), _at(clock["until"])
    return f"for {max(0, now - since) * 100 // (until - since)} % of the time until {clock['until']} gone"


def _rule(data: Data) -> Rule | None:
    """The rule that decided, if this program has it."""
    from dataflows.core.rules import RULES_BY_KIND  # noqa: PLC0415 - not needed to say that there is no such exception

    return RULES_BY_KIND.get(str(data["kind"]))
