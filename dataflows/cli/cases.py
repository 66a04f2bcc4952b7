"""`orderwatch cases`: what is in trouble, and what people decide about it, from a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from dataflows.cli import options
from dataflows.cli.choosing import OPEN, AsJson, CaseOptions, Store, command, decide_cases, expect_team, listed, whole_id
from dataflows.cli.desk import Desk
from dataflows.cli.known import among, person
from dataflows.errors import MisuseError

app = typer.Typer(name="cases", help="Cases: list and show them, and decide about them.", no_args_is_help=True)

WAITED = ("customer", "carrier", "warehouse", "supplier", "bank", "other")
LABELS = ("real", "noise", "known", "wrong_owner")
MOST_LISTED = 50
Note = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for people; it stays in the store.")]


@app.callback()
def cases() -> None:
    """Cases: list and show them, and decide about them."""


@app.command("list")
@command(CaseOptions)
def list_(
    given: CaseOptions,
    status: Annotated[list[str] | None, typer.Option(help="Exceptions of this status; again for more.", show_default="open")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = MOST_LISTED,
) -> int:
    """List exceptions with their cases, the gravest first."""
    from dataflows.cli.case_page import print_cases, put_aside
    from sinks.cases.queries.counts import counts
    from sinks.cases.queries.wanted import IN_HAND

    if given.ids:
        raise MisuseError("`cases list` takes no IDs: `cases show` does")
    with given.desk() as desk:
        wanted = given.filter(tuple(status or OPEN))
        rows = listed(desk, wanted, limit + 1)
        with desk.reading() as connection:
            aside = put_aside(counts(connection, wanted, now=datetime.now(UTC))) if wanted.states == IN_HAND else ""
    print_cases(rows[:limit], more=len(rows) > limit, as_json=given.as_json, now=datetime.now(UTC))
    if aside:
        typer.echo(f"not shown: {aside}; --state any shows them", err=True)
    return 0


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An exception, by its ID or how that begins.")],
    as_json: AsJson = False,
    settings: options.SettingsFile = None,
    store: Store = None,
) -> int:
    """Show a case: what is wrong, by when, on which evidence, what was done, said and noted, and what can be decided."""
    from dataflows.cli.case_page import print_case
    from sinks.cases.queries.detail import exception_detail

    now = datetime.now(UTC)
    with Desk(settings, store=store) as desk:
        whole = whole_id(desk, id_)
        with desk.reading() as connection:
            found = exception_detail(connection, whole, now)
        if found is None:
            raise MisuseError(f"no exception {id_}")
        print_case(found, as_json=as_json, now=now)
    return 0


@app.command()
@command(CaseOptions)
def ack(given: CaseOptions, note: Note = None) -> int:
    """Take cases up: their acknowledge clock stops."""
    return decide_cases(given, "case.acknowledged", "acknowledge", note=note)


@app.command()
@command(CaseOptions)
def assign(
    given: CaseOptions,
    to: Annotated[str | None, typer.Option(metavar="WHO", help="The person who has them from now on, such as anna.")] = None,
    to_team: Annotated[str | None, typer.Option(metavar="TEAM", help="The team that has them from now on.")] = None,
    note: Note = None,
) -> int:
    """Give cases to a person or a team."""
    if to is None and to_team is None:
        raise MisuseError("to whom: --to or --to-team")
    if to_team is not None:
        expect_team(given, to_team)
    return decide_cases(given, "case.assigned", "assign", assignee=None if to is None else person(to), team=to_team, note=note)


@app.command()
@command(CaseOptions)
def snooze(
    given: CaseOptions,
    until: Annotated[str | None, typer.Option(metavar="SPAN|INSTANT", help="Until then at the latest: 4h, 2d, or an instant.")] = None,
    promise_moves: Annotated[bool, typer.Option("--until-promise-moves", help="Or until the promise moves.")] = False,
    severity_rises: Annotated[bool, typer.Option("--until-severity-rises", help="Or until it gets graver.")] = False,
    note: Note = None,
) -> int:
    """Put cases aside for a time."""
    if promise_moves and severity_rises:
        raise MisuseError("--until-promise-moves and --until-severity-rises: one of them")
    kind = "promise_moves" if promise_moves else "severity_rises" if severity_rises else None
    if until is None and kind is None:
        raise MisuseError("until when: --until, --until-promise-moves or --until-severity-rises")
    return decide_cases(given, "case.snoozed", "snooze", until=_instant(until), until_kind=kind, note=note)


@app.command()
@command(CaseOptions)
def wait(
    given: CaseOptions,
    on: Annotated[str, typer.Option(metavar="WHOM", help=f"{', '.join(WAITED)}.")],
    until: Annotated[str | None, typer.Option(metavar="SPAN|INSTANT", help="Until then at the latest: 4h, 2d, or an instant.")] = None,
    note: Note = None,
) -> int:
    """Have cases wait on somebody else: their resolve clock stands still."""
    among("--on", [on], WAITED)
    return decide_cases(given, "case.waiting", "have wait", on=on, until=_instant(until), note=note)


@app.command()
@command(CaseOptions)
def resolve(
    given: CaseOptions,
    outcome: Annotated[str | None, typer.Option(metavar="WORD", help="How it ended, such as refunded.")] = None,
    note: Note = None,
) -> int:
    """Close cases."""
    return decide_cases(given, "case.resolved", "resolve", outcome=outcome, note=note)


@app.command()
@command(CaseOptions)
def reopen(given: CaseOptions, note: Note = None) -> int:
    """Open cases again that somebody had closed."""
    return decide_cases(given, "case.reopened", "reopen", note=note)


@app.command()
@command(CaseOptions)
def label(
    given: CaseOptions,
    as_: Annotated[str, typer.Option("--as", metavar="LABEL", help=f"{', '.join(LABELS)}.")],
    note: Note = None,
) -> int:
    """Say whether exceptions were worth it; back-tests and reports count it."""
    among("--as", [as_], LABELS)
    return decide_cases(given, "case.labelled", "label", label=as_, note=note)


@app.command()
@command(CaseOptions)
def note(
    given: CaseOptions,
    text: Annotated[str, typer.Option(metavar="TEXT", help="What is to be kept; - is standard input.")],
) -> int:
    """Add a note. The text stays in the store: only its reference goes into the log."""
    words = sys.stdin.read().strip() if text == "-" else text.strip()
    if not words:
        raise MisuseError("--text: is empty")
    return decide_cases(given, "case.noted", "note", note=words)


def _instant(text: str | None) -> str | None:
    """An instant, or a span from now on, as decisions state it."""
    if text is None:
        return None
    if text[:1].isdigit() and "-" not in text:
        return (datetime.now(UTC) + timedelta(microseconds=options.elapsed("--until", text))).isoformat(timespec="seconds")
    at = options.instant("--until", text)
    assert at is not None
    if at / 1e6 <= datetime.now(UTC).timestamp():
        raise MisuseError(f"--until {text}: has passed")
    return text
