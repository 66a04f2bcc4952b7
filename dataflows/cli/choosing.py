"""The options by which commands choose cases, and the one shape that all commands about cases have: these options, then their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dataflows.cli import options
from dataflows.cli.desk import Chosen, Desk, Fate, confirmed, report
from dataflows.cli.known import among, kinds, person
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from sinks.cases.queries.rows import ExceptionRow
    from sinks.cases.queries.wanted import Breach, ExceptionFilter

Several = list[str] | None
PAGE = 200
SHOWN = 10
"""Of how many things that a filter has chosen a person is shown the names before he agrees."""
LONGEST = 60
OPEN: Final = ("open",)
ANY: Final = "any"
"""Of states: all of them."""
BREACHES: Final[dict[str, Breach]] = {"acknowledge": "acknowledge", "resolve": "resolve", "any": "any"}

Api = Annotated[str | None, typer.Option(metavar="URL", help="The gateway (setting client.api).")]
Store = Annotated[str | None, typer.Option(metavar="URL", help="The case store (setting store.url).")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, a line each.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the engine has decided, and say what.")]
Timeout = Annotated[str, typer.Option(metavar="SPAN", help="How long --wait waits.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Also where it has changed since it was read.")]


@dataclass(frozen=True)
class CaseOptions:
    """Which cases, and how; each field is an option of every command about cases."""

    ids: Annotated[Several, typer.Argument(metavar="ID", help="Exceptions, by their IDs or how these begin.")] = None
    every: Annotated[bool, typer.Option("--all", help="All open ones that the options below leave.")] = False
    kind: Annotated[Several, typer.Option(help="Of this kind, or domain such as shipment; again for more.")] = None
    severity: Annotated[Several, typer.Option(help="Of this severity; again for more.")] = None
    state: Annotated[
        Several,
        typer.Option(help="Whose case is in this state, such as new; again for more. Else what is snoozed or waits is left out: any."),
    ] = None
    team: Annotated[Several, typer.Option(help="That this team has; again for more.")] = None
    assignee: Annotated[Several, typer.Option(help="That this person has; again for more.")] = None
    unassigned: Annotated[bool, typer.Option("--unassigned", help="That nobody has.")] = False
    tenant: Annotated[Several, typer.Option(help="Of this tenant; again for more.")] = None
    order: Annotated[Several, typer.Option(help="Of this order; again for more.")] = None
    breached: Annotated[str | None, typer.Option(metavar="CLOCK", help="Whose clock has run out: acknowledge, resolve or any.")] = None
    older_than: Annotated[str | None, typer.Option(metavar="SPAN", help="Raised that long ago: 90m, 2d.")] = None
    yes: Yes = False
    anyway: Anyway = False
    wait: Wait = False
    timeout: Timeout = "30s"
    as_json: AsJson = False
    settings: options.SettingsFile = None
    api: Api = None
    store: Store = None

    def desk(self) -> Desk:
        """The store and the gateway."""
        return Desk(self.settings, self.api, self.store)

    def filter(self, statuses: tuple[str, ...] = OPEN) -> ExceptionFilter:
        """What the options leave. Raises MisuseError of a value that there is not."""
        from sinks.cases.queries.wanted import IN_HAND, SEVERITIES, STATES, ExceptionFilter

        clock = None if self.breached is None else BREACHES[among("--breached", [self.breached], BREACHES)[0]]
        span = None if self.older_than is None else timedelta(microseconds=options.elapsed("--older-than", self.older_than))
        usual = IN_HAND if statuses == OPEN and clock is None else ()  # what is overdue is never out of sight
        states = among("--state", self.state, (*STATES, ANY)) or usual
        return ExceptionFilter(
            statuses=statuses,
            states=() if ANY in states else states,
            teams=tuple(self.team or ()),
            assignees=tuple(person(one) for one in self.assignee or ()),
            unassigned=self.unassigned,
            kinds=kinds("--kind", self.kind) if self.kind else (),
            severities=among("--severity", self.severity, SEVERITIES),
            tenants=tuple(self.tenant or ()),
            orders=tuple(self.order or ()),
            older_than=span,
            breached=clock,
        )

    @property
    def narrowed(self) -> bool:
        """Whether an option leaves something out."""
        stated = (self.kind, self.severity, self.state, self.team, self.assignee, self.unassigned, self.tenant, self.order)
        return any((*stated, self.breached, self.older_than))


def command(of_options: type[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Gives a command the options of a class of them: it is called with one of that class, and with its own options."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function, eval_str=True)
        own = list(signature.parameters.values())[1:]
        shared = [
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=annotation)
            for one, annotation in zip(fields(of_options), inspect.get_annotations(of_options, eval_str=True).values(), strict=True)
        ]

        def run(**given: Any) -> Any:
            mine = {one.name: given.pop(one.name) for one in own}
            return function(of_options(**given), **mine)

        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
        run.__name__, run.__doc__ = function.__name__, function.__doc__
        run.__signature__ = inspect.Signature([shared[0], *parameters, *shared[1:]])  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in (*shared, *parameters)}
        return run

    return wrap


def listed(desk: Desk, wanted: ExceptionFilter, limit: int | None) -> list[ExceptionRow]:
    """Exceptions of a filter, the gravest first; at most `limit` of them."""
    from sinks.cases.queries.exceptions import list_exceptions

    found: list[ExceptionRow] = []
    after: str | None = None
    now = datetime.now(UTC)
    with desk.reading() as connection:
        while limit is None or len(found) < limit:
            page = list_exceptions(connection, wanted, now=now, limit=min(PAGE, PAGE if limit is None else limit - len(found)), after=after)
            found += page.rows
            after = page.after
            if after is None:
                break
    return found


def chosen_cases(desk: Desk, given: CaseOptions) -> list[Chosen]:
    """The exceptions that are meant, by ID or by filter. Raises MisuseError where none is, or more than one by the beginning of an ID."""
    if given.ids:
        if given.every or given.narrowed:
            raise MisuseError("IDs and a filter both say which: leave one of them out")
        return [_case(desk, id_) for id_ in dict.fromkeys(given.ids)]
    if not given.every:
        raise MisuseError("say which: IDs, or --all with what narrows it down")
    statuses = ("open", "suppressed", "resolved") if given.state and "resolved" in given.state else OPEN
    rows = listed(desk, given.filter(statuses), None)
    if not rows:
        raise MisuseError("no open case is left by these options" + ("" if given.state else "; what is snoozed or waits needs --state"))
    return [_of_row(row) for row in rows]


def _of_row(row: ExceptionRow) -> Chosen:
    words = f"{row.exception_id[:8]}  {row.severity:<8} {row.kind}  {row.order_id}  {row.summary}"
    return Chosen(row.exception_id, row.tenant, row.order_id, row.sequence, words, row)


def whole_id(desk: Desk, prefix: str) -> str:
    """The exception whose ID begins so. Raises MisuseError where there is none, or more than one."""
    from sinks.cases.queries.exceptions import resolve_prefix

    with desk.reading() as connection:
        return the_one("exception", prefix, resolve_prefix(connection, prefix.strip().lower()))


def the_one(what: str, prefix: str, found: Sequence[str]) -> str:
    """The only ID that begins so. Raises MisuseError where there is none, or more than one."""
    if not found:
        raise MisuseError(f"no {what} {prefix}")
    if len(found) > 1:
        raise MisuseError(f"{prefix} begins more than one ID: {', '.join(found)}")
    return found[0]


def _case(desk: Desk, prefix: str) -> Chosen:
    id_ = whole_id(desk, prefix)
    standing = desk.store.standing({("exception_id", id_)}).get(("exception_id", id_))
    if standing is None:
        raise MisuseError(f"no exception {prefix}")
    return Chosen(id_, standing.tenant, standing.order, standing.sequence, id_)


def decide_cases(given: CaseOptions, type_: str, verb: str, **data: object) -> int:
    """Makes one decision about each case that is chosen; says what became of each, and gives the exit code."""
    timeout = options.elapsed("--timeout", given.timeout) / 1e6
    with given.desk() as desk:
        chosen = chosen_cases(desk, given)
        if given.every:
            more = [f"and {len(chosen) - SHOWN:,} more"] if len(chosen) > SHOWN else []
            confirmed(f"{verb} {len(chosen):,} cases?", [*(one.words for one in chosen[:SHOWN]), *more], yes=given.yes)
        fates = sent(desk, chosen, type_, given.anyway, [{"exception_id": one.id, **data} for one in chosen])
        if given.wait:
            desk.wait("exception_id", chosen, fates, timeout)
            _tell(desk, fates)
    return report(fates, as_json=given.as_json)


def expect_team(given: CaseOptions, team: str) -> None:
    """Has a person agree to a team that has nothing open: it may be misspelt, and nobody would see what is given to it."""
    from sinks.cases.queries.wanted import ExceptionFilter

    with given.desk() as desk:
        if not listed(desk, ExceptionFilter(teams=(team,)), 1):
            confirmed(f"no open case is with a team {team}: give them to it?", [], yes=given.yes)


def sent(desk: Desk, chosen: list[Chosen], type_: str, anyway: bool, datas: list[dict[str, object]]) -> list[Fate]:
    """Sends a decision of a type about each of what is chosen. `anyway`: whatever its sequence is by now."""
    decisions: list[dict[str, object]] = [
        {
            "type": type_,
            "subject": one.order,
            "tenant": one.tenant,
            "data": {name: value for name, value in data.items() if value is not None},
            **({} if anyway else {"expected_sequence": one.sequence}),
        }
        for one, data in zip(chosen, datas, strict=True)
    ]
    return desk.send(chosen, decisions)


def _tell(desk: Desk, fates: list[Fate]) -> None:
    """Adds how each case stands that the engine has decided about."""
    from sinks.cases.queries.detail import exception_detail

    now = datetime.now(UTC)
    with desk.reading() as connection:
        for fate in fates:
            if fate.status == "decided" and (found := exception_detail(connection, fate.about, now)) is not None:
                row = found.row
                who = row.assignee or row.team
                until = "" if row.until is None else f" until {row.until.isoformat(timespec='seconds').replace('+00:00', 'Z')}"
                fate.detail = f"{row.status}, case {row.case_state}{until} with {who}, sequence {row.sequence}"
