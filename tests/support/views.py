"""All views of a console that can be looked at: each route that answers with a page, with examples for what stands in its path.

Pages of what somebody has made before (a draft, a decision, an invitation), and pages that answer to a form, are made first: `made_views`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import insert, select
from starlette.testclient import TestClient

from dataflows.console.govern.tables import trials
from dataflows.console.govern.trial import NEW_FILE, OLD_FILE, TrialLine, TrialSpec, run_trial
from dataflows.console.govern.trials import BACKTEST, DONE, DRY_RUN
from dataflows.console.routes import Route, every_route
from schemas.wire import micros
from sinks.cases.tables import actions, exceptions
from tests.support.console import ConsoleHost
from tests.support.console_world import day_policy
from tests.support.desk_console import decide, late
from tests.support.governed import OFF, PARTITION, WRONG, events_file, parts_of_host, reject, rejected, scan

UNSEEN: Final = frozenset(("live", "oidc", "oidc_back"))
"""Routes that answer to no reader: a stream, and what an identity provider is asked and says."""


class MadeView(NamedTuple):
    """A page that is reached by a path or, with a form, by sending that there."""

    path: str
    form: Mapping[str, Any] | None = None


def _is_view(route: Route) -> bool:
    return "GET" in route.methods and route.name not in UNSEEN and not route.path.endswith(".csv")


EXAMPLES: Final = frozenset(("exception", "exception_record", "order", "action", "decide", "person", "policy_rule"))
"""Routes for whose path there is an example in the store."""
EVERY_VIEW: Final = frozenset(route.name for route in every_route() if _is_view(route))
"""The names of all routes that answer with a page."""
VIEWS: Final = tuple(sorted(route.name for route in every_route() if _is_view(route) and ("{" not in route.path or route.name in EXAMPLES)))
"""The names of those that need nothing to be made."""
MAKERS: Final[dict[str, Callable[[ConsoleHost], MadeView]]] = {}
"""What makes the others, and further looks of these, by a name that begins with the route's."""


def shown_views(host: ConsoleHost) -> dict[str, str]:
    """The paths of those that need nothing to be made, by the names of their routes."""
    paths = {route.name: route.path for route in every_route()}
    examples = _examples(host)
    return {name: examples.get(name, paths[name]) for name in VIEWS}


def _examples(host: ConsoleHost) -> dict[str, str]:
    """Of the gravest exception, of its order, of an action that waits, and what the forms of decisions are about."""
    about = open_rows(host, 1)[0]
    with host.parts.store.connect() as connection:
        action = connection.execute(select(actions.c.action_id).limit(1)).scalar_one()
    return {
        "exception": f"/exceptions/{about.exception_id}",
        "exception_record": f"/exceptions/{about.exception_id}/record",
        "order": f"/orders/{about.tenant}/{about.order_id}",
        "action": f"/actions/{action}",
        "decide": f"/decide?do=snooze&x={about.exception_id}:{about.sequence}&back=/",
        "person": "/people/anna",
        "policy_rule": "/policy/rules/shipment.delivery_overdue",
    }


def open_rows(host: ConsoleHost, many: int) -> list[Any]:
    """The gravest exceptions that are open."""
    columns = exceptions.c.exception_id, exceptions.c.sequence, exceptions.c.tenant, exceptions.c.order_id
    chosen = select(*columns).where(exceptions.c.status == "open", exceptions.c.due_at.is_not(None))
    with host.parts.store.connect() as connection:
        return [*connection.execute(chosen.order_by(exceptions.c.score.desc(), exceptions.c.exception_id).limit(many))]


def _made(name: str) -> Callable[[Callable[[ConsoleHost], MadeView]], Callable[[ConsoleHost], MadeView]]:
    def enter(maker: Callable[[ConsoleHost], MadeView]) -> Callable[[ConsoleHost], MadeView]:
        MAKERS[name] = maker
        return maker

    return enter


def _sent(client: TestClient, path: str, fields: Mapping[str, Any]) -> str:
    """Sends a form; the path that the answer leads to."""
    answer = client.post(path, data=fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def _decision(host: ConsoleHost, many: int, verb: str) -> str:
    """Opens the form of a decision about several rows, and sends it; the page of what became of it."""
    rows = [f"{row.exception_id}:{row.sequence}" for row in open_rows(host, many)]
    answer = decide(host.client("ada"), verb, x=rows, back="/")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


@_made("decided")
def _decided_one(host: ConsoleHost) -> MadeView:
    """A decision that is in the log, and of which the engine has not spoken."""
    return MadeView(_decision(host, 1, "acknowledge"))


@_made("decided-many")
def _decided_many(host: ConsoleHost) -> MadeView:
    """A decision about several rows."""
    return MadeView(_decision(host, 5, "take"))


@_made("decide-many")
def _form_of_many(host: ConsoleHost) -> MadeView:
    """The form for several rows."""
    rows = [f"{row.exception_id}:{row.sequence}" for row in open_rows(host, 25)]
    return MadeView("/decide", {"step": "form", "do": "resolve", "back": "/", "x": rows})


@_made("decide-action")
def _form_of_an_action(host: ConsoleHost) -> MadeView:
    """The form by which an action is asked for, with the fields of a refund."""
    row = open_rows(host, 1)[0]
    fields = {"step": "form", "do": "initiate", "back": "/", "x": f"{row.exception_id}:{row.sequence}", "action": "approve_refund"}
    return MadeView("/decide", fields)


@_made("undo-one")
def _undo_of_one(host: ConsoleHost) -> MadeView:
    """What would undo a decision."""
    return MadeView(f"/undo?key={_decision(host, 1, 'acknowledge').rpartition('/')[2]}")


@_made("invitation-wrong")
def _invitation_refused(host: ConsoleHost) -> MadeView:
    """An invitation that never was."""
    del host
    return MadeView("/invitation", {"code": "guess", "password": "a long enough password"})


@_made("people-invited")
def _invited(host: ConsoleHost) -> MadeView:
    """Somebody who was just added, with their invitation."""
    del host
    return MadeView("/people", {"name": "zoe", "role": "operator"})


@_made("login-wrong")
def _login_refused(host: ConsoleHost) -> MadeView:
    """A password that is not theirs."""
    del host
    return MadeView("/login", {"name": "anna", "password": "guessed"})


def _draft(host: ConsoleHost, text: str) -> str:
    return _sent(host.client("ada"), "/policy/edit", {"text": text, "name": "mine.yaml"})


@_made("policy_draft")
def _draft_right(host: ConsoleHost) -> MadeView:
    """A policy that may be activated."""
    return MadeView(_draft(host, OFF))


@_made("policy_draft-wrong")
def _draft_wrong(host: ConsoleHost) -> MadeView:
    """A policy with a mistake."""
    return MadeView(_draft(host, WRONG))


@_made("policy_draft-unexplained")
def _activation_without_a_note(host: ConsoleHost) -> MadeView:
    """An activation that does not say why."""
    return MadeView(f"{_draft(host, OFF)}/activate", {"note": " "})


@_made("policy_activation")
def _activation(host: ConsoleHost) -> MadeView:
    """An activation that was sent a moment ago."""
    return MadeView(_sent(host.client("ada"), f"{_draft(host, OFF)}/activate", {"note": "why", "key": "k1"}))


@_made("policy_trial")
def _trial_under_way(host: ConsoleHost) -> MadeView:
    """A back-test that waits or runs."""
    return MadeView(_sent(host.client("ada"), f"{_draft(host, OFF)}/try", {"kind": BACKTEST}))


@_made("policy_trial-backtest")
def _backtest(host: ConsoleHost) -> MadeView:
    """A back-test that is over."""
    return MadeView(_tried(host, BACKTEST))


@_made("policy_trial-dry_run")
def _dry_run(host: ConsoleHost) -> MadeView:
    """A dry run that is over."""
    return MadeView(_tried(host, DRY_RUN))


def _tried(host: ConsoleHost, kind: str) -> str:
    """Runs a trial here instead of in a process of its own; its page."""
    at, trial_id = host.clock(), f"tried-{kind}"
    row: dict[str, object] = {
        "trial_id": trial_id,
        "kind": kind,
        "draft_id": _draft(host, OFF).rpartition("/")[2],
        "by": "user:pia",
        "at": at,
        "until": at,
        "old_version": "1",
        "new_version": "2",
        "new_name": "calm",
        "state": DONE,
        "percent": 100,
        "ended_at": at,
        "covered": [],
    }
    with host.parts.own.begin() as connection:
        connection.execute(insert(trials).values(**row))
    folder = parts_of_host(host).trials.folder_of(trial_id)
    folder.mkdir(parents=True)
    (folder / OLD_FILE).write_text(day_policy(), encoding="utf-8")
    (folder / NEW_FILE).write_text(OFF, encoding="utf-8")
    placed, due = (at - timedelta(days=5)).isoformat(), (at - timedelta(days=2)).isoformat()
    events = events_file(host.folder, [{**late(order, ship_by=due), "time": placed} for order in ("SO-1", "SO-2")])
    heard: list[TrialLine] = []
    run_trial(TrialSpec(str(folder), micros(at), 1 << 30, 60, events=(str(events),), standing=kind == DRY_RUN), heard.append)
    assert heard[-1].covered is not None
    return f"/policy/trials/{trial_id}"


@_made("reject")
def _reject_masked(host: ConsoleHost) -> MadeView:
    """A record that was rejected, masked."""
    reject(host, rejected(scan()))
    return MadeView(f"/rejects/{PARTITION}/0")


@_made("reject-whole")
def _reject_whole(host: ConsoleHost) -> MadeView:
    """The same as it was sent, with the form that mends it."""
    reject(host, rejected(scan(id="scan-2")))
    return MadeView(f"/rejects/{PARTITION}/0/whole", {})


@_made("nothing-here")
def _nothing_here(host: ConsoleHost) -> MadeView:
    """A page that does not exist."""
    del host
    return MadeView("/no/such/page")


MADE: Final = tuple(sorted(MAKERS))
"""The names of pages that are made first."""
