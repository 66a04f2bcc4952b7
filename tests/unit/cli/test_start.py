"""What a command costs before it does anything: help and version load nothing that they can do without."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from dataflows.cli.main import app

HEAVY = frozenset(
    """
    bytewax confluent_kafka defusedxml holidays jmespath msgspec orjson prometheus_client pydantic_settings rich starlette structlog uvicorn
    uvloop yaml zstandard textual sqlalchemy alembic
    """.split()
)
PROGRAM = """
import contextlib, io, json, sys
from dataflows.cli import main as cli
with contextlib.redirect_stdout(io.StringIO()):
    codes = [cli.run(arguments) for arguments in json.loads(sys.argv[1])]
print(json.dumps([codes, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def names_of(command: object, *before: str) -> list[tuple[str, ...]]:
    """The names of a command and of all below it, as they are typed."""
    below = command.commands.items() if isinstance(command, TyperGroup) else ()
    return [before, *(names for name, inner in below for names in names_of(inner, *before, name))]


def loaded(*commands: list[str]) -> tuple[list[int], set[str]]:
    """Runs commands in one new interpreter: their exit codes, and the packages that are loaded afterwards."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, json.dumps(commands)], capture_output=True, check=True)
    codes, modules = json.loads(done.stdout)
    return codes, set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-h"], []])
def test_the_first_questions_load_nothing(arguments: list[str]) -> None:
    """What there is, and which version it is."""
    _, modules = loaded(arguments)
    assert modules & (HEAVY | {"pydantic", "msgspec", "sources", "markdown_it", "pygments"}) == set()


def test_the_help_of_every_command_loads_nothing_that_works() -> None:
    """Typer itself reads the types of options with pydantic; nothing else is there."""
    commands = names_of(get_command(app))
    assert {("replay",), ("policy", "check"), ("rejects", "list")} <= set(commands)
    codes, modules = loaded(*([*names, "--help"] for names in commands))
    assert set(codes) == {0}
    assert modules & HEAVY == set()


@pytest.mark.parametrize(
    ("arguments", "not_needed"),
    [
        (["policy", "show"], "bytewax confluent_kafka starlette uvicorn structlog prometheus_client rich holidays"),
        (["explain", "x", "--in", "nowhere"], "bytewax confluent_kafka starlette uvicorn structlog prometheus_client holidays yaml"),
        (["adapt", "--list"], "bytewax confluent_kafka starlette uvicorn structlog prometheus_client holidays zstandard"),
        (["run", "--check", "--state", "x"], "bytewax confluent_kafka starlette uvicorn structlog prometheus_client rich holidays"),
        (["state", "show", "--state", "nowhere"], "confluent_kafka starlette uvicorn structlog prometheus_client holidays"),
    ],
)
def test_a_command_loads_only_its_own_needs(arguments: list[str], not_needed: str) -> None:
    """A look at a policy needs no broker, and a look at a folder no web server."""
    _, modules = loaded(arguments)
    assert modules & set(not_needed.split()) == set()


@pytest.mark.parametrize(
    ("words", "at", "offered"),
    [
        ("orderwatch re", 1, {"replay", "rejects"}),
        ("orderwatch replay --o", 2, {"--out", "--out-of-order", "--overwrite"}),
        ("orderwatch tokens ", 2, {"create", "list", "revoke", "rotate"}),
        ("orderwatch actions ", 2, {"approve", "initiate", "list", "observe", "reject", "show"}),
        ("orderwatch policy ", 2, {"activate", "armed", "check", "diff", "explain", "show", "test"}),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, at: int, offered: set[str]) -> None:
    """As the script asks that `--show-completion` prints."""
    program = "import sys; from dataflows.cli.main import main; main(sys.argv[1:])"
    asked = {"_ORDERWATCH_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(at), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=asked)
    assert (done.returncode, set(done.stdout.split())) == (0, offered)
