"""`orderwatch actions`: what was asked for, and what people decide about it, from a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer

from dataflows.cli import options
from dataflows.cli.choosing import Anyway, Api, AsJson, Several, Store, Timeout, Wait, Yes, command, sent, the_one, whole_id
from dataflows.cli.desk import Chosen, Desk, Fate, confirmed, report
from dataflows.cli.known import among
from dataflows.errors import MisuseError

if TYPE_CHECKING:
    from sinks.cases.queries.rows import ActionDetail, ListedAction
    from sinks.cases.queries.wanted import ActionFilter

app = typer.Typer(name="actions", help="Actions: list and show them, approve, reject, observe, ask for them.", no_args_is_help=True)

PAGE = 200
MOST_LISTED = 50
OBSERVED = ("executed", "not_executed")
Note = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for people; it stays in the store.")]


@dataclass(frozen=True)
class ActionOptions:
    """Which actions, and how; each field is an option of every command about actions."""

    ids: Annotated[Several, typer.Argument(metavar="ID", help="Actions, by their IDs or how these begin.")] = None
    every: Annotated[bool, typer.Option("--all", help="All that the options below leave.")] = False
    waiting: Annotated[bool, typer.Option("--waiting", help="That wait for an approval.")] = False
    state: Annotated[Several, typer.Option(help="In this state; again for more.")] = None
    action: Annotated[Several, typer.Option(help="Of this name, such as notify_customer; again for more.")] = None
    team: Annotated[Several, typer.Option(help="Of this team's exceptions; again for more.")] = None
    tenant: Annotated[Several, typer.Option(help="Of this tenant; again for more.")] = None
    order: Annotated[Several, typer.Option(help="Of this order; again for more.")] = None
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

    def filter(self, *, waiting: bool = False) -> ActionFilter:
        """What the options leave. Raises MisuseError of a value that there is not."""
        from schemas.actions import ACTIONS
        from sinks.cases.queries.wanted import ACTION_STATES, ActionFilter

        return ActionFilter(
            states=among("--state", self.state, ACTION_STATES),
            actions=among("--action", self.action, ACTIONS),
            teams=tuple(self.team or ()),
            tenants=tuple(self.tenant or ()),
            orders=tuple(self.order or ()),
            waiting=self.waiting or waiting,
        )

    @property
    def narrowed(self) -> bool:
        """Whether an option leaves something out."""
        return any((self.waiting, self.state, self.action, self.team, self.tenant, self.order))


@app.callback()
def actions() -> None:
    """Actions: list and show them, approve, reject, observe, ask for them."""


@app.command("list")
@command(ActionOptions)
def list_(given: ActionOptions, limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = MOST_LISTED) -> int:
    """List actions: with --waiting those that somebody must agree to, the soonest to expire first; else the newest first."""
    from dataflows.cli.case_page import print_actions

    if given.ids:
        raise MisuseError("`actions list` takes no IDs: `actions show` does")
    with given.desk() as desk:
        rows = _listed(desk, given.filter(), limit + 1)
    print_actions(rows[:limit], more=len(rows) > limit, as_json=given.as_json, now=datetime.now(UTC))
    return 0


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="An action, by its ID or how that begins.")],
    as_json: AsJson = False,
    settings: options.SettingsFile = None,
    store: Store = None,
) -> int:
    """Show an action: what it does with what, why, what speaks against it, who agreed, and what became of it."""
    from dataflows.cli.case_page import print_action
    from sinks.cases.queries.deciding import decisions_on_action

    with Desk(settings, store=store) as desk:
        found = _detail(desk, _whole_id(desk, id_))
        with desk.reading() as connection:
            decisions = decisions_on_action(connection, found.row.action_id)
    print_action(found, decisions, as_json=as_json)
    return 0


@app.command()
@command(ActionOptions)
def approve(given: ActionOptions, note: Note = None) -> int:
    """Agree to actions, after reading what they do: the hash of what was shown is what is agreed to."""
    return _judge(given, "action.approved", "approve", note)


@app.command()
@command(ActionOptions)
def reject(given: ActionOptions, note: Note = None) -> int:
    """Refuse actions: they are not carried out."""
    return _judge(given, "action.rejected", "reject", note)


@app.command()
@command(ActionOptions)
def observe(
    given: ActionOptions,
    outcome: Annotated[str, typer.Option(metavar="OUTCOME", help="What was seen to have become of it: executed or not_executed.")],
    evidence: Annotated[str | None, typer.Option(metavar="TEXT", help="Where that was seen, such as a reference.")] = None,
    note: Note = None,
) -> int:
    """End the doubt about actions of which nobody knows whether the call did anything."""
    among("--outcome", [outcome], OBSERVED)
    with given.desk() as desk:
        found = _chosen(desk, given, in_doubt=True)
        if given.every:
            confirmed(f"observe {len(found):,} actions as {outcome}?", [one.words for one in found], yes=given.yes)
        data: dict[str, object] = {"outcome": outcome, "evidence": evidence, "note": note}
        return _end(desk, given, found, "action.observed", [{"action_id": one.id, **data} for one in found])


@app.command()
def initiate(  # noqa: PLR0913, PLR0917 - each is an option
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Such as approve_refund or create_task.")],
    exception: Annotated[str | None, typer.Option(metavar="ID", help="The exception that it is for.")] = None,
    order: Annotated[str | None, typer.Option(metavar="ORDER", help="The order, where it is for no exception.")] = None,
    tenant: Annotated[str, typer.Option(help="The order's tenant.")] = "default",
    parameter: Annotated[Several, typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="VALUE is JSON, or a text.")] = None,
    note: Note = None,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: options.SettingsFile = None,
    api: Api = None,
    store: Store = None,
) -> int:
    """Ask for an action that no rule has proposed. Another person must approve it."""
    from schemas.actions import ACTIONS

    among("ACTION", [action], ACTIONS)
    if (exception is None) == (order is None):
        raise MisuseError("for what: --exception or --order")
    parameters = dict(map(_parameter, parameter or ()))
    if missing := [name for name in ACTIONS[action].needs if parameters.get(name) is None]:
        raise MisuseError(f"{action} needs {', '.join(missing)}: give it by --parameter")
    with Desk(settings, api, store) as desk:
        one = Chosen("", tenant, order or "", 0)
        if exception is not None:
            id_ = whole_id(desk, exception)
            standing = desk.store.standing({("exception_id", id_)})["exception_id", id_]
            one = Chosen(id_, standing.tenant, standing.order, standing.sequence)
        confirmed(f"ask for {action} of order {one.order}?", [f"{name}: {value}" for name, value in parameters.items()], yes=yes)
        data: dict[str, object] = {"action": action, "exception_id": one.id or None, "parameters": parameters or None, "note": note}
        fates = sent(desk, [one], "action.initiated", anyway=True, datas=[data])
    fates[0].about = fates[0].shown = one.order
    return report(fates, as_json=as_json)


def _judge(given: ActionOptions, type_: str, verb: str, note: str | None) -> int:
    """Approves or rejects, after showing what."""
    from dataflows.cli.case_page import what_is_approved

    with given.desk() as desk:
        found = _chosen(desk, given, in_doubt=False)
        details = [_detail(desk, one.id) for one in found]
        lines = [line for one in details for line in (*what_is_approved(one.row, one.data), "")]
        count = f"{len(found):,} {'action' if len(found) == 1 else 'actions'}"
        confirmed(f"{verb} {count}?", lines, yes=given.yes)
        if given.yes and not given.as_json:
            for line in lines:
                typer.echo(line, err=True)
        # What was shown is what is decided about: its hash and its sequence, not what it may be by now.
        shown = [Chosen(one.row.action_id, one.row.tenant, one.row.order_id, one.row.sequence) for one in details]
        datas: list[dict[str, object]] = [
            {"action_id": one.row.action_id, "payload_hash": one.row.payload_hash, "note": note} for one in details
        ]
        return _end(desk, given, shown, type_, datas)


def _end(desk: Desk, given: ActionOptions, chosen: list[Chosen], type_: str, datas: list[dict[str, object]]) -> int:
    fates = sent(desk, chosen, type_, given.anyway, datas)
    if given.wait:
        desk.wait("action_id", chosen, fates, options.elapsed("--timeout", given.timeout) / 1e6)
        for fate in fates:
            _tell(desk, fate)
    return report(fates, as_json=given.as_json)


def _tell(desk: Desk, fate: Fate) -> None:
    """Adds how an action stands that the engine has decided about."""
    if fate.status != "decided":
        return
    row = _detail(desk, fate.about).row
    still = f", {row.approvals_needed} more must agree" if row.approvals_needed else ""
    fate.detail = f"{row.state.replace('_', ' ')}{still}, sequence {row.sequence}"


def _chosen(desk: Desk, given: ActionOptions, *, in_doubt: bool) -> list[Chosen]:
    """The actions that are meant, by ID or by filter. Raises MisuseError where none is."""
    if given.ids:
        if given.every or given.narrowed:
            raise MisuseError("IDs and a filter both say which: leave one of them out")
        rows = [_detail(desk, _whole_id(desk, id_)).row for id_ in dict.fromkeys(given.ids)]
    elif given.every:
        wanted = given.filter(waiting=not in_doubt)
        rows = [row for row in _listed(desk, wanted, None) if not in_doubt or row.state == "in_doubt"]
        if not rows:
            raise MisuseError("no action is left by these options")
    else:
        raise MisuseError("say which: IDs, or --all with what narrows it down")
    return [
        Chosen(row.action_id, row.tenant, row.order_id, row.sequence, f"{row.action_id[:8]}  {row.action}  {row.order_id}  {row.state}")
        for row in rows
    ]


def _listed(desk: Desk, wanted: ActionFilter, limit: int | None) -> list[ListedAction]:
    from sinks.cases.queries.actions import list_actions

    found: list[ListedAction] = []
    after: str | None = None
    with desk.reading() as connection:
        while limit is None or len(found) < limit:
            page = list_actions(connection, wanted, limit=min(PAGE, PAGE if limit is None else limit - len(found)), after=after)
            found += page.rows
            after = page.after
            if after is None:
                break
    return found


def _whole_id(desk: Desk, prefix: str) -> str:
    from sinks.cases.queries.actions import resolve_action_prefix

    with desk.reading() as connection:
        return the_one("action", prefix, resolve_action_prefix(connection, prefix.strip().lower()))


def _detail(desk: Desk, id_: str) -> ActionDetail:
    from sinks.cases.queries.detail import action_detail

    with desk.reading() as connection:
        found = action_detail(connection, id_)
    if found is None:
        raise MisuseError(f"no action {id_}")
    return found


def _parameter(text: str) -> tuple[str, object]:
    import orjson

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise MisuseError(f"--parameter {text}: write it as NAME=VALUE")
    try:
        return name.strip(), cast("object", orjson.loads(value))
    except orjson.JSONDecodeError:
        return name.strip(), value
