"""`orderwatch console`: the web pages on the case store."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli import options
from dataflows.cli.run import read_settings


def console(
    settings: options.SettingsFile = None,
    check: Annotated[bool, typer.Option("--check", help="Only validate, and print the settings that hold; no secrets.")] = False,
) -> int:
    """Serve the console: web pages on the case store, where people see what needs them and decide. SIGTERM stops it cleanly."""
    from dataflows.console.run import checked_urls, folder_of, run_console
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.runtime.state.files import keep_private
    from dataflows.settings import render_settings

    found = read_settings(settings, {})
    store, own = checked_urls(found)
    options.into_folder("console.dir", folder_of(found))
    if check:
        typer.echo(f"{render_settings(found)}# ok; the store is {store}, the console's own database {own}")
        return 0
    keep_private()
    with logging_to_stderr(found.log):
        run_console(found, Observer())
    return 0
