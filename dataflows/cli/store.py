"""`orderwatch store`: keeps the case store true to what the engine has written."""

from __future__ import annotations

from typing import Annotated

import typer

from dataflows.cli import options
from dataflows.cli.run import read_settings


def store(
    settings: options.SettingsFile = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Make the store anew from the beginning of the topics first; readers see the old rows until then."),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only validate, and print the settings that hold; no secrets.")] = False,
) -> int:
    """Keep the case store (PostgreSQL, SQLite) true to what the engine writes, each record once. SIGTERM stops it cleanly."""
    from dataflows.observe.logs import logging_to_stderr
    from dataflows.observe.observer import Observer
    from dataflows.settings import render_settings
    from dataflows.store.run import store_of, sync_store

    found = read_settings(settings, {})
    where = store_of(found)
    if found.store.url is None:
        options.into_folder("state.dir", found.state.dir)
    if check:
        typer.echo(f"{render_settings(found)}# ok; the store is {where}")
        return 0
    with logging_to_stderr(found.log):
        sync_store(found, Observer(), rebuild=rebuild)
    return 0
