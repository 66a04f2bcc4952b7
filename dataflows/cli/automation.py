"""`orderwatch automation`: stop what is done without a person, let it go on, and see where it stands still."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from dataflows.cli import options
from dataflows.cli.choosing import Api, AsJson, Store, Timeout, Wait, Yes
from dataflows.cli.desk import PAUSE_S, Chosen, Desk, Fate, confirmed, report
from dataflows.errors import MisuseError, RunError

app = typer.Typer(name="automation", help="Automation: pause and resume it, and see where it is paused.", no_args_is_help=True)

Scope = Annotated[str, typer.Argument(metavar="SCOPE", help="all, action:NAME, rule:KIND or tenant:NAME.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; it stands in the log, so it names no customer.")]
SUBJECT = "automation"


@app.callback()
def automation() -> None:
    """Automation: pause and resume it, and see where it is paused."""


@app.command()
def pause(  # noqa: PLR0913, PLR0917 - each is an option
    scope: Scope,
    reason: Reason = None,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
    settings: options.SettingsFile = None,
    api: Api = None,
    store: Store = None,
) -> int:
    """Have nothing requested or begun without a person in a scope."""
    with Desk(settings, api, store) as desk:
        return _decide(desk, "automation.paused", scope, reason, yes=yes, wait=timeout if wait else None, as_json=as_json)


@app.command()
def resume(  # noqa: PLR0913, PLR0917 - each is an option
    scope: Scope,
    reason: Reason = None,
    yes: Yes = False,
    wait: Wait = False,
    timeout: Timeout = "30s",
    as_json: AsJson = False,
    settings: options.SettingsFile = None,
    api: Api = None,
    store: Store = None,
) -> int:
    """Let automation go on in a scope that was paused."""
    with Desk(settings, api, store) as desk:
        return _decide(desk, "automation.resumed", scope, reason, yes=yes, wait=timeout if wait else None, as_json=as_json)


@app.command()
def state(as_json: AsJson = False, settings: options.SettingsFile = None, store: Store = None) -> int:
    """Say where automation is paused, since when, by whom and why."""
    import orjson

    with Desk(settings, store=store) as desk:
        scopes = _paused(desk)
    if as_json:
        for one in scopes:
            typer.echo(orjson.dumps(one).decode())
    elif not scopes:
        typer.echo("automation is paused nowhere")
    for one in () if as_json else scopes:
        why = f": {one['reason']}" if one.get("reason") else ""
        typer.echo(f"paused for {one.get('scope')} since {one.get('since')} by {one.get('by')}{why}")
    return 0


def _paused(desk: Desk) -> list[dict[str, str]]:
    """The scopes that are paused, each once."""
    from dataflows.ingest.decisions.expected import NoStoreError, StoreDownError

    try:
        rows = desk.store.paused()
    except NoStoreError as error:
        raise MisuseError(str(error)) from error
    except StoreDownError as error:
        raise RunError(str(error)) from error
    found = {str(one.get("scope")): {**one} for _, scopes, _ in rows for one in scopes}
    return [found[scope] for scope in sorted(found)]


def _decide(desk: Desk, type_: str, scope: str, reason: str | None, *, yes: bool, wait: str | None, as_json: bool) -> int:
    from dataflows.core.actions.pauses import wrong_scope

    if wrong := wrong_scope(scope):
        raise MisuseError(wrong)
    word = type_.removeprefix("automation.")
    timeout = None if wait is None else options.elapsed("--timeout", wait) / 1e6
    verb = "pause" if word == "paused" else "resume"
    confirmed(f"{verb} automation for {scope}?", [], yes=yes)
    tenant = scope.partition(":")[2] if scope.startswith("tenant:") else "default"
    data = {"scope": scope} | ({} if reason is None else {"reason": reason})
    decision: dict[str, object] = {"type": type_, "subject": SUBJECT, "tenant": tenant, "data": data}
    fates = desk.send([Chosen(scope, tenant, SUBJECT, 0)], [decision])
    if timeout is not None:
        _wait(desk, fates[0], scope, timeout, paused=word == "paused")
    fates[0].about = fates[0].shown = scope
    return report(fates, as_json=as_json)


def _wait(desk: Desk, fate: Fate, scope: str, timeout: float, *, paused: bool) -> None:
    """Waits until the scope stands as it was asked for, or the engine has refused it."""
    from dataflows.ingest.decisions.expected import StoreDownError

    give_up, id_ = time.monotonic() + timeout, fate.id or ""
    while fate.status == "accepted":
        try:
            refusals = desk.store.refusals([id_])
        except StoreDownError as error:
            raise RunError(f"the decision was taken; what the engine makes of it is not known: {error}") from error
        if id_ in refusals:
            fate.status, (fate.reason, fate.detail) = "rejected", refusals[id_]
        elif (scope in {one.get("scope") for one in _paused(desk)}) == paused:
            fate.status, fate.detail = "decided", "paused" if paused else "goes on"
        elif time.monotonic() >= give_up:
            fate.status, fate.detail = "unanswered", f"nothing has changed within {timeout:g} s"
        else:
            time.sleep(PAUSE_S)
