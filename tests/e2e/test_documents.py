"""Every command and every sample of the READMEs: run here, run by a test that is named here, or generated; a new one must say which."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import pytest
import yaml
from starlette.responses import Response
from typer.main import get_command

from dataflows.cli.main import app
from dataflows.cli.summary import exceptions_table
from dataflows.console.access import Needs
from dataflows.console.routes import Route
from dataflows.console.visit import Visit
from dataflows.settings import load_settings
from sinks.cases.queries.exceptions import list_exceptions
from sinks.cases.queries.wanted import ExceptionFilter
from sinks.cases.schema import open_store, upgrade
from sinks.tally import Tally
from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.core import TyperCommand, TyperGroup

READMES = tuple(
    sorted(
        str(path.relative_to(ROOT)) for path in ROOT.rglob("README.md") if not any(part[0] == "." for part in path.relative_to(ROOT).parts)
    )
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
GENERATED = re.compile(r"<!-- generated: \w+ -->.*?<!-- /generated -->", re.DOTALL)
NOWHERE = "127.0.0.1:1"
"""Where no broker answers."""
CSV = "ORDER_NO,PACKED_AT,PARCEL\n1042,05.05.2026 10:00,P-1\n"


class Block(NamedTuple):
    """A fenced block of a README."""

    document: str
    language: str
    text: str

    @property
    def first(self) -> str:
        """By what it is known: its first line, without a comment."""
        return self.text.splitlines()[0].partition("  #")[0].strip()


def blocks(document: str) -> list[Block]:
    """The blocks of a README that are written by hand."""
    text = GENERATED.sub("", (ROOT / document).read_text(encoding="utf-8"))
    return [Block(document, language, body) for language, body in BLOCK.findall(text)]


GUIDE = "run by tests/e2e/test_guide.py, on real sockets and a real Kafka"
GUIDED = "## Connect your shop in an hour"
"""The part of `sources/README.md` that is run as a whole, by that test."""
MAPPINGS = "checked, run and compared by tests/unit/mapping"
DOCKER = "needs a Docker that may fetch images; tests/unit/docker reads the files, and CI starts them"
KNOWN = {
    ("README.md", "python3 -m venv .uv"): "installs from a package index: the command behind it is run below",
    ("README.md", "Shopify, Stripe"): "a drawing",
    ("README.md", "orderwatch simulate"): "run below",
    ("README.md", "schemas/"): "compared with the tree below",
    ("dataflows/console/README.md", "orderwatch people"): "run below",
    ("dataflows/console/README.md", "console:"): "settings that are checked below",
    ("dataflows/console/README.md", "# dataflows/console/views"): "run below",
    ("dataflows/core/actions/README.md", "order shards"): "a drawing",
    ("dataflows/dispatch/README.md", "order-actions"): "a drawing",
    ("dataflows/dispatch/README.md", "state: {dir"): "settings that are checked below",
    ("dataflows/dispatch/README.md", "contacts:"): "settings that are checked below",
    ("dataflows/dispatch/README.md", "orderwatch dispatch dead-letters"): "run below",
    ("dataflows/dispatch/README.md", "orderwatch dispatch decisions"): "run below",
    ("dataflows/ingest/README.md", ""): "run by tests/e2e/test_decisions_page.py, on a real gateway, engine and store",
    ("dataflows/store/README.md", "orderwatch store"): "run by tests/e2e/test_store.py on a real Kafka",
    ("dataflows/store/README.md", "orderwatch top"): "run by tests/e2e/test_top.py",
    ("dataflows/store/README.md", "store:"): "settings that are checked below",
    ("dataflows/store/README.md", "SELECT"): "run below",
    ("docker/dispatch/README.md", "dispatch:"): "settings that are checked below",
    ("sinks/actions/README.md", "dispatch:"): "settings that are checked below",
    ("dataflows/README.md", "orderwatch topics create"): "run below",
    ("dataflows/README.md", "# orderwatch.yaml"): "settings that are checked below",
    ("dataflows/README.md", "[Unit]"): "read below; systemd is not here",
    ("dataflows/README.md", "orderwatch run --settings orderwatch.yaml --process-id"): "run below",
    ("dataflows/README.md", "orderwatch gateway"): "run below",
    ("dataflows/README.md", "kafka-acls.sh"): "run by tests/e2e/test_secured_broker.py, on a Kafka with an authorizer",
    ("dataflows/README.md", "slacklike/acme:"): "settings that are checked below",
    ("sources/mapping/README.md", "orderwatch adapt"): "run below",
    ("sources/mapping/README.md", "name: "): f"the first: run below; the others: {MAPPINGS}",
    ("docker/gateway/README.md", "gateway:"): "settings that are checked below",
    ("docker/gateway/README.md", "woocommerce/acme:"): "settings that are checked below",
    ("tests/README.md", "python -m tests.bench.compare"): "run over smaller input by tests/e2e/test_compare.py",
    ("docker/README.md", "docker compose"): DOCKER,
    ("docker/README.md", "services:"): "settings that are checked below",
}
"""What becomes of each block, by its document and the beginning of its first line."""


def found(document: str, first: str) -> Block:
    """The one block of a document that begins so."""
    (block,) = (block for block in blocks(document) if block.first.startswith(first))
    return block


def elsewhere(block: Block) -> str:
    """By what a block is run that belongs to a whole: a step of the guide, or what a mapping is given and what it makes of that."""
    guide = (ROOT / "sources/README.md").read_text(encoding="utf-8").partition(f"{GUIDED}\n")[2].partition("\n## ")[0]
    if block.document == "sources/README.md":
        return GUIDE if block.text in guide else ""
    return MAPPINGS if block.document == "sources/mapping/README.md" and block.language in ("json", "text") else ""


def test_every_block_is_run_or_says_why_not() -> None:
    """And nothing is said of a block that is gone."""
    there = [block for document in READMES for block in blocks(document) if not elsewhere(block)]
    assert len(there) > 15
    used: set[tuple[str, str]] = set()
    for block in there:
        fitting = [key for key in KNOWN if key[0] == block.document and block.first.startswith(key[1])]
        assert fitting, f"{block.document}: {block.first!r} is run by no test: run it here, or say in KNOWN why not"
        used.update(fitting)
    assert used == set(KNOWN)


def commands(block: Block) -> list[str]:
    """The lines of a block that are commands, without their comments."""
    return [line for line in re.sub(r"\s+# .*$", "", block.text, flags=re.MULTILINE).splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like a checkout, with `orderwatch` on the path and what the documents take for granted."""
    for name in ("sources", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "orderwatch"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m dataflows.cli "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "wms.yaml").write_text(found("sources/mapping/README.md", "name: wms").text, encoding="utf-8")
    (tmp_path / "export.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "one.csv").write_text(CSV, encoding="utf-8")
    (tmp_path / "orderwatch.yaml").write_text(here(found_settings()["dataflows"], tmp_path), encoding="utf-8")
    for path in ("policy.yaml", "ca.pem", "kafka-password", "stripe-old", "stripe-new"):
        (tmp_path / path).write_text("{}\n", encoding="utf-8")
    for path in ("lagermeister.yaml", "slacklike.yaml"):
        shutil.copy(tmp_path / "wms.yaml", tmp_path / path)
    return tmp_path


def here(text: str, folder: Path) -> str:
    """A document's settings with its places in a folder of the test."""
    return re.sub(r"/etc/orderwatch|/run/secrets|/var/lib(?=/orderwatch)", str(folder), text)


def found_settings() -> dict[str, str]:
    """The settings of the two examples for the engine and the gateway, and the connection that is added to them."""
    engine, gateway = (
        block.text for block in blocks("dataflows/README.md") if block.first == "# orderwatch.yaml" or "beside" in block.first
    )
    extra = found("dataflows/README.md", "slacklike/acme:").text
    return {"dataflows": engine, "gateway": engine + gateway, "extra": extra}


def sh(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Runs a line as a user's shell does."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWATCH_")}
    environment |= {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    environment |= {f"{name}_SECRET": "x" * 20 for name in ("SHOPIFY", "LAGERMEISTER", "SLACKLIKE")}
    environment |= {
        "CRM_SECRET": f"whsec_{'c' * 32}",
        "SLACK_WEBHOOK": "https://hooks.example.com/x",
        "SHOPIFY_TOKEN": "t",
        "ERP_TOKEN": "t",
    }
    words = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def understood(folder: Path, line: str) -> None:
    """Runs a line that needs a broker, a state or a store where there is none: it may end, but not over how it is written."""
    done = sh(folder, here(re.sub(r"kafka(-\d)?:\d+", NOWHERE, line), folder))
    assert done.returncode in (1, 2), line
    assert "--help says more" not in done.stderr, (line, done.stderr)
    assert re.search(r"broker|not a state directory|there is no store", done.stderr), (line, done.stderr)


def test_the_first_commands_of_all(folder: Path) -> None:
    """What stands behind the installation: the whole loop is seen, from a late parcel to its mail; the check is a task of the project."""
    first, second = (block.text for block in blocks("README.md") if block.first.startswith("python3 -m venv"))
    command = first.partition("--locked ")[2].strip()
    # The mail that is waited for ends it, as a person would by Ctrl-C.
    done = sh(
        folder,
        f"{command} > said & demo=$!; for i in $(seq 100); do sleep 1; grep -q 'mail  ' said && break; done; kill -INT $demo; wait $demo",
    )
    said = (folder / "said").read_text(encoding="utf-8")
    assert done.returncode == 0, (said, done.stderr)
    assert re.search(r"exception raised.*DEMO-1001.*action +requested.*mail +to ", said, re.DOTALL), said
    assert second.split()[-2:] == ["poe", "check"]
    assert "[tool.poe.tasks.check]" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_layout_names_what_is_there() -> None:
    """Every folder of the layout exists, and every package of the product stands in it."""
    named: set[str] = set()
    above: list[str] = []
    for line in found("README.md", "schemas/").text.splitlines():
        indent, name = len(line) - len(line.lstrip()), line.split()[0]
        above = [*above[: indent // 2], name.rstrip("/")]
        named.add("/".join(above))
    assert all((ROOT / path).is_dir() for path in named), named
    packages = {
        str(path.parent.relative_to(ROOT)) for top in ("dataflows", "dataflows/core") for path in (ROOT / top).glob("*/__init__.py")
    }
    assert packages - {"dataflows/core"} <= named


def test_the_commands_of_the_readme_run_in_their_order(folder: Path) -> None:
    """In one folder, each on what the ones before it made; those that need a broker without one."""
    lines = commands(found("README.md", "orderwatch simulate"))
    assert len(lines) > 10
    for line in lines:
        if re.match(r"orderwatch (gateway|run|store|dispatch|console) ", line):
            settings = found_settings()
            name = "gateway" if " gateway " in line else "dataflows"
            (folder / "orderwatch.yaml").write_text(here(settings[name], folder), encoding="utf-8")
            done = sh(folder, f"{line} --check")
        elif re.match(r"orderwatch (state|export|rejects|load|top|cases) ", line):
            understood(folder, line)
            continue
        else:
            done = sh(folder, line)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout or ">" in line, line


def test_the_commands_of_the_engine(folder: Path) -> None:
    """Its settings hold; what needs the cluster is understood."""
    create, check, run = commands(found("dataflows/README.md", "orderwatch topics create"))
    done = sh(folder, check)
    assert (done.returncode, "sasl_ssl" in done.stdout) == (0, True), done.stderr
    assert run == check.removesuffix(" --check")
    (folder / "orderwatch.yaml").write_text(f"kafka: {{brokers: ['{NOWHERE}']}}\nstate: {{dir: {folder}/state}}\n", encoding="utf-8")
    understood(folder, create)
    for line in commands(found("dataflows/README.md", "orderwatch run --settings orderwatch.yaml --process-id")):
        done = sh(folder, f"{line} --check")
        assert done.returncode == 0, (line, done.stderr)


def test_the_unit_of_systemd(folder: Path) -> None:
    """It starts what there is, and does not start again what must be mended first."""
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[method-assign,assignment]
    unit.read_string(found("dataflows/README.md", "[Unit]").text)
    start = unit["Service"]["ExecStart"].replace("/opt/orderwatch/.venv/bin/", "").replace("/etc/orderwatch", str(folder))
    done = sh(folder, f"{start} --check")
    assert done.returncode == 0, done.stderr
    assert unit["Service"]["RestartPreventExitStatus"] == "2"


def test_the_commands_and_connections_of_the_gateway(folder: Path) -> None:
    """Its settings hold, also with the connection that is shown further on."""
    check, start = commands(found("dataflows/README.md", "orderwatch gateway"))
    assert start == check.removesuffix(" --check")
    settings = found_settings()
    (folder / "orderwatch.yaml").write_text(here(settings["gateway"] + settings["extra"], folder), encoding="utf-8")
    done = sh(folder, check)
    assert done.returncode == 0, done.stderr
    assert "slacklike/acme" in done.stdout + done.stderr


def test_the_settings_of_the_gateway_in_docker(folder: Path) -> None:
    """Both parts together, with a file for each secret and each mapping that they name."""
    parts = [found("docker/gateway/README.md", first).text for first in ("gateway:", "woocommerce/acme:")]
    text = here("".join(parts), folder)
    for name in re.findall(rf"{re.escape(str(folder))}/([\w.-]+)", text):
        (folder / name).write_text((folder / "wms.yaml").read_text() if name.endswith(".yaml") else "hush", encoding="utf-8")
    (folder / "orderwatch.yaml").write_text(f"state: {{dir: {folder}/state}}\n{text}", encoding="utf-8")
    done = sh(folder, "orderwatch gateway --settings orderwatch.yaml --check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        *("".join(block.text for block in blocks("dataflows/dispatch/README.md") if block.language == "yaml"),),
        *(block.text for page in ("docker/dispatch/README.md", "sinks/actions/README.md") for block in blocks(page)),
    ],
    ids=["dispatch", "docker", "actions"],
)
def test_the_settings_of_dispatch(folder: Path, text: str) -> None:
    """Endpoints, routes and contacts of the pages are what `orderwatch dispatch` takes."""
    text = here(text, folder)
    for name in re.findall(rf"{re.escape(str(folder))}/([\w.-]+)", text):
        if not (folder / name).exists() and name != "orderwatch":
            (folder / name).write_text("customer_id,email\n" if name.endswith(".csv") else f"whsec_{'c' * 32}\n", encoding="utf-8")
    if "state:" not in text:
        text = f"state: {{dir: {folder}/state}}\n{text}"
    (folder / "dispatch.yaml").write_text(text, encoding="utf-8")
    done = sh(folder, "orderwatch dispatch --settings dispatch.yaml --check")
    assert done.returncode == 0, done.stderr
    pages = (found("dataflows/dispatch/README.md", f"orderwatch dispatch {what}") for what in ("dead-letters", "decisions"))
    for line in (line for page in pages for line in commands(page)):
        done = sh(folder, f"{line} --settings dispatch.yaml")
        assert "--help says more" not in done.stderr, (line, done.stderr)


def test_the_console_of_its_page(folder: Path) -> None:
    """Its commands, its settings, and the view that is added to it."""
    page = "dataflows/console/README.md"
    (folder / "oidc-secret").write_text("hush", encoding="utf-8")
    plain, *special = ["", *(here(block.text, folder) for block in blocks(page) if block.language == "yaml")]
    for text in (*special, plain):
        (folder / "orderwatch.yaml").write_text(f"state: {{dir: {folder}/state}}\n{text}", encoding="utf-8")
        done = sh(folder, "orderwatch console --settings orderwatch.yaml --check")
        assert done.returncode == 0, done.stderr
    people, console = commands(found(page, "orderwatch people"))
    done = sh(folder, f"echo correct-horse-battery | {people}")
    assert done.returncode == 0, done.stderr
    assert "ada" in sh(folder, "orderwatch people list --settings orderwatch.yaml").stdout
    assert sh(folder, f"{console} --check").returncode == 0
    names = {"Visit": Visit, "Response": Response, "Route": Route, "Needs": Needs, "Final": Final}
    view: dict[str, object] = {**names, "list_exceptions": list_exceptions, "ExceptionFilter": ExceptionFilter}
    exec(found(page, "# dataflows/console/views").text, view)
    assert [route.name for route in cast("tuple[Route, ...]", view["ROUTES"])] == ["hello"]


def test_the_questions_of_the_store_in_sql(tmp_path: Path) -> None:
    """Each statement of the page runs on a store as it is made, and its settings hold."""
    store = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    upgrade(store)
    with store.connect() as connection:
        for block in blocks("dataflows/store/README.md"):
            if block.language == "sql":
                for statement in filter(None, map(str.strip, block.text.split(";"))):
                    assert connection.exec_driver_sql(statement).fetchall() == []
    (tmp_path / "store.yaml").write_text(f"state: {{dir: state}}\n{found('dataflows/store/README.md', 'store:').text}", encoding="utf-8")
    assert load_settings(tmp_path / "store.yaml").store.url is not None


def test_the_commands_of_mappings(folder: Path) -> None:
    """On an export of the mapping's own."""
    for line in commands(found("sources/mapping/README.md", "orderwatch adapt")):
        done = sh(folder, line)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout + done.stderr, line
    assert "warehouse.packed" in sh(folder, "orderwatch adapt --mapping wms.yaml export.csv").stdout


def test_a_table_of_exceptions_has_the_headings_of_the_command() -> None:
    """Wherever one is shown."""
    headings = [str(column.header) for column in exceptions_table(Tally()).columns]
    shown = [line.split() for document in READMES for line in (ROOT / document).read_text(encoding="utf-8").splitlines()]
    tables = [words for words in shown if words[:2] == headings[:2]]
    assert tables
    assert all(words == headings for words in tables)


def test_what_is_added_to_the_compose_file_fits_it() -> None:
    """The service is one of its own, and the setting is one."""
    added = yaml.safe_load(found("docker/README.md", "services:").text)["services"]
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text(encoding="utf-8"))["services"]
    assert set(added) <= set(services)
    assert set(added["orderwatch"]["environment"]) <= {"ORDERWATCH_POLICY"}


def mentioned() -> Iterator[tuple[str, list[str]]]:
    """Every command of ours in any Markdown of the project: in blocks and within sentences."""
    names = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    for name in names or READMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        for match in re.finditer(r"(?:^|[`/ ])orderwatch ((?:[a-z]+|--[a-z]+)(?:[ =][^\n`|#;&)]*)?)(?:`|$|[|#;&)])", text, re.MULTILINE):
            yield name, match[1].replace("…", " ").split()


def _below(command: TyperGroup | TyperCommand) -> dict[str, TyperGroup | TyperCommand]:
    return cast("dict[str, TyperGroup | TyperCommand]", getattr(command, "commands", {}))


def test_every_command_that_is_mentioned_is_there_with_its_options() -> None:
    """Also the ones that no block runs."""
    root = cast("TyperGroup", get_command(app))
    there = 0
    for name, words in mentioned():
        command: TyperGroup | TyperCommand = root
        rest = list(words)
        while rest and (below := _below(command).get(rest[0])):
            command = below
            rest.pop(0)
        if command is root and not words[0].startswith("--"):
            continue  # `orderwatch` within a sentence, not a command
        there += 1
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {"--help", "-h"}
        for word in rest:
            if word.startswith("--") and len(word) > 2:
                assert word.partition("=")[0].rstrip(".,:") in options, f"{name}: orderwatch {' '.join(words)}"
    assert there > 30
