"""Which monitored feed a source belongs to. Feeds are prefixes of `source`, so that one declaration covers what one system says."""

from __future__ import annotations

from collections.abc import Iterable


class FeedOf:
    """Answers with the longest declared prefix that ends where a part of the source's path does; remembers what it has answered."""

    __slots__ = ("_feeds", "_known")

    MOST = 10_000
    """Sources that are remembered at once; a shop has some dozens, and whoever makes up more must not fill the memory."""

    def __init__(self, feeds: Iterable[str]) -> None:
        self._feeds = frozenset(feeds)
        self._known: dict[str, str | None] = {}

    def __call__(self, source: str) -> str | None:
        """The feed of a source; None if none is declared for it."""
        known = self._known
        if source in known:
            return known[source]
        if len(known) >= self.MOST:
            known.clear()
        prefix = source
        while prefix and prefix not in self._feeds:
            prefix = prefix.rpartition("/")[0]
        known[source] = found = prefix or None
        return found
