"""`orderwatch up --demo`: the whole loop, from a late parcel to the mail that went out, on this machine."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from dataflows.errors import refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from dataflows.embedded.plan import SystemPlan
    from dataflows.runtime.stop import Stop
    from sinks.actions.receiver import DemoArrival

ORDERS = 250
MARGIN: Final = " " * len("hh:mm:ss exception ")
STYLES = {"exception": "yellow", "action": "cyan", "mail": "bold green", "webhook": "green", "up": "bold"}
PORTS = (
    ("gateway", "port"),
    ("gateway", "http_port"),
    ("http", "port"),
    ("store", "http_port"),
    ("dispatch", "http_port"),
    ("console", "port"),
    ("console", "http_port"),
    ("embedded", "http_port"),
)
"""Settings of ports: a demonstration takes free ones, so that it disturbs nobody."""


DEMO_PEOPLE: Final = (("anna", "operator"), ("bob", "approver"), ("vera", "viewer"), ("pia", "policy_author"), ("ada", "admin"))
"""Who may enter the console of a demonstration."""


def _lines(console: Console, text: str) -> list[str]:
    """A text by lines: on a terminal broken between words, in a pipe one line."""
    width = max(console.width - len(MARGIN) - 2, 20) if console.is_terminal else 0
    return (wrap(text, width, break_on_hyphens=False) if width else [text]) or [""]


def _show(console: Console, what: str, text: str, more: Sequence[str] = ()) -> None:
    """Shows what happened, and when; `more` stands below it. All of it at once, since several threads show something."""
    from rich.text import Text

    at = datetime.fromtimestamp(time.time(), UTC).strftime("%H:%M:%S")
    first, *rest = _lines(console, text)
    shown = Text.assemble((f"{at} ", "dim"), (f"{what:10}", STYLES.get(what, "red")), first)
    for line in rest:
        shown.append(f"\n{MARGIN}{line}")
    for line in more:
        for part in _lines(console, line):
            shown.append(f"\n{MARGIN}| {part}", "dim")
    console.print(shown, soft_wrap=True)


def run_demo(console: Console, data: Path, handle: int, stop: Stop) -> None:
    """Runs it until `stop` is asked for. Raises MisuseError or RunError."""
    from dataflows.runtime.ports import held_ports

    with held_ports(len(PORTS)) as ports:
        _run(console, data, handle, stop, dict(zip(PORTS, ports, strict=True)))


def _run(console: Console, data: Path, handle: int, stop: Stop, ports: Mapping[tuple[str, str], int]) -> None:
    from dataflows.cli.run import read_settings
    from dataflows.embedded.demo import Demo, output_line
    from dataflows.embedded.plan import SystemPlan, derived, write_settings
    from dataflows.embedded.system import Shown, run_system
    from sources.embedded.outputs import EmbeddedReader

    def arrived(arrival: DemoArrival) -> None:
        again = f" (again, {arrival.again + 1} times)" if arrival.again else ""
        if arrival.kind == "mail":
            _show(console, "mail", f"to {arrival.recipient}: {arrival.subject}{again}", arrival.text.splitlines())
        else:
            _show(console, "webhook", f"{arrival.subject}, signature {'right' if arrival.signed else 'wrong'}{again}: {arrival.text}")

    demo = Demo(data, arrived, ORDERS)
    try:
        demo.listen()
        document = derived(data, demo.settings(ports), None)
    except OSError as error:
        raise refused(error, data, name="--data") from error
    file = write_settings(data, document)
    plan = SystemPlan(data, file, read_settings(file, {}))
    _introduce(console, plan, _people(plan))
    reader = EmbeddedReader(data, ("exceptions", "actions"))
    reader.seek(reader.ends())

    def ready() -> None:
        _show(console, "up", "all parts are ready: the world begins, and with it order DEMO-1001, promised in 9 seconds")
        demo.begin()

    def turn() -> None:
        for record in reader.poll(0):
            if text := output_line(record.topic, record.value):
                _show(console, "exception" if record.topic == "exceptions" else "action", text)

    def started(part: str, pid: int) -> None:
        _show(console, "up", f"{part} started (pid {pid})")

    def died(part: str, how: str, again: float) -> None:
        _show(console, "up", f"{part} {how}; started again in {again:.1f} s")

    def line(part: str, written: str) -> None:
        if '"level": "error"' in written or not written.startswith("{"):
            _show(console, part, written)

    try:
        run_system(plan, handle, stop, Shown(line, started, died, ready), turn)
    finally:
        demo.close()
        reader.close()
    _conclude(console, plan)


def _people(plan: SystemPlan) -> str:
    """Makes people of the console, where there are none; returns their password, which is kept nowhere. Raises MisuseError, RunError."""
    import secrets

    from dataflows.console.run import opened

    password = secrets.token_urlsafe(12)
    with opened(plan.settings) as parts:
        for name, role in DEMO_PEOPLE:
            if parts.directory.find(name) is None:
                parts.directory.add(name, (role,), password=password, at=datetime.now(UTC))
            else:
                parts.directory.set_password(name, password, at=datetime.now(UTC))
    return password


def _introduce(console: Console, plan: SystemPlan, password: str) -> None:
    console.print("[bold]orderwatch up --demo[/bold]: a shop in haste, a day in two seconds; all else is as in production")
    console.print(f"  data    {plan.data}", markup=False, soft_wrap=True)
    console.print(f"  health  http://127.0.0.1:{plan.settings.embedded.http_port}/readyz", markup=False, soft_wrap=True)
    console.print(f"  console {plan.settings.console.shown_url}", markup=False, soft_wrap=True)
    for name, role in DEMO_PEOPLE:
        console.print(f"          {name:5} {role}", markup=False)
    console.print(f"          the password of each: {password}", markup=False, soft_wrap=True)
    console.print("  try, in another terminal:")
    # Whoever has started it by `uv run` has no `orderwatch` in another terminal.
    activated = (f". {sys.prefix}/bin/activate",) if sys.prefix != sys.base_prefix else ()
    for command in (*activated, f"orderwatch top --settings {plan.file}", f"orderwatch cases list --settings {plan.file}"):
        console.print(f"    {command}", markup=False, soft_wrap=True)
    console.print("  Ctrl-C ends it", style="dim")


def _conclude(console: Console, plan: SystemPlan) -> None:
    console.print("[bold]Next[/bold]")
    for command, why in (
        (f"orderwatch up --data {plan.data} --settings {plan.file}", "goes on over what is there, without the world"),
        (
            f"orderwatch replay {plan.data}/log --policy {plan.data}/demo/policy.yaml --out replayed",
            "judges the recorded log again, and says the same",
        ),
        ("orderwatch up", "an installation of your own, in ./orderwatch-data"),
    ):
        console.print(f"  {command}", markup=False, soft_wrap=True)
        console.print(f"    {why}", style="dim", soft_wrap=True)
