"""What commands that decide have in common: whom they ask and tell, what is chosen, what became of it, the wait for the engine.

They read the store and send decisions to the gateway; they write no table.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast
from uuid import uuid4

import typer

from dataflows.cli.run import read_settings
from dataflows.errors import MisuseError, RunError

if TYPE_CHECKING:
    from types import TracebackType

    from sqlalchemy import Connection

    from dataflows.ingest.decisions.case_store import SqlCaseStore
    from dataflows.settings import Settings

NOWHERE = Path()
AT_ONCE = 500
"""Decisions of one request."""
TRIES = 3
PAUSE_S = 0.2
"""How often is looked whether the engine has spoken."""
SHORT = 8


@dataclass(frozen=True)
class Chosen:
    """What a decision is about: an exception or an action, as it was read. `words` name it for a person."""

    id: str
    tenant: str
    order: str
    sequence: int
    words: str = ""
    row: Any = None


@dataclass
class Fate:
    """What became of one decision. `status`: `accepted` or `refused` by the gateway; after a wait `decided`, `rejected` or `unanswered`."""

    about: str
    status: str
    id: str | None = None
    reason: str | None = None
    detail: str | None = None
    more: dict[str, object] = field(default_factory=dict[str, object])
    shown: str = field(default="", init=False)
    """What a person reads of what it is about; empty: how its ID begins."""

    @property
    def good(self) -> bool:
        """Whether nothing went wrong as far as it is known."""
        return self.status in ("accepted", "decided")

    def plain(self) -> dict[str, object]:
        """As JSON shows it."""
        stated = {"about": self.about, "status": self.status, "id": self.id, "reason": self.reason, "detail": self.detail}
        return {name: value for name, value in stated.items() if value is not None} | self.more

    def line(self) -> str:
        """As a person reads it."""
        why = ": ".join(part for part in (self.reason, self.detail) if part)
        changes = cast("Sequence[Mapping[str, object]]", self.more.get("changes") or ())
        by = "; ".join(f"{one.get('sequence')}. {one.get('type')}{_by(one)}" for one in changes)
        return f"{self.shown or self.about[:SHORT]}  {self.status}{f': {why}' if why else ''}{f' ({by})' if by else ''}"


def _by(change: Mapping[str, object]) -> str:
    parts = [str(change[name]) for name in ("case_state", "state", "assignee", "by") if change.get(name)]
    return f" {' '.join(parts)}" if parts else ""


class Desk:
    """The store to read and the gateway to send to, as settings name them. `api`, `store`: instead of what they say."""

    def __init__(self, settings: Path | None, api: str | None = None, store: str | None = None) -> None:
        given: dict[str, Path | int | str | None] = {"--api": api, "--store": store}
        self._settings = read_settings(settings, given, spare={("state", "dir"): NOWHERE})
        self._store: SqlCaseStore | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._store is not None:
            self._store.close()

    @property
    def settings(self) -> Settings:
        """The settings that hold."""
        return self._settings

    @property
    def store(self) -> SqlCaseStore:
        """The case store, opened when it is first asked for."""
        if self._store is None:
            from dataflows.ingest.decisions.case_store import SqlCaseStore
            from sinks.cases.schema import open_store

            found = self._settings
            if found.store.url is None and found.state.dir == NOWHERE:
                raise MisuseError("where the store is: name it by --store, or by --settings (store.url, state.dir, ORDERWATCH_STORE__URL)")
            self._store = SqlCaseStore(lambda: open_store(found.store.url_in(found.state.dir)))
        return self._store

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """A connection to the store. Raises RunError where it does not answer, MisuseError where there is none, or of a filter.

        That is one that it cannot make sense of.
        """
        from dataflows.ingest.decisions.expected import NoStoreError, StoreDownError
        from sinks.cases.queries.wanted import FilterError

        try:
            with self.store.reading() as connection:
                yield connection
        except (FilterError, NoStoreError) as error:
            raise MisuseError(str(error)) from error
        except StoreDownError as error:
            raise RunError(str(error)) from error

    def send(self, chosen: Sequence[Chosen], decisions: Sequence[dict[str, object]]) -> list[Fate]:
        """Sends a decision about each of what was chosen; what became of each, in the same order.

        Raises MisuseError where the gateway takes none of them from whoever asks, RunError where it does not answer.
        """
        from dataflows.cli.api_client import ApiClient

        found: list[Fate] = []
        given = self._settings
        with ApiClient(given.client, given.client.api or given.gateway.url) as client:
            for at in range(0, len(decisions), AT_ONCE):
                part = [{"id": str(uuid4()), **one} for one in decisions[at : at + AT_ONCE]]
                for one, result in zip(chosen[at : at + AT_ONCE], client.decide(part), strict=True):
                    more = {name: value for name, value in result.items() if name in ("expected", "sequence", "changes")}
                    texts = {name: cast("str | None", result.get(name)) for name in ("id", "reason", "detail")}
                    found.append(Fate(one.id, str(result["status"]), **texts, more=more))
        return found

    def wait(self, sort: str, chosen: Sequence[Chosen], fates: Sequence[Fate], timeout: float) -> None:
        """Waits until the engine has spoken about each decision that was accepted: its target's sequence has moved, or it was refused.

        `sort`: `exception_id` or `action_id`.
        """
        from dataflows.ingest.decisions.expected import StoreDownError

        pending = {fate.id: (one, fate) for one, fate in zip(chosen, fates, strict=True) if fate.status == "accepted" and fate.id}
        give_up = time.monotonic() + timeout
        while pending:
            try:
                refusals = self.store.refusals([*pending])
                standing = self.store.standing({(sort, one.id) for one, _ in pending.values()})
            except StoreDownError as error:
                raise RunError(f"the decisions were taken; what the engine makes of them is not known: {error}") from error
            for id_, (one, fate) in [*pending.items()]:
                now = standing.get((sort, one.id))
                if id_ in refusals:
                    fate.status, (fate.reason, fate.detail) = "rejected", refusals[id_]
                elif now is not None and now.sequence > one.sequence:
                    fate.status, fate.more["sequence"] = "decided", now.sequence
                else:
                    continue
                del pending[id_]
            if pending and time.monotonic() >= give_up:
                for _, fate in pending.values():
                    fate.status, fate.detail = "unanswered", f"nothing has changed within {timeout:g} s"
                return
            if pending:
                time.sleep(PAUSE_S)


def report(fates: Sequence[Fate], *, as_json: bool) -> int:
    """Says what became of each, and gives the exit code: 1 if anything was refused or not answered."""
    import orjson

    for fate in fates:
        typer.echo(orjson.dumps(fate.plain()).decode() if as_json else fate.line())
    bad = sum(not fate.good for fate in fates)
    if len(fates) > 1 and not as_json:
        typer.echo(f"{len(fates) - bad:,} of {len(fates):,} taken", err=True)
    return 1 if bad else 0


def confirmed(what: str, lines: Sequence[str], *, yes: bool) -> None:
    """Has a person agree to what is chosen by a filter, or to what cannot be taken back. Raises MisuseError, typer.Abort."""
    import sys

    if yes:
        return
    for line in lines:
        typer.echo(line, err=True)
    if not sys.stdin.isatty():
        raise MisuseError(f"{what}: nobody is there to ask; --yes agrees")
    typer.confirm(what, abort=True, err=True)
