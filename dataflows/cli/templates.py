"""`orderwatch templates`: checks the texts of messages to customers, and shows what one would say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dataflows.errors import MisuseError

app = typer.Typer(name="templates", help="Check the texts of messages to customers, and show what one says.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(help="A folder of your own templates.", metavar="FOLDER")]


@app.command()
def check(folder: Folder) -> None:
    """Check templates: each is read, and written out with what orders have and with what they may lack; a line for each that is wrong."""
    from dataflows.core.rules import RULES
    from sinks.actions.checking import problems_in

    _there(folder)
    problems = [*problems_in(folder, {rule.kind for rule in RULES})]
    if problems:
        raise MisuseError(*problems)
    number = len([*folder.rglob("*.j2")])
    typer.echo(f"ok: {folder} has {number} templates; what it does not have is as built in")


@app.command()
def show(
    kind: Annotated[str, typer.Argument(help="A kind of exception, or a topic.", metavar="KIND")],
    channel: Annotated[str, typer.Option(help="email, sms or push.")] = "email",
    language: Annotated[str, typer.Option(help="Such as en or de.")] = "en",
    folder: Annotated[Path | None, typer.Option("--templates", help="A folder of your own templates.", metavar="FOLDER")] = None,
    promised_by: Annotated[str | None, typer.Option(help="The date that the message names.", metavar="DATE")] = None,
    part: Annotated[str, typer.Option(help="text or html.")] = "text",
) -> None:
    """Show what a message about an exception says, for an order that everything is known of."""
    from dataflows.core.rules import RULES
    from schemas.messages import TOPICS, topic_of
    from sinks.actions.checking import FULL, sample_action
    from sinks.actions.messages import MessageTextError, render

    if folder is not None:
        _there(folder)
    kinds = {rule.kind for rule in RULES}
    if kind not in kinds and kind not in TOPICS:
        raise MisuseError(f"{kind!r} is neither a kind of exception nor a topic ({', '.join(TOPICS)})")
    if part not in ("text", "html"):
        raise MisuseError(f"--part is text or html, not {part!r}")
    topic = topic_of(kind) if kind in kinds else kind
    try:
        made = render(sample_action(kind if kind in kinds else "", topic, channel, language, promised_by), FULL, folder=folder)
    except MessageTextError as error:
        raise MisuseError(str(error)) from error
    if made.subject:
        typer.echo(f"{made.subject}\n")
    typer.echo(made.html if part == "html" else made.text)


def _there(folder: Path) -> None:
    if not folder.is_dir():
        raise MisuseError(f"{folder}: no such folder")
