"""Who sends: the address of a connection, or behind a proxy that is trusted, what the proxy says of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Network: TypeAlias = "IPv4Network | IPv6Network"
Address: TypeAlias = IPv4Address | IPv6Address
FORWARDED: Final = b"x-forwarded-for"
HOST_BITS: Final = 64
"""Of an IPv6 address: whoever has one has all that share its first 64 bits (RFC 6177), and counts as one."""


class Peers:
    """Tells senders apart. `proxies`: the networks of the proxies whose `X-Forwarded-For` is believed."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = proxies

    def of(self, address: str) -> str | None:
        """Whose a connection is; None for a proxy that is trusted, which sends for many."""
        found = _address(address)
        return None if found is None or self._trusts(found) else _name(found)

    def forwarded(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """Whose a request is that a trusted proxy passes on; None where it does not say.

        Every proxy adds to the right the address that it was asked from: what stands to the left of the first one that is not trusted,
        anybody may have written.
        """
        values = [value.decode("latin-1") for name, value in headers if name == FORWARDED]
        for text in reversed(",".join(values).split(",")):
            found = _address(text.strip())
            if found is None:
                return None
            if not self._trusts(found):
                return _name(found)
        return None

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._proxies)


def _address(text: str) -> Address | None:
    """An address, with or without its port; None for what is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _name(address: Address) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, HOST_BITS), strict=False))
    return str(address)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the whole gateway. Sizes in bytes, times in seconds."""

    requests: int = 256
    """Requests, rightly signed, that are answered at a time."""
    buffered: int = 64 << 20
    """Bytes of their bodies."""
    read_timeout: float = 10.0
    """How long the head, and then the body, of a request may take to come."""
    head: int = 32 << 10
    """Bytes of the head of a request: its line and headers."""
    rate: int = 500
    """Bytes per second at which a request must come; it may fall behind by `GRACE_S`."""
    connections: int = 2_000
    """Open connections; those that lag most make way for new ones."""
    connections_of_peer: int = 200
    """Open connections of one sender, where they are not being answered."""
    keep_alive: int = 60
    """How long an idle connection stays open."""
    proxies: tuple[Network, ...] = ()
    """Networks of proxies that say truly whom they speak for."""
