"""`orderwatch adapt`: what real systems send, as contract events on standard output."""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.errors import MisuseError, RunError, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataflows.ingest.adapt import Run
    from sources.adapters import AdapterConnection

DONE, SOME_REFUSED, UNUSABLE = 0, 1, 2
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")


def adapt(  # noqa: PLR0913, PLR0917 - each is an option
    context: typer.Context,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SYSTEM FILES", help="The system, then files or folders of its payloads, plain or gzip; - is standard input."
        ),
    ] = None,
    mapping: Annotated[Path | None, typer.Option(metavar="FILE", help="A mapping file instead of a SYSTEM: see sources/mapping.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the systems: what they become, how their webhooks are signed.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only validate the mapping.")] = False,
    header: Annotated[list[str] | None, typer.Option(metavar="'NAME: VALUE'", help="A header of the request; again for more.")] = None,
    name: Annotated[str, typer.Option(help="Name of the connection: the end of each event's source.")] = "",
    tenant: Annotated[str, typer.Option(help="Tenant of the events.")] = "default",
    zone: Annotated[str, typer.Option(help="Zone of local times of which nothing says where they are.")] = "UTC",
    order_field: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where the order's ID stands in the system's main object, such as metadata.order_id.")
    ] = None,
    order_is_alias: Annotated[bool, typer.Option("--order-is-alias", help="What stands there is another name of the order.")] = False,
    omit: Annotated[
        list[str] | None, typer.Option(metavar="TYPE", help="Leave such events out, such as payment.*; again for more.")
    ] = None,
    accept_test: Annotated[bool, typer.Option("--accept-test", help="Take what comes from a test mode too.")] = False,
    auto_capture: Annotated[bool, typer.Option("--auto-capture", help="What is authorized is captured at once (Adyen).")] = False,
    report: Annotated[bool, typer.Option("--report", help="Say on standard error what occurred, and what of it was mapped.")] = False,
    report_to: Annotated[Path | None, typer.Option(metavar="FILE", help="The same report, as Markdown.")] = None,
    overwrite: options.Overwrite = False,
) -> int:
    """Turn payloads of a real system into contract events, one a line on standard output.

    A payload is the body of a webhook or an API's answer, or a captured request (JSON of headers and body); a file may hold one on each
    line. Files are read in the order given, folders by name: what a later history leaves out is withdrawn.

    What cannot be taken is refused by itself, with its reason on standard error; everything else is written.
    Exit code: 0 all was read, 1 something was refused, 2 nothing could be begun.
    """
    given = _given(context)
    if list_:
        _alone("--list", given - {"--list"})
        _list()
        return DONE
    from rich.console import Console

    from dataflows.ingest import coverage as reports
    from schemas.counts import counted
    from sources.adapters import AdapterConnection
    from sources.adapters.captured import payloads_of

    arguments = what or []
    if check:
        _alone("--check", given - {"--check", "--mapping"})
        return _check(mapping)
    if overwrite and report_to is None:
        raise MisuseError("--overwrite goes with --report-to")
    connection = _checked(AdapterConnection(name, tenant, zone, order_field, order_is_alias, accept_test, tuple(omit or ()), auto_capture))
    run = _run(arguments, mapping, connection)
    stated = {"headers" if one == "--header" else one.removeprefix("--").replace("-", "_") for one in given}
    if useless := run.adapter.useless(connection, stated):
        raise MisuseError(*(f"--{name.replace('_', '-').replace('headers', 'header')}: {why}" for name, why in useless.items()))
    headers = dict(_header(one) for one in header or ())
    paths = list(_files(arguments if mapping is not None else arguments[1:]))
    if report_to is not None:
        options.into_file("--report-to", report_to)
        options.unless_there([report_to], overwrite=overwrite, inputs=[*paths, *([mapping] if mapping else [])])
    for path in paths:
        for line, payload in payloads_of(_content(path), headers, by_line=mapping is None):
            run.take(path if line is None else f"{path}:{line}", payload)
    sys.stdout.flush()
    tables = reports.sections(run.coverage, run.adapter, run.refused) if report or report_to is not None else []
    if report:
        reports.show(Console(stderr=True, highlight=False), tables)
    if report_to is not None:
        _write(report_to, reports.markdown(f"Coverage of {run.adapter.title}: {counted(len(paths), 'file')}", tables))
    typer.echo(run.summary(len(paths)), err=True)
    return SOME_REFUSED if run.refused else DONE


def _given(context: typer.Context) -> set[str]:
    """The options that were typed, by their long names; FILES stands for what is no option."""
    typed = [one for one in context.command.params if one.name and _is_typed(context, one.name)]
    return {next((name for name in one.opts if name.startswith("--")), "FILES") for one in typed}


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _alone(option: str, others: set[str]) -> None:
    if others:
        raise MisuseError(f"{option} takes nothing else: leave out {', '.join(sorted(others))}")


def _run(arguments: list[str], mapping: Path | None, connection: AdapterConnection) -> Run:
    from dataflows.ingest.adapt import Run
    from schemas.problems import nearest
    from sources.adapters import ADAPTERS
    from sources.mapping import MappingError, read_mapping

    if mapping is not None:
        try:
            found = read_mapping(mapping)
        except MappingError as error:
            raise MisuseError(*map(str, error.problems)) from error
        if not arguments:
            raise MisuseError("no FILES; - is standard input")
        return Run(found.adapter, found, connection)
    if not arguments:
        raise MisuseError("say which SYSTEM (orderwatch adapt --list shows them), or --mapping FILE")
    system = arguments[0]
    if system not in ADAPTERS:
        near = nearest(system, ADAPTERS)
        hint = f' (did you mean "{near}"?)' if near else ""
        raise MisuseError(f"no system {system}{hint}: orderwatch adapt --list shows them; others are read with --mapping FILE")
    if len(arguments) == 1:
        raise MisuseError("no FILES; - is standard input")
    return Run(ADAPTERS[system], None, connection)


def _checked(connection: AdapterConnection) -> AdapterConnection:
    from schemas.events import DATA_MODELS
    from schemas.places import is_zone
    from schemas.problems import nearest

    if connection.name and not NAME.fullmatch(connection.name):
        raise MisuseError(f"--name {connection.name}: letters, digits, - _ and . are expected")
    if not 1 <= len(connection.tenant) <= 200 or not connection.tenant.isprintable():
        raise MisuseError("--tenant: 1 to 200 printable characters are expected")
    if not is_zone(connection.zone):
        raise MisuseError(f"--zone {connection.zone}: not a time zone of the IANA database, such as Europe/Amsterdam")
    for pattern in connection.omit:
        if not any(replace(connection, omit=(pattern,)).omits(type_) for type_ in DATA_MODELS):
            near = nearest(pattern, DATA_MODELS)
            raise MisuseError(f"--omit {pattern}: no such type of event" + (f' (did you mean "{near}"?)' if near else ""))
    return connection


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise MisuseError(f"--header {text}: write it as 'Name: value'")
    return name.strip(), value.strip()


def _files(arguments: list[str]) -> Iterator[str]:
    """The files that are meant; a folder stands for its files by name."""
    from sources.lines import STDIN

    if arguments.count(STDIN) > 1:
        raise MisuseError("- can be given once only: standard input can be read once only")
    for argument in arguments:
        path = Path(argument)
        if argument == STDIN or path.is_file():
            yield argument
        elif path.is_dir():
            yield from (str(one) for one in sorted(path.iterdir()) if one.is_file() and not one.name.startswith("."))
        elif path.exists():
            yield argument  # a pipe
        else:
            raise MisuseError(f"{argument}: no such file or directory")


def _content(path: str) -> bytes:
    from sources.lines import GZIP_MAGIC, STDIN

    try:
        raw = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
        return gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw
    except (OSError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise refused(error, path) from error
        text = str(error) or type(error).__name__
        raise RunError(f"{path}: {text[:1].lower()}{text[1:]}") from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise refused(error, path, name="--report-to") from error


def _check(mapping: Path | None) -> int:
    from dataflows.ingest import coverage as reports
    from sources.mapping import examine

    if mapping is None:
        raise MisuseError("--check goes with --mapping FILE")
    found, problems = examine(mapping, environment=None)
    for problem in problems:
        typer.echo(reports.printable(str(problem)), err=True)
    if found is None:
        return UNUSABLE
    adapter = found.adapter
    codes = sum(len(rows) for rows in {table.name: table.rows for table in adapter.tables}.values())
    typer.echo(f"ok: {mapping} is mapping {adapter.system!r} (codes: {codes}; becomes: {', '.join(adapter.emits)})")
    return DONE


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from sources.adapters import ADAPTERS
    from sources.gateway.schemes import SCHEMES

    systems = Table(box=None, pad_edge=False)
    for head in ("system", "reads", "becomes", "signature"):
        systems.add_column(head, no_wrap=head != "reads")
    for system, adapter in sorted(ADAPTERS.items()):
        systems.add_row(system, f"{adapter.title}: {adapter.forms}", "\n".join(adapter.emits), adapter.scheme)
    systems.add_row("--mapping FILE", "JSON, JSON lines, CSV or XML of any other", "what the mapping says", "secret")
    schemes = Table("signature", "how webhooks are signed", box=None, pad_edge=False)
    for name, scheme in sorted(SCHEMES.items()):
        schemes.add_row(name, scheme.how)
    console = Console(highlight=False)
    console.print(systems)
    console.print()
    console.print(schemes)
