"""Policies that somebody has given to be checked: kept, so that checking, trying and activating are about the same text."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Engine, delete, insert, select

from dataflows.console.govern.tables import drafts
from dataflows.core.policy import Policy
from dataflows.core.rules.load import examined_text
from schemas.problems import Problem
from sinks.cases.schema import writing

KEPT: Final = timedelta(days=90)
MOST: Final = 50
CONTEXT: Final = 3
"""Lines around a change that are shown."""


@dataclass(frozen=True, slots=True)
class PolicyDraft:
    """A policy as it was given."""

    draft_id: str
    name: str
    text: str
    by: str
    at: datetime

    def examined(self) -> tuple[Policy | None, tuple[Problem, ...]]:
        """The policy, None if it cannot be used, and everything that is wrong with it or that it is warned of."""
        return examined_text(self.text, self.name)


class DiffLine(NamedTuple):
    """A line of a comparison: `sign` is `+`, `-`, a blank, or `@` where lines are left out. Numbers count from 1."""

    sign: str
    old: int | None
    new: int | None
    text: str


def add_draft(own: Engine, name: str, text: str, by: str, at: datetime) -> str:
    """Keeps a policy; returns its ID. Old ones go. Blocking."""
    draft_id = secrets.token_hex(12)
    with writing(own).begin() as connection:
        connection.execute(delete(drafts).where(drafts.c.at < at - KEPT))
        connection.execute(insert(drafts).values(draft_id=draft_id, name=name, text=text, by=by, at=at))
    return draft_id


def find_draft(own: Engine, draft_id: str) -> PolicyDraft | None:
    """One of them. Blocking."""
    with own.connect() as connection:
        row = connection.execute(select(drafts).where(drafts.c.draft_id == draft_id)).one_or_none()
    return None if row is None else PolicyDraft(row.draft_id, row.name, row.text, row.by, row.at)


def latest_drafts(own: Engine) -> Sequence[PolicyDraft]:
    """The newest first. Blocking."""
    with own.connect() as connection:
        rows = connection.execute(select(drafts).order_by(drafts.c.at.desc()).limit(MOST))
        return [PolicyDraft(row.draft_id, row.name, row.text, row.by, row.at) for row in rows]


def line_diff(old: str, new: str) -> Iterator[DiffLine]:
    """What changes from one text to another, by line."""
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=True)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number:
            yield DiffLine("@", None, None, "")
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                yield from (DiffLine(" ", i + n + 1, j + n + 1, text) for n, text in enumerate(before[i:i_end]))
                continue
            yield from (DiffLine("-", i + n + 1, None, text) for n, text in enumerate(before[i:i_end]))
            yield from (DiffLine("+", None, j + n + 1, text) for n, text in enumerate(after[j:j_end]))
