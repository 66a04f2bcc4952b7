"""Checks a folder of templates before a customer sees what is wrong with them: each is written out with what orders really have."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from schemas.messages import CHANNELS, MESSAGES, OPTIONAL, TOPICS, kinds_of, topic_of
from sinks.actions.messages import ENDING, MessageTextError, loaded, render

LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
OWN: Final = re.compile(r"custom\.[a-z_]+")
"""A kind of a rule of the user's own."""
FULL: Final[Mapping[str, object]] = {
    "total": {"amount": "129.90", "currency": "EUR"},
    "country": "NL",
    "shipments": [
        {"carrier": "ups", "tracking_numbers": ["1Z999AA10123456784", "1Z999AA10123456785"], "delivered": False},
        {"carrier": None, "tracking_numbers": list[str](), "delivered": True},
    ],
}
"""What is known of an order that everything is known of."""
BARE: Final[Mapping[str, object]] = {"open_exceptions": []}
"""What is known of an order of which nothing is."""


def sample_action(kind: str, topic: str, channel: str, language: str, promised_by: str | None) -> dict[str, object]:
    """An action that would be carried out by a template."""
    return {
        "order_id": "SO-100042",
        "action": MESSAGES[1],
        "step": None,
        "parameters": {"kind": kind} if kind else {},
        "message": {"topic": topic, "channel": channel, "language": language, "promised_by": promised_by},
    }


def problems_in(folder: Path, kinds: Collection[str]) -> Iterator[str]:
    """What is wrong with the templates of a folder, a line each. `kinds`: the kinds of exceptions that there are."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        yield f"{folder}: there are no templates; they are called LANGUAGE/CHANNEL/NAME{ENDING}, such as en/email/delay{ENDING}"
    for path in files:
        where = path.relative_to(folder)
        problem = _problem(folder, where, kinds)
        if problem is not None:
            yield f"{folder}/{problem}" if problem.startswith(where.as_posix()) else f"{path}: {problem}"


def _problem(folder: Path, where: Path, kinds: Collection[str]) -> str | None:
    if where.suffix != ENDING or len(where.parts) not in (2, 3):
        return f"no template: they are called LANGUAGE/CHANNEL/NAME{ENDING}; what templates of a language share, LANGUAGE/NAME{ENDING}"
    language, name = where.parts[0], where.name.removesuffix(ENDING)
    if not LANGUAGE.fullmatch(language):
        return f"{language!r} is no language such as en or pt-BR"
    try:
        if len(where.parts) == 2:
            loaded(folder, where.as_posix(), "text")
            return None
        return _written(folder, where, language, where.parts[1], name, kinds)
    except MessageTextError as error:
        return str(error)


def _written(folder: Path, where: Path, language: str, channel: str, name: str, kinds: Collection[str]) -> str | None:
    """What is wrong with the template of a kind or a topic, or comes of writing it out."""
    if channel not in CHANNELS:
        return f"unknown channel {channel!r}; known: {', '.join(CHANNELS)}"
    if name not in TOPICS and name not in kinds and not OWN.fullmatch(name):
        return f"{name!r} is neither a kind of exception nor a topic; topics: {', '.join(TOPICS)}"
    template = loaded(folder, where.as_posix(), "text")
    parts = CHANNELS[channel]
    wrong = sorted(set(template.blocks) - set(parts))
    if wrong:
        return f"it has a block {wrong[0]!r}; a message by {channel} has {', '.join(parts)}"
    missing = [part for part in parts if part not in template.blocks and part not in OPTIONAL]
    if missing:
        return f"it has no block {missing[0]!r}"
    kind = next((kind for kind in kinds_of(name) if kind in kinds), "") if name in TOPICS else name
    topic = name if name in TOPICS else topic_of(name)
    dates = (None, "2026-04-28", "2026-04-28T10:00:00Z", "2026-04-26/2026-04-28") if TOPICS[topic].dated else (None,)
    for promised_by in dates:
        for context in (FULL, BARE):
            render(sample_action(kind, topic, channel, language, promised_by), context, folder=folder)
    return None
