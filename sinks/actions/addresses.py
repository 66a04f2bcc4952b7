"""Which addresses a request may go to: public ones, and those that an endpoint's settings allow. Names are resolved here and nowhere else.

The address that was checked is the one that is connected to. So a name whose answer changes in between leads nowhere else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
AddressRange: TypeAlias = IPv4Network | IPv6Network
Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, for a port. Raises OSError if there is no answer."""

REFUSED: Final = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
        *("fec0::/10", "ff00::/8"),
        "168.63.129.16/32",  # Azure's host: public in form, and inside every machine there.
    )
)
"""Addresses that are not public (IANA's registries of special-purpose addresses), or lead to what belongs to the machine alone."""
NAT64: Final = ip_network("64:ff9b::/96")


class AddressRefusedError(Exception):
    """A name leads to no address that may be connected to."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name as the system's resolver gives them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (mapped, NAT64, 6to4), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour or address


def permitted(address: str, allowed: Sequence[AddressRange] = ()) -> bool:
    """Whether an address may be connected to: it is public, or in one of the ranges that are allowed."""
    found = embedded(ip_address(address))
    if any(found in each for each in allowed if each.version == found.version):
        return True
    # Both our own list and Python's: either may lack a range that was set aside after it was written.
    return found.is_global and not found.is_multicast and not any(found in each for each in REFUSED if each.version == found.version)


async def checked(host: str, port: int, allowed: Sequence[AddressRange], resolver: Resolver = resolved) -> list[str]:
    """The addresses of a host that may be connected to, in the order of the answer.

    Raises:
        AddressRefusedError: if none of its addresses may be.
        OSError: if the name has no answer.
    """
    found = await resolver(host, port)
    usable = [address for address in found if permitted(address, allowed)]
    if not usable:
        raise AddressRefusedError("its addresses are private or reserved: allow_networks must name them")
    return usable


async def connected(host: str, port: int, allowed: Sequence[AddressRange], resolver: Resolver = resolved) -> socket.socket:
    """A socket that is connected to an address of the host that may be: the first that answers.

    Raises AddressRefusedError, and OSError if there is no connection.
    """
    failed: OSError | None = None
    for address in await checked(host, port, allowed, resolver):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        except OSError as error:
            made.close()
            failed = error
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise failed or OSError("no address")
