"""What the gateway tells becomes metrics and lines of the log. Neither has anything of a payload in it but codes that no table has."""

from __future__ import annotations

import re

from dataflows.ingest.decisions.expected import StoreDownError
from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from sinks.decisions import UnwrittenError
from sources.gateway.connections import Stage
from sources.gateway.request import Outcome
from sources.gateway.tokens.book import TokenError
from sources.gateway.writers import UnavailableError, UnfitEventError

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/ -]{0,63}")
"""What a code looks like. What does not is counted only: it may be anything, such as a name in a field that is mapped by mistake."""
LONGEST = 64
MOST_CODES = 100
"""Different codes of a table that are named in the log."""


class GatewayObserver:
    """A `sources.gateway.listener.Listener`."""

    def __init__(self, observer: Observer) -> None:
        self._metrics, self._log = observer.metrics, observer.log
        self._codes: dict[tuple[str, str], set[str]] = {}

    def answered(self, system: str, connection: str, outcome: Outcome, seconds: float, size: int) -> None:
        """Counts a request."""
        self._metrics.count(catalogue.GATEWAY_REQUESTS, system, connection, outcome)
        self._metrics.count(catalogue.GATEWAY_BYTES, system, connection, by=size)
        self._metrics.observe(catalogue.GATEWAY_SECONDS, seconds, outcome)

    def wrote(self, system: str, connection: str, count: int) -> None:
        """Counts events."""
        self._metrics.count(catalogue.GATEWAY_EVENTS, system, connection, by=count)

    def refused(self, system: str, connection: str, reason: str) -> None:
        """Counts a refusal."""
        self._metrics.count(catalogue.GATEWAY_REFUSED, system, connection, reason)

    def unmapped(self, system: str, table: str, code: str) -> None:
        """Counts a code, and names it in the log if it is new and looks like one."""
        self._metrics.count(catalogue.GATEWAY_UNMAPPED, system, table)
        named, code = self._codes.setdefault((system, table), set()), code[:LONGEST]
        if code not in named and len(named) < MOST_CODES and CODE.fullmatch(code):
            named.add(code)
            self._log.warning("unmapped code", system=system, table=table, code=code)

    def evicted(self, stage: Stage) -> None:
        """Counts a connection that made way."""
        self._metrics.count(catalogue.GATEWAY_EVICTED, stage)

    def missing(self, system: str, connection: str, setting: str) -> None:
        """Counts a payload without a configured field."""
        self._metrics.count(catalogue.GATEWAY_MISSING, system, connection, setting)

    def never_found(self, system: str, connection: str, setting: str, name: str) -> None:
        """Names the setting in the log: most probably it is misspelt, or the field stands elsewhere."""
        where = {"system": system, "connection": connection, "setting": setting, "field": name}
        self._log.warning("a configured field is in none of the first payloads", **where)

    def failed(self, what: str, error: Exception) -> None:
        """Counts a failure and logs what kind it was; the message of an error may quote what it is about."""
        self._metrics.count(catalogue.GATEWAY_FAILURES, what)
        self._log.error(what, error=_describe(error))


def _describe(error: Exception) -> str:
    if isinstance(error, UnavailableError | UnfitEventError | UnwrittenError | StoreDownError | TokenError):
        return str(error)
    if isinstance(error, OSError):
        return f"{type(error).__name__}: {error.strerror}"
    return type(error).__name__
