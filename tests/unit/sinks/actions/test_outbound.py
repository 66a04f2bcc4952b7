"""The way out by HTTP: where requests may go, what they trust, how they are bounded, and whether one may have arrived."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from sinks.actions.addresses import permitted
from sinks.actions.endpoint import HttpEndpointSettings
from sinks.actions.outbound import Answer, NoAnswerError, NotAllowedError, NotSentError, Outbound
from tests.support.endpoints.faults import FaultServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.endpoints.faults import Fault
    from tests.unit.sinks.actions.conftest import OwnCertificate


def settings(**given: Any) -> HttpEndpointSettings:
    """Of an endpoint that may be here."""
    return HttpEndpointSettings.model_validate({"allow_http": True, "allow_networks": "127.0.0.0/8 ::1", "timeout_seconds": 60, **given})


async def sent(faults: Sequence[Fault] = (), certificate: tuple[str, str] | None = None, **given: Any) -> tuple[Answer, FaultServer]:
    """The answer of a server that misbehaves so, and the server."""
    async with FaultServer(faults, certificate=certificate).running() as server:
        return await Outbound(settings(**given)).send("POST", f"{server.url}/x", content=b"{}"), server


@pytest.mark.parametrize(
    "address",
    """
    127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200 192.0.0.192
    198.18.0.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
    ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 2001:db8::1 fec0::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
    2002:7f00:1:: 2002:a00:1:: 2001:0:7f00:1::
    """.split(),
)
def test_private_and_reserved_addresses_are_refused_in_every_spelling(address: str) -> None:
    """Also where an IPv6 address stands for an IPv4 one: mapped, NAT64, 6to4, Teredo."""
    assert not permitted(address)


@pytest.mark.parametrize("address", "8.8.8.8 1.1.1.1 93.184.216.34 172.32.0.1 2606:4700::1111 64:ff9b::808:808 ::ffff:8.8.8.8".split())
def test_public_addresses_are_permitted(address: str) -> None:
    """Those of the vendors are."""
    assert permitted(address)


def test_what_settings_allow_is_permitted_in_every_spelling_and_nothing_beside_it() -> None:
    """A range of IPv4 covers what is mapped to it."""
    allowed = settings(allow_networks=["10.1.0.0/16", "fd00::/8"]).allow_networks
    assert [permitted(each, allowed) for each in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "10.2.0.1", "127.0.0.1")] == [
        *(True, True, True),
        *(False, False),
    ]


def test_a_name_is_asked_once_and_the_checked_address_is_the_one_that_is_called() -> None:
    """A name that is public when it is checked and private a moment later leads to the public one: there is no second question."""
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async def run() -> tuple[Answer, str]:
        async with FaultServer().running() as server:
            url = f"http://shop.example:{server.port}/x"
            return await Outbound(settings(), rebinding).send("POST", url), server.taken[0].request.headers["host"]

    answer, host = asyncio.run(run())
    assert answer.status == 200
    assert asked == ["shop.example"]
    assert host.startswith("shop.example:")


def test_of_several_addresses_only_the_permitted_are_tried_one_after_the_other() -> None:
    """A private one among public ones is passed over; one where nobody answers is followed by the next."""

    async def several(_: str, __: int) -> Sequence[str]:
        return ["10.0.0.1", "127.0.0.2", "127.0.0.1"]

    async def run() -> int:
        async with FaultServer().running() as server:
            url = f"http://shop.example:{server.port}/x"
            return (await Outbound(settings(), several).send("POST", url)).status

    assert asyncio.run(run()) == 200


def no_name(_: str, __: int) -> Any:
    """A resolver that knows nothing."""
    raise socket.gaierror(socket.EAI_NONAME, "unknown")


async def privately(_: str, __: int) -> Sequence[str]:
    """A resolver that leads home."""
    return ["10.0.0.1", "::ffff:10.0.0.1"]


@pytest.mark.parametrize(
    ("url", "resolver", "error", "code"),
    [
        ("https://shop.example", no_name, NotSentError, "name_unknown"),
        ("https://shop.example", privately, NotAllowedError, "address_refused"),
        ("http://2852039166/latest/meta-data", None, NotAllowedError, "address_refused"),
        ("http://[::ffff:169.254.169.254]/", None, NotAllowedError, "address_refused"),
        ("file:///etc/passwd", None, NotAllowedError, "bad_url"),
        ("ftp://shop.example/", None, NotAllowedError, "bad_url"),
        ("https://user:pass@shop.example/", None, NotAllowedError, "credentials_in_url"),
        ("nonsense", None, NotAllowedError, "bad_url"),
    ],
)
def test_what_may_not_be_called_is_not_called(url: str, resolver: Any, error: type[NotSentError], code: str) -> None:
    """And says why, without the URL."""
    given: tuple[Any, ...] = () if resolver is None else (resolver,)
    with pytest.raises(error) as raised:
        asyncio.run(Outbound(settings(), *given).send("GET", url))
    assert raised.value.code == code
    assert str(raised.value) == code


def test_without_tls_only_where_it_is_allowed() -> None:
    """The default is https."""
    with pytest.raises(NotAllowedError, match="not_https"):
        asyncio.run(sent(allow_http=False))


def test_tls_is_verified(own: OwnCertificate) -> None:
    """A certificate of nobody's CA is refused before a byte is sent; with the CA named, it is trusted."""
    with pytest.raises(NotSentError) as raised:
        asyncio.run(sent(certificate=own.chain))
    assert raised.value.code == "tls"
    answer, server = asyncio.run(sent(certificate=own.chain, ca_file=own.ca, allow_http=False))
    assert (answer.status, len(server.taken)) == (200, 1)


def test_a_certificate_for_another_name_is_refused(own: OwnCertificate) -> None:
    """The name of the URL counts, not where it leads."""

    async def here(_: str, __: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async def run() -> None:
        async with FaultServer(certificate=own.chain).running() as server:
            await Outbound(settings(ca_file=own.ca), here).send("GET", f"https://other.example:{server.port}/")

    with pytest.raises(NotSentError) as raised:
        asyncio.run(run())
    assert raised.value.code == "tls"


def test_redirects_are_answers() -> None:
    """Nobody goes where one points, here to a cloud's metadata."""
    answer, server = asyncio.run(sent(["redirect"]))
    assert (answer.status, len(server.taken)) == (302, 1)


def test_an_endless_answer_is_cut_and_its_status_stands() -> None:
    """No more is read than the bound, and what was read is no JSON."""
    answer, _ = asyncio.run(sent(["huge"], max_answer_bytes=10_000))
    assert (answer.status, len(answer.body), answer.whole, answer.json()) == (200, 10_000, False, None)


def test_a_body_that_breaks_off_leaves_the_status() -> None:
    """The server said 200 before the connection was lost."""
    answer, _ = asyncio.run(sent(["closed_in_body"]))
    assert (answer.status, answer.whole) == (200, False)


@pytest.mark.parametrize(
    ("fault", "code"),
    [("closed_after", "bad_answer connection_lost"), ("closed_unread", "bad_answer connection_lost"), ("garbage", "bad_answer")],
)
def test_no_answer_is_told_apart_from_not_sent(fault: Fault, code: str) -> None:
    """A part of the request was on its way."""
    with pytest.raises(NoAnswerError) as raised:
        asyncio.run(sent([fault]))
    assert raised.value.code in code.split()


def test_a_silent_server_is_left_after_the_time_out() -> None:
    """The whole of an attempt is bounded, however long the other side waits."""
    with pytest.raises(NoAnswerError) as raised:
        asyncio.run(sent(["silent"], timeout_seconds=1, connect_timeout_seconds=1))
    assert raised.value.code == "timeout"


def test_proxies_and_credentials_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A proxy that is not there would fail; a netrc would add a header."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer, server = asyncio.run(sent())
    assert answer.status == 200
    assert "authorization" not in server.taken[0].request.headers


def test_a_proxy_of_the_settings_is_used() -> None:
    """The whole URL goes to it, and the name is its to resolve."""

    async def run() -> str:
        async with FaultServer().running() as server:
            await Outbound(settings(proxy=server.url)).send("GET", "http://shop.example/x")
            return server.taken[0].request.target

    assert asyncio.run(run()) == "http://shop.example/x"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), ("999999999", 86_400.0), ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0)],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, seconds: float) -> None:
    """The clock here stands at 60 s after 1970 began."""
    assert Answer(429, {"retry-after": text}, b"").retry_after(now=60.0) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "²", "Thu, 99 Jan 1970 00:00:00 GMT"])
def test_what_is_no_retry_after_says_nothing(text: str) -> None:
    """Then the schedule decides."""
    assert Answer(429, {"retry-after": text}, b"").retry_after(now=60.0) is None


def test_timeouts_that_contradict_each_other_are_refused() -> None:
    """The connection is a part of the attempt."""
    with pytest.raises(ValueError, match="connect_timeout_seconds is longer"):
        settings(timeout_seconds=1, connect_timeout_seconds=5)
