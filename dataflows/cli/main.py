"""The command line: `orderwatch COMMAND ...`.

Exit codes: 0 done, 1 failed while running, 2 unusable arguments or configuration (a line on standard error for each thing to mend), 130
interrupted. `dataflows/README.md` has the table of situations.

Nothing is imported here that `--help` can do without: the modules of the commands hold names, options and help, and import what does
the work when they run.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from dataflows.cli import actions, automation, cases, dispatch, people, policy, rejects, schemas, state, templates, tokens, topics
from dataflows.cli.adapt import adapt
from dataflows.cli.backtest import backtest
from dataflows.cli.console import console
from dataflows.cli.demo import demo
from dataflows.cli.explain import explain
from dataflows.cli.export import export
from dataflows.cli.forget import forget
from dataflows.cli.gateway import gateway
from dataflows.cli.load import load
from dataflows.cli.replay import replay
from dataflows.cli.run import run as run_command
from dataflows.cli.simulate import simulate
from dataflows.cli.store import store
from dataflows.cli.top import top
from dataflows.cli.up import up
from dataflows.errors import MisuseError, RunError
from dataflows.runtime.failure import DEBUG
from dataflows.runtime.launcher import PARENT, die_with_launcher

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    # typer brings its own copy of click, and hands these types to whoever derives from its classes.
    from typer._click import Context, HelpFormatter

DONE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
STOPPED = "stopped; what was written is not complete"
MAX_LISTED = 20
"""Mistakes that are told one by one; the rest is counted."""


class Commands(TyperGroup):
    """The group of all commands; its help says the whole first paragraph of each."""

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Writes a row for each command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, " ".join((command.help or "").split("\n\n")[0].split())) for name, command in self.commands.items()])


app = typer.Typer(
    name="orderwatch",
    cls=Commands,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # what rich costs at the start is more than all else that help needs
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"orderwatch {version('orderwatch')}")
        raise typer.Exit


@app.callback()
def orderwatch(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is.")] = False,
) -> None:
    """Watches every open order and says which are in trouble, why, who owns it and what to do next."""
    del version


app.command("run")(run_command)
app.command()(adapt)
app.command()(demo)
app.command()(replay)
app.command()(backtest)
app.command()(gateway)
app.command()(store)
app.command()(console)
app.command()(top)
app.command()(load)
app.command()(explain)
app.command()(export)
app.command()(forget)
app.command()(simulate)
app.command()(up)
app.add_typer(cases.app, cls=Commands)
app.add_typer(actions.app, cls=Commands)
app.add_typer(automation.app, cls=Commands)
app.add_typer(policy.app, cls=Commands)
app.add_typer(state.app, cls=Commands)
app.add_typer(topics.app, cls=Commands)
app.add_typer(tokens.app, cls=Commands)
app.add_typer(people.app, cls=Commands)
app.add_typer(rejects.app, cls=Commands)
app.add_typer(dispatch.app, cls=Commands)
app.add_typer(schemas.app, cls=Commands)
app.add_typer(templates.app, cls=Commands)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and exits with its code."""
    _open_streams()
    if PARENT in os.environ:
        die_with_launcher()  # a part of `orderwatch up`, or a process of a cluster
    code = run(sys.argv[1:] if arguments is None else arguments)
    if code != DONE and threading.active_count() > 1:
        # A worker of a cluster that broke off may be unwinding in native code still; a Python that shuts down around it aborts.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    # A collector that looks through everything once more before the process ends costs a tenth of a long replay, and finds nothing.
    gc.freeze()
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs a command; returns its exit code."""
    if not arguments:
        app(["--help"], prog_name="orderwatch", standalone_mode=False)
        return UNUSABLE
    try:
        result = app(list(arguments), prog_name="orderwatch", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        return _print_usage(error)
    except MisuseError as error:
        return _report(error.problems, UNUSABLE)
    except (KeyboardInterrupt, typer.Abort):
        return _report([STOPPED], INTERRUPTED)
    except BrokenPipeError:
        _give_up_output()  # whoever read our output has seen enough
        return DONE
    except SystemExit:
        return DONE  # typer and rich leave this way where standard output is a broken pipe
    except RunError as error:
        return _report([str(error)], FAILED)
    except OSError as error:
        if os.environ.get(DEBUG):
            raise
        if error.filename is None:
            _give_up_output()  # such as a full disk behind it; Python would try once more when it closes the stream
        return _report([f"{error.filename or 'standard output'}: {(error.strerror or str(error)).lower()}"], FAILED)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _report([f"failed: {type(error).__name__}: {error} (set {DEBUG}=1 for more)"], FAILED)
    code = result if isinstance(result, int) else DONE
    return _report([STOPPED], code) if code == INTERRUPTED else code


def _print_usage(error: TyperException) -> int:
    """Says what is wrong with the arguments, and where to read what they are; of a group without a command, its help."""
    context: Context | None = getattr(error, "ctx", None)
    if context is None:
        return _report([error.format_message()], UNUSABLE)
    if error.message == context.get_help():
        typer.echo(error.message)
        return UNUSABLE
    return _report([f"{error.format_message().rstrip('.')} ({context.command_path} --help says more)"], UNUSABLE)


def _report(messages: Iterable[str], code: int) -> int:
    lines = [" ".join(message.split()) for message in messages]
    for line in lines[:MAX_LISTED]:
        print(f"orderwatch: {line}", file=sys.stderr)  # noqa: T201
    if len(lines) > MAX_LISTED:
        print(f"orderwatch: and {len(lines) - MAX_LISTED} more", file=sys.stderr)  # noqa: T201
    return code


def _give_up_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _open_streams() -> None:
    """Opens what the caller has closed (`>&-`): the next file opened would become our standard output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - as above
