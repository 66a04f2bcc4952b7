"""Who a sender is, by address and by what trusted proxies say."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from sources.gateway.peers import Peers

PEERS = Peers((ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")))


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("2001:db8:ffff::9", None),
        ("", None),
    ],
)
def test_a_connection_is_its_address(address: str, peer: str | None) -> None:
    """Of IPv6 the network, of which everybody has as many addresses as he likes; a trusted proxy is nobody of its own."""
    assert PEERS.of(address) == peer


@pytest.mark.parametrize(
    ("values", "peer"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7, 10.0.0.4"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7", "10.0.0.4"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8:1:2::5]:4711"], "2001:db8:1:2::/64"),
        (["2001:db8:1:2::5"], "2001:db8:1:2::/64"),
        (["10.0.0.4, 10.0.0.5"], None),
        (["198.51.100.7, unknown"], None),
        (["<script>"], None),
        ([""], None),
        ([], None),
    ],
)
def test_a_trusted_proxy_says_who_it_is(values: list[str], peer: str | None) -> None:
    """The last address that is no proxy of ours: those to the left of it anybody may have written."""
    assert PEERS.forwarded([(b"x-forwarded-for", value.encode()) for value in values] + [(b"host", b"192.0.2.1")]) == peer
