"""The texts of messages to customers: from templates by language, channel and kind. They are made where a message goes out, never before.

A template is a file `LANGUAGE/CHANNEL/NAME.j2`: `NAME` is a kind of exception, else a topic (`schemas.messages`). Its blocks are the
parts that the channel has: `subject`, `text`, `html`. Templates run in Jinja2's sandbox: they see what `variables` names and nothing
else, a name that is not there is a mistake, and whatever is put into an `html` block is escaped. A folder of the user's own is asked
before the built-in one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment

from schemas.messages import CHANNELS, OPTIONAL, topic_of

BUILT_IN: Final = Path(__file__).parent / "templates"
ENDING: Final = ".j2"
MARKUP: Final = ("html",)
"""Parts that are markup: what is put into them is escaped."""
MOST: Final = 20_000
"""Characters that a part of a message may have."""
DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


class MessageTextError(Exception):
    """A text cannot be made: there is no template, or it is wrong."""


class RenderedMessage(NamedTuple):
    """A message as it goes out; parts that its channel does not have are empty."""

    channel: str
    language: str
    subject: str = ""
    text: str = ""
    html: str = ""


class CalendarDate(NamedTuple):
    """A date as a template writes it out."""

    year: int
    month: int
    day: int


def render(
    action: Mapping[str, object],
    context: Mapping[str, object],
    channel: str | None = None,
    language: str | None = None,
    *,
    folder: Path | None = None,
) -> RenderedMessage:
    """The text of an action that tells a customer something.

    `action`: its `data`, `context`: that of its exception (as in `exception.*`; empty where there is none). `channel` and `language` are
    those of the action unless they are named. `folder`: templates of the user's own.

    Raises:
        MessageTextError: if there is no template, or one that uses what is not there.
    """
    said = cast("Mapping[str, object]", action.get("message") or {})
    by, tongue = channel or said.get("channel"), language or said.get("language")
    if not isinstance(by, str) or by not in CHANNELS:
        raise MessageTextError(f"there are no texts for channel {by!r}: {', '.join(CHANNELS)}")
    if not isinstance(tongue, str):
        raise MessageTextError("the action names no language")
    values = variables(action, context)
    where = name_of(cast("str", values["kind"]), cast("str", values["topic"]), by, tongue, folder)
    parts = {part: _part(folder, where, part, values) for part in CHANNELS[by]}
    return RenderedMessage(by, tongue, **{part: text for part, text in parts.items() if text})


def variables(action: Mapping[str, object], context: Mapping[str, object]) -> dict[str, object]:
    """What a template may use. What is not known of an order is None or empty, so that a template can ask for it."""
    parameters = cast("Mapping[str, object]", action.get("parameters") or {})
    said = cast("Mapping[str, object]", action.get("message") or {})
    kind = parameters.get("kind") if isinstance(parameters.get("kind"), str) else ""
    shipments = cast("list[Mapping[str, object]]", context.get("shipments") or [])
    total = cast("Mapping[str, object] | None", context.get("total"))
    return {
        "order_id": action["order_id"],
        "action": action["action"],
        "step": action.get("step") or action["action"],
        "kind": kind,
        "topic": said.get("topic") or topic_of(cast("str", kind), cast("str", action["action"])),
        "promised_by": said.get("promised_by"),
        "total": None if total is None else f"{total['amount']} {total['currency']}",
        "country": context.get("country"),
        "shipments": [
            {
                "carrier": shipment.get("carrier"),
                "tracking_numbers": [*cast("list[str]", shipment.get("tracking_numbers") or [])],
                "delivered": bool(shipment.get("delivered")),
            }
            for shipment in shipments
        ],
        "tracking_numbers": [number for each in shipments for number in cast("list[str]", each.get("tracking_numbers") or [])],
    }


def name_of(kind: str, topic: str, channel: str, language: str, folder: Path | None = None) -> str:
    """The template of a message: the first that is there of its kind and its topic, in its language, then in the language as such.

    Raises:
        MessageTextError: if there is none.
    """
    tongues = dict.fromkeys((language, language.partition("-")[0]))
    names = [name for name in (kind, topic) if name and _plain(name)]
    for tongue in tongues:
        for root in (folder, BUILT_IN) if folder is not None else (BUILT_IN,):
            for name in names:
                where = f"{tongue}/{channel}/{name}{ENDING}"
                if _plain(tongue) and (root / where).is_file():
                    return where
    raise MessageTextError(f"no template for {kind or topic} by {channel} in {language}")


def _plain(name: str) -> bool:
    """Whether a name can be that of a file here, and of none elsewhere."""
    return re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", name) is not None


@lru_cache(maxsize=16)
def environment(folder: Path | None, *, escaped: bool) -> ImmutableSandboxedEnvironment:
    """The sandbox that templates run in; a file of the user's own stands above the built-in one of its name."""
    roots = [str(BUILT_IN)] if folder is None else [str(folder), str(BUILT_IN)]
    made = ImmutableSandboxedEnvironment(loader=FileSystemLoader(roots), undefined=StrictUndefined, autoescape=escaped, lstrip_blocks=True)
    made.filters["date"] = date_of
    return made


def date_of(value: object) -> CalendarDate:
    """The day of a date, an instant or a range (its later end), as it was stated."""
    found = DATE.match(str(value).rpartition("/")[2])
    if found is None:
        raise MessageTextError(f"{value!r} is no date")
    return CalendarDate(*(int(part) for part in found.groups()))


def loaded(folder: Path | None, where: str, part: str) -> Template:
    """A template, for one of its parts.

    Raises:
        MessageTextError: if it is no template.
    """
    try:
        return environment(folder, escaped=part in MARKUP).get_template(where)
    except (TemplateError, UnicodeDecodeError) as error:
        raise MessageTextError(f"{where}: {_words(error)}") from error


def _part(folder: Path | None, where: str, part: str, values: Mapping[str, object]) -> str:
    template = loaded(folder, where, part)
    block = template.blocks.get(part)
    if block is None:
        if part in OPTIONAL:
            return ""
        raise MessageTextError(f"{where}: it has no block {part!r}")
    made = "".join(_chunks(where, block, template.new_context(dict(values)))).strip()
    if part == "subject":
        made = " ".join(made.split())  # A line break would end the header of a mail.
    elif part not in MARKUP:
        made = re.sub(r"\n\s*\n", "\n\n", made)
    if not made and part not in OPTIONAL:
        raise MessageTextError(f"{where}: block {part!r} is empty")
    return made


def _chunks(where: str, block: Any, context: Any) -> list[str]:
    """What a block writes, as long as it stays within bounds."""
    found: list[str] = []
    length = 0
    try:
        for chunk in block(context):
            found.append(chunk)
            length += len(chunk)
            if length > MOST:
                raise MessageTextError(f"{where}: a part is longer than {MOST} characters")
    except MessageTextError:
        raise
    except Exception as error:
        # Whatever a template does is its own mistake: no part of the program runs in it.
        raise MessageTextError(f"{where}: {_words(error)}") from error
    return found


def _words(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    text = f"there is no {error.name}" if isinstance(error, TemplateNotFound) else str(error) or type(error).__name__
    return f"line {line}: {text}" if line else text
