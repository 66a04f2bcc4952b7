"""The command line: `orderwatch COMMAND ...`.

Exit codes: 0 done, 1 failed while running, 2 unusable arguments or configuration (one line on standard error says what to mend).
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import typer
from typer.exceptions import TyperException

from dataflows.commands import policy, rejects, schemas, state, topics
from dataflows.commands.adapt import adapt
from dataflows.commands.demo import demo
from dataflows.commands.errors import MisuseError, RunError
from dataflows.commands.explain import explain
from dataflows.commands.export import export
from dataflows.commands.gateway import gateway
from dataflows.commands.load import load
from dataflows.commands.replay import replay
from dataflows.commands.run import run as run_command
from dataflows.commands.simulate import simulate
from dataflows.runner import DEBUG

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130
STOPPED = "stopped; what was written is not complete"

app = typer.Typer(
    name="orderwatch",
    help="Watches every open order and says which are in trouble, why, who owns it and what to do next.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run_command)
app.command()(adapt)
app.command()(demo)
app.command()(replay)
app.command()(gateway)
app.command()(load)
app.command()(explain)
app.command()(export)
app.command()(simulate)
app.add_typer(policy.app)
app.add_typer(state.app)
app.add_typer(topics.app)
app.add_typer(rejects.app)
app.add_typer(schemas.app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and exits with its code."""
    code = run(sys.argv[1:] if arguments is None else arguments)
    if code != DONE and threading.active_count() > 1:
        # A worker of a cluster that broke off may be unwinding in native code still; a Python that shuts down around it aborts.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
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
        # Without a message it was a group without a command, which has printed its help.
        message = error.format_message()
        return _say(message, UNUSABLE) if message else UNUSABLE
    except MisuseError as error:
        return _say(str(error), UNUSABLE)
    except (KeyboardInterrupt, typer.Abort):
        return _say(STOPPED, INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return DONE
    except SystemExit:
        return DONE  # rich leaves this way where standard output is a broken pipe
    except RunError as error:
        return _say(str(error), FAILED)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        return _say(f"failed: {type(error).__name__}: {error} (set {DEBUG}=1 for more)", FAILED)
    code = result if isinstance(result, int) else DONE
    return _say(STOPPED, code) if code == INTERRUPTED else code


def _say(message: str, code: int) -> int:
    print(f"orderwatch: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return code
