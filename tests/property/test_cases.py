"""Random decisions about what random histories make to be said: the engine keeps each case as the independent judge does."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.clocks.spans import span as engine_span
from dataflows.core.engine.shard import Shard
from dataflows.core.policy.model import Ladder, LadderStep, Place
from schemas.record import Record
from schemas.topics import DECISIONS
from schemas.wire import decode
from tests.oracle.judge import history_of, judge
from tests.oracle.judging.calendars import Calendar, span
from tests.oracle.judging.cases import CaseBook, CaseTerms, Rung, dates_of
from tests.oracle.judging.identity import place
from tests.oracle.judging.reading import NEVER, Event, instant, micros, read
from tests.oracle.judging.settings import DEFAULTS, Policy
from tests.property.histories import History, examples, histories
from tests.property.test_engine import MILESTONES, TALKATIVE
from tests.property.test_restore import keep
from tests.support.engine import position, records_of, run
from tests.support.logs import DAY, HOUR, MINUTE, iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflows.core.policy import Policy as EnginePolicy
    from schemas.output import OutputRecord
    from tests.oracle.judging.reading import Json

VERBS = ("acknowledged", "assigned", "snoozed", "waiting", "resolved", "reopened", "noted", "labelled")
SPANS = ("20 m", "3 h", "2 bh", "1 bd", "2 d", "off")
GRADES = ("low", "medium", "high", "critical")
ZONE = "Europe/Amsterdam"


class Terms(NamedTuple):
    """The same terms for the engine and for the judge."""

    engine: EnginePolicy
    judge: CaseTerms


def window(days: tuple[int, ...] | None, hours: tuple[int, int] | None) -> dict[int, tuple[tuple[int, int], ...]] | None:
    """The hours of a rung by weekday, as a policy file makes them."""
    return None if days is None and hours is None else dict.fromkeys(days or range(7), (hours or (0, 24 * 60),))


def terms(lots: Random) -> Terms:
    """Some spans, a ladder, a team with a calendar. Nothing suppresses anything: that has its own tests."""
    acknowledge, resolve = ({grade: lots.choice(SPANS) for grade in GRADES} for _ in range(2))
    rungs: list[tuple[str, str, str, tuple[int, ...] | None]] = [
        (
            lots.choice(("0 s", "30 m", "2 bh", "1 d")),
            lots.choice(("", "OPS", "CS")),
            lots.choice(("", "lead")),
            lots.choice((None, (0, 1, 2, 3, 4))),
        )
        for _ in range(lots.choice((0, 1, 3)))
    ]
    repeat, skip = lots.choice((0, 0, 2)), lots.random() < 0.3
    hours = lots.choice((None, (8 * 60, 20 * 60)))
    steps = tuple(LadderStep(engine_span(wait), team, role, window(days, hours), ZONE) for wait, team, role, days in rungs)

    def either(texts: dict[str, str]) -> dict[str, object]:
        return {grade: None if text == "off" else engine_span(text) for grade, text in texts.items()}

    plain: dict[str, Any] = {"owner": "FIN", "owners": {}, "suppressed_by": ()}
    clocks: dict[str, Any] = {"acknowledge": either(acknowledge), "resolve": either(resolve)}
    # Whom a step hands on to is not for the judge.
    steps_of = {setting.kind: tuple(replace(step, owner="") for step in setting.steps) for setting in TALKATIVE.base}
    base = tuple(replace(setting, steps=steps_of[setting.kind], **plain, **clocks) for setting in TALKATIVE.base)
    engine = replace(
        TALKATIVE,
        base=base,
        ladders={"default": Ladder(steps, repeat, "skip" if skip else "wait")} if steps else {},
        teams={"CS": Place(zone=ZONE)},
    )
    judged = CaseTerms(
        {grade: None if text == "off" else span(text) for grade, text in acknowledge.items()},
        {grade: None if text == "off" else span(text) for grade, text in resolve.items()},
        dict.fromkeys(DEFAULTS, "FIN"),
        Calendar(),
        {"CS": Calendar(ZONE)},
        tuple(Rung(span(wait), team, role, days, hours, ZONE) for wait, team, role, days in rungs),
        repeat,
        skip,
    )
    return Terms(engine, judged)


class Decided(NamedTuple):
    """A decision at its place in the log."""

    log: int
    id: str
    order: str
    verb: str
    data: Json

    def record(self) -> Record:
        """As the engine takes it."""
        raw = orjson.dumps(
            {
                "specversion": "1.0",
                "id": self.id,
                "source": "/desk",
                "type": f"case.{self.verb}",
                "subject": self.order,
                "time": iso(self.log),
                "data": self.data,
            }
        )
        return Record(self.log, DECISIONS, 0, 0, 0, self.log, self.order, decode(raw), raw)

    def event(self) -> Event:
        """As the judge takes it."""
        return Event(self.log, "/desk", self.id, self.log, 0, f"case.{self.verb}", "default", self.order, self.data)


def decisions(outs: Sequence[OutputRecord], lots: Random, until: int) -> list[Decided]:
    """Decisions about what was said, each later than that, at instants that nothing else has."""
    said = [out for out in outs if out.topic == "exceptions" and counts(out.kind, out.order) and out.log < until]
    found: dict[int, Decided] = {}
    for number in range(lots.choice((0, 1, 3, 6, 12)) if said else 0):
        out = lots.choice(said)
        log = out.log + lots.choice((MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY)) + lots.randrange(MINUTE) * 2 + 1
        verb = lots.choice(VERBS)
        data: dict[str, object] = {"exception_id": out.data["exception_id"], "by": "user:anna"}
        if verb == "assigned":
            data |= {"assignee": lots.choice(("kim", "lee")), "team": lots.choice((None, "CS", "OPS"))}
        if verb in ("snoozed", "waiting"):
            data["until"] = lots.choice((None, iso(log + 5 * HOUR), iso(log + 3 * DAY), iso(log - HOUR)))
        if verb == "snoozed":
            data["until_kind"] = lots.choice((None, "time", "promise_moves", "severity_rises"))
        if verb == "reopened" and number % 2:
            data |= {"put_back": True, "assignee": ("kim", None)[number // 2 % 2], "team": (None, "CS")[number // 4 % 2]}
        if verb == "waiting":
            data["on"] = lots.choice(("bank", "moon", None))
        if log <= until:
            found[log] = Decided(log, f"k{number}", out.order, verb, {name: value for name, value in data.items() if value is not None})
    return sorted(found.values())


SKIPPED = ("data.orphan_signal", "data.clock_skew")
"""Kinds about arrival; but what is said of an alias that nobody claims is about nothing else, and counts."""


def counts(kind: str, order: str) -> bool:
    """Whether the case of an exception is compared. The orders of histories have no colon in their names, as aliases do."""
    return kind not in SKIPPED or ":" in order


def shown(outs: Sequence[OutputRecord]) -> dict[str, tuple[object, ...]]:
    """What was said last of each case."""
    found: dict[str, tuple[object, ...]] = {}
    for out in outs:
        if out.topic != "exceptions" or not counts(out.kind, out.order):
            continue
        case, up = cast("Json", out.data["case"]), cast("Json | None", out.data["escalation"])
        ended = cast("Json | None", case["ended"])
        found[str(out.data["exception_id"])] = (
            *(case["state"], case["assignee"], case["team"], _at(case["until"]), case["waiting_on"], _at(case["acknowledged_at"])),
            *(_at(case["ack_by"]), _at(case["resolve_by"]), _at(case["paused_since"])),
            *(case["reopenings"], case["reassignments"], case["flaps"]),
            ended and (ended["state"], ended["by"], _at(ended["at"])),
            up and (up["level"], up["to"], _at(up["since"]), up["reason"]),
        )
    return found


def _at(text: object) -> int | None:
    return None if text is None else instant(str(text))


def judged(
    lines: Sequence[Json], decided: Sequence[Decided], ids: dict[tuple[object, ...], str], terms: CaseTerms, until: int
) -> tuple[dict[str, tuple[object, ...]], list[str]]:
    """What the judge shows of each case, and why it refuses decisions."""
    policy = Policy(rules={kind: replace(setting, suppressed_by=()) for kind, setting in DEFAULTS.items()}, emits=MILESTONES)
    order_of = {id_: str(what[0]) for what, id_ in ids.items()}
    book, now, ticks, refused = CaseBook(terms), -NEVER, set[int](), list[str]()
    logs = {event.log for event in read(lines, until)} | {one.log for one in decided}

    def dates(id_: str) -> str:
        members = place(read(lines, now)).orders.get(("default", order_of[id_]), [])
        return dates_of(history_of(members))

    while (now := min((at for at in (*logs, *ticks, book.due() or NEVER) if at > now), default=NEVER)) <= until:
        for one in decided:
            if one.log == now:
                refused += filter(None, [book.decide(one.event(), dates(str(one.data["exception_id"])))])
        stands: set[str] = set()
        for verdict in judge(lines, policy, now, ticks=ticks):
            id_ = ids.get((verdict.order, verdict.kind, verdict.scope, verdict.episode))
            if id_ is not None and counts(verdict.kind, verdict.order):
                stands.add(id_)
                book.stand(id_, verdict.kind, verdict.status, verdict.severity, now)
        for id_, sheet in book.sheets.items():
            if id_ not in stands:
                book.stand(id_, sheet.kind, "retracted", sheet.grade, now)
        book.wake(now, dates)
        book.climb(now)
    return {id_: sheet.shown(terms) for id_, sheet in book.sheets.items()}, refused


def play(history: History, seed: int, days: int) -> tuple[Sequence[Json], list[Decided], Terms, int, dict[tuple[object, ...], str]]:
    """A history with decisions about what it makes to be said, and the IDs of that."""
    lots = Random(seed)
    given_ = terms(lots)
    lines, until = history.lines(), micros(history.last) + days * DAY
    outs = run(records_of(lines), given_.engine, until)
    decided = decisions(outs, lots, until)
    ids: dict[tuple[object, ...], str] = {
        (out.order, out.kind, out.data["scope"], out.data["episode"]): str(out.data["exception_id"])
        for out in outs
        if out.topic == "exceptions"
    }
    return lines, decided, given_, until, ids


def log_of(lines: Sequence[Json], decided: Sequence[Decided]) -> list[Record]:
    """All records in log order, anew each time: a shard uses them up."""
    return sorted([*records_of(lines), *(one.record() for one in decided)], key=position)


@examples(60)
@given(histories(most=8, skew=False), st.integers(0, 1 << 32), st.sampled_from((0, 2, 9)))
def test_the_engine_keeps_cases_as_the_judge_does(history: History, seed: int, days: int) -> None:
    """State, clocks, escalation, counts, and what is refused."""
    lines, decided, given_, until, ids = play(history, seed, days)
    outs = run(log_of(lines, decided), given_.engine, until)
    cases, refused = judged(lines, decided, ids, given_.judge, until)
    rejected = [out.data["reason"] for out in outs if out.topic == "rejects" and out.data["topic"] == DECISIONS]
    # The histories themselves approve an action that nobody asked for.
    assert [reason for reason in rejected if reason != "unknown_action"] == refused
    assert shown(outs) == {id_: cases[id_] for id_ in shown(outs)}


@examples(60)
@given(histories(), st.integers(0, 1 << 32), st.sampled_from((1, 256)))
def test_a_shard_with_decisions_that_was_cut_says_the_same(history: History, seed: int, hot: int) -> None:
    """Restored from its rows at any moment it goes on, clocks and ladders included."""
    lines, decided, given_, until, _ = play(history, seed, 20)
    whole = Shard(given_.engine)
    for one in log_of(lines, decided):
        if one.order:
            whole.apply(one)
    whole.advance(until)
    expected = [(out.log, out.key, out.body) for out in whole.drain()]
    lots, shard, rows, said = Random(seed), Shard(given_.engine, hot), dict[bytes, bytes](), list[tuple[int, str, bytes]]()
    for one in log_of(lines, decided):
        if not one.order:
            continue
        if lots.random() < 0.4:
            if lots.random() < 0.5:
                shard.advance(one.log, inclusive=False)
            keep(rows, shard)
            said += [(out.log, out.key, out.body) for out in shard.drain()]
            shard = Shard(given_.engine, hot)
            shard.restore(rows.items())
        shard.apply(one)
    shard.advance(until)
    assert said + [(out.log, out.key, out.body) for out in shard.drain()] == expected


@examples(40)
@given(histories(), st.integers(0, 1 << 32), st.lists(st.integers(0, 40 * 24), max_size=6))
def test_the_cut_into_batches_changes_nothing(history: History, seed: int, cuts: list[int]) -> None:
    """With decisions in the log a replay in one piece says what live running says in many, byte by byte."""
    lines, decided, given_, until, _ = play(history, seed, 20)
    begin = micros(history.base)
    whole = run(log_of(lines, decided), given_.engine, until)
    pieces = run(log_of(lines, decided), given_.engine, until, [begin + cut * HOUR for cut in cuts])
    assert sorted(out.body for out in whole) == sorted(out.body for out in pieces)
