"""Whatever an action says, and however an address is written: values of templates stay values, and private addresses stay closed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote, urlsplit

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from sinks.actions.addresses import permitted
from sinks.actions.template import NoValueError, path_of

TEMPLATE = "/orders/{order_id}/holds?by={owner}"
PRIVATE = ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4")


@given(order=st.text(max_size=40), owner=st.text(max_size=40))
def test_a_path_has_the_segments_of_its_template_and_the_values_themselves(order: str, owner: str) -> None:
    """After parsing, by another library than the one that wrote it, each value is found whole in its place."""
    try:
        url = httpx2.URL("https://erp.example/api" + path_of(TEMPLATE, {"order_id": order, "owner": owner}))
    except (NoValueError, UnicodeEncodeError):
        assert order in ("", ".", "..") or owner in ("", ".", "..") or any("\ud800" <= char <= "\udfff" for char in order + owner)
        return
    assert url.host == "erp.example"
    raw = urlsplit(url.raw_path.decode("ascii"))
    assert [unquote(part) for part in raw.path.split("/")] == ["", "api", "orders", order, "holds"]
    assert unquote(raw.query.removeprefix("by=")) == owner


@given(st.sampled_from(PRIVATE).flatmap(lambda range_: st.ip_addresses(v=4, network=range_)))
def test_a_private_address_is_refused_however_it_is_spelled(address: IPv4Address) -> None:
    """As itself, mapped, by NAT64, by 6to4."""
    number = int(address)
    spelled = (IPv6Address(0xFFFF << 32 | number), IPv6Address(0x64FF9B << 96 | number), IPv6Address(0x2002 << 112 | number << 80))
    assert not any(permitted(str(each)) for each in (address, *spelled))
