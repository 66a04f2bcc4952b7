"""`orderwatch tokens`: who may send events and decisions to the gateway."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.known import say_unknown_roles
from dataflows.cli.listing import print_list
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, refused

if TYPE_CHECKING:
    from collections.abc import Generator

    from sources.gateway.tokens.book import Token, TokenBook
    from sources.gateway.tokens.scopes import TokenScope

app = typer.Typer(name="tokens", help="Who may send events and decisions to the gateway.", no_args_is_help=True)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NOWHERE = Path()
Folder = Annotated[Path | None, typer.Option("--dir", metavar="DIR", help="The gateway's directory, instead of settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Several = list[str] | None


@app.callback()
def tokens() -> None:
    """Who may send events and decisions to the gateway."""


@app.command()
def create(  # noqa: PLR0913, PLR0917 - each is an option
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called in lists, logs and the audit.")],
    source: Annotated[Several, typer.Option(help="Events of this source may be sent; * stands for anything. Again for more.")] = None,
    event_type: Annotated[Several, typer.Option(help="Only events of this type, such as carrier.*; again for more.")] = None,
    user: Annotated[str | None, typer.Option(metavar="WHO", help="Decisions may be made, by user:WHO.")] = None,
    service: Annotated[str | None, typer.Option(metavar="WHAT", help="Decisions may be made, by service:WHAT.")] = None,
    role: Annotated[Several, typer.Option(help="A role of whoever decides: operator, approver, ...; again for more.")] = None,
    decision_type: Annotated[Several, typer.Option(help="Only decisions of this type, such as case.*; again for more.")] = None,
    tenant: Annotated[Several, typer.Option(help="For this tenant, * for all; again for more.", show_default="default")] = None,
    expires: Annotated[str | None, typer.Option(metavar="SPAN|INSTANT", help="When it ends: 90d, or an instant.")] = None,
    settings: options.SettingsFile = None,
    folder: Folder = None,
) -> None:
    """Make a token and show it, this once: it is stored nowhere. It stands on standard output, all else on standard error."""
    from sources.gateway.tokens.scopes import scope_problems

    if not NAME.fullmatch(name):
        raise MisuseError(f"{name!r}: a name has letters, digits, '.', '_' and '-', and at most 64 of them")
    scope = _scope(source, event_type, user, service, role, decision_type, tenant)
    if scope.events is None and scope.decisions is None:
        raise MisuseError("the token may do nothing: give it --source, or --user or --service with --role")
    if problems := scope_problems(scope):
        raise MisuseError(*problems)
    ends = _instant(expires)
    with _book(settings, folder, new=True) as book:
        text = book.create(name, scope, ends)
    typer.echo(str(text))
    for line in (f"token {name}: {line}" for line in (*describe(scope), _ending(ends))):
        typer.echo(line, err=True)
    typer.echo("it is shown this once; the gateway takes it from now on", err=True)


@app.command("list")
def list_(settings: options.SettingsFile = None, folder: Folder = None, as_json: AsJson = False) -> None:
    """List the tokens: what each may, until when, and when it was last used. None of them can be shown again."""
    import orjson

    with _book(settings, folder) as book:
        found = book.all()
    if as_json:
        typer.echo(orjson.dumps([_plain(token) for token in found], option=orjson.OPT_INDENT_2).decode())
        return
    now = datetime.now(UTC).timestamp()
    rows = [
        (one.name, one.state(now), "; ".join(describe(one.scope)), _shown(one.expires) or "never", _shown(one.used) or "never")
        for one in found
    ]
    print_list(("name", "state", "may", "expires", "last used"), rows, "no tokens: `orderwatch tokens create` makes one")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name, or its ID.")],
    settings: options.SettingsFile = None,
    folder: Folder = None,
) -> None:
    """Have a token taken no more, from the next request on."""
    with _book(settings, folder) as book:
        token = book.revoke(name)
    typer.echo(f"token {token.name} is revoked")


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name, or its ID.")],
    grace: Annotated[str, typer.Option(metavar="SPAN", help="How long the one before is taken as well.")] = "1h",
    settings: options.SettingsFile = None,
    folder: Folder = None,
) -> None:
    """Make a new secret for a token and show it, this once; what it may stays as it is."""
    span = options.elapsed("--grace", grace)
    with _book(settings, folder) as book:
        text = book.rotate(name, span / 1e6)
    typer.echo(str(text))
    typer.echo(f"token {name}: the one before is taken for {grace} more", err=True)


def _scope(
    source: Several, event_type: Several, user: str | None, service: str | None, role: Several, decision_type: Several, tenant: Several
) -> TokenScope:
    from schemas.roles import ROLES
    from sources.gateway.tokens.scopes import ALL, DecisionScope, EventScope, TokenScope

    tenants = tuple(tenant or ("default",))
    if event_type and not source:
        raise MisuseError("--event-type goes with --source")
    if user is not None and service is not None:
        raise MisuseError("--user and --service: a token stands for one of them")
    decides = user is not None or service is not None
    if not decides and (role or decision_type):
        raise MisuseError("--role and --decision-type go with --user or --service")
    if decides and not role:
        raise MisuseError(f"--role is missing: one of {', '.join(ROLES)}, or one that the policy names")
    say_unknown_roles(role or ())
    # Whoever writes it as events have it means the same.
    by = f"user:{user.removeprefix('user:')}" if user is not None else f"service:{(service or '').removeprefix('service:')}"
    return TokenScope(
        events=EventScope(tuple(source), tuple(event_type or (ALL,)), tenants) if source else None,
        decisions=DecisionScope(by, tuple(role or ()), tuple(decision_type or (ALL,)), tenants) if decides else None,
    )


def _instant(text: str | None) -> float | None:
    if text is None:
        return None
    now = datetime.now(UTC)
    if re.fullmatch(r"\d+\s*[a-z]+", text):
        ends = (now + timedelta(microseconds=options.elapsed("--expires", text))).timestamp()
    else:
        at = options.instant("--expires", text)
        assert at is not None
        ends = at / 1e6
    if ends <= now.timestamp():
        raise MisuseError(f"--expires {text}: has passed")
    return ends


@contextmanager
def _book(settings: Path | None, folder: Path | None, *, new: bool = False) -> Generator[TokenBook]:
    """The tokens of the gateway, which must be there unless `new`. Raises MisuseError."""
    from contextlib import closing

    from sources.gateway.tokens.book import NAME as FILE
    from sources.gateway.tokens.book import TokenBook, TokenError

    if settings is not None and folder is not None:
        raise MisuseError("--dir and --settings both say where: give one of them")
    where = folder
    if where is None:
        from dataflows.ingest.gateway import state_of

        found = read_settings(settings, {}, spare={("state", "dir"): NOWHERE})
        if found.gateway.dir is None and found.state.dir == NOWHERE:
            raise MisuseError("the gateway's directory: name it by --dir, or by --settings (gateway.dir, ORDERWATCH_GATEWAY__DIR)")
        where = state_of(found)
    if not new and not (where / FILE).exists():
        raise MisuseError(f"{where}: there are no tokens; `orderwatch tokens create` makes one, in the directory of the gateway")
    options.into_folder("--dir", where)
    try:
        with closing(TokenBook(where)) as book:
            yield book
    except TokenError as error:
        raise MisuseError(str(error)) from error
    except OSError as error:
        raise refused(error, where, name="--dir") from error


def describe(scope: TokenScope) -> list[str]:
    """What a token may, a line for events and one for decisions."""
    lines: list[str] = []
    if scope.events is not None:
        one = scope.events
        lines.append(f"sends {', '.join(one.types)} of {', '.join(one.sources)} for {_tenants(one.tenants)}")
    if scope.decisions is not None:
        other = scope.decisions
        lines.append(f"decides {', '.join(other.types)} as {other.by} ({', '.join(other.roles)}) for {_tenants(other.tenants)}")
    return lines


def _tenants(names: tuple[str, ...]) -> str:
    return "all tenants" if "*" in names else f"{'tenant' if len(names) == 1 else 'tenants'} {', '.join(names)}"


def _ending(at: float | None) -> str:
    return "never expires" if at is None else f"expires {_shown(at)}"


def _shown(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _plain(token: Token) -> dict[str, object]:
    import msgspec

    times = {name: getattr(token, name) for name in ("created", "expires", "revoked", "used")}
    return {
        "id": token.id,
        "name": token.name,
        "state": token.state(datetime.now(UTC).timestamp()),
        "scope": msgspec.to_builtins(token.scope),
        **{name: None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for name, at in times.items()},
    }
