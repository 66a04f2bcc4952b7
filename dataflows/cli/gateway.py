"""`orderwatch gateway`: receives webhooks, and writes contract events to Kafka or to the embedded log."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dataflows.cli import options
from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError

NOWHERE = Path()
"""The state directory of a gateway that has a directory of its own and no engine beside it."""

if TYPE_CHECKING:
    from sources.gateway.hooks import Hook


def gateway(
    settings: options.SettingsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Only validate, and print the settings that hold; no secrets.")] = False,
) -> int:
    """Receive webhooks at /hooks/SYSTEM/NAME: verify, adapt, write; answer once it is durable. SIGTERM stops it cleanly."""
    from dataflows.ingest.gateway import connections, run_gateway, state_of
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.settings import render_settings

    found = read_settings(settings, {}, spare={("state", "dir"): NOWHERE})
    if found.gateway.dir is None and found.state.dir == NOWHERE:
        raise MisuseError("gateway.dir: required; set it (or state.dir) in the settings file or as ORDERWATCH_GATEWAY__DIR")
    options.into_folder("gateway.dir", state_of(found))
    if check:
        hooks = connections(found.gateway, os.environ)
        from dataflows.ingest.connections import shared

        warnings = "".join(f"# warning: {text}: what is meant for one, the other takes too\n" for text in shared(hooks))
        typer.echo(f"{render_settings(found)}{''.join(map(_line, hooks.values()))}{warnings}# ok; {len(hooks)} connections")
        return 0
    with logging_to_stderr(found.log):
        run_gateway(found, settings, Observer())
    return 0


def _line(hook: Hook) -> str:
    held = len(hook.keys(datetime.now(UTC)))
    how = f"hmac ({hook.scheme.how})" if hook.scheme.name == "hmac" else hook.scheme.name
    return f"# /hooks/{hook.system}/{hook.name}: {how}, {held} of {len(hook.secrets)} secrets hold now\n"
