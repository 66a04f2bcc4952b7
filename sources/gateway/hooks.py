"""A connection as the gateway serves it: which adapter reads what comes, how it is signed, and how much of it may come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sources.adapters import Adapter, AdapterConnection
from sources.gateway.signatures import Scheme

MAX_BODY: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret and when it holds: from `since` on, until before `until`. Two may hold at a time, while the sender changes over."""

    text: str = field(repr=False)
    key: bytes = field(repr=False)
    since: datetime | None = None
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether requests may be signed with it."""
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Hook:
    """What stands behind `/hooks/{system}/{name}`. `rate`: requests per second in the long run, `burst` at once; None: any number.

    `url` is the whole URL as the sender has it, where it signs that.
    """

    system: str
    connection: AdapterConnection
    adapter: Adapter
    scheme: Scheme
    secrets: tuple[Secret, ...]
    rate: float | None = None
    burst: int = 1
    max_body: int = MAX_BODY
    url: str = ""

    @property
    def name(self) -> str:
        """The connection's name in the URL."""
        return self.connection.name

    def keys(self, now: datetime) -> list[bytes]:
        """The keys that hold now."""
        return [secret.key for secret in self.secrets if secret.holds(now)]
