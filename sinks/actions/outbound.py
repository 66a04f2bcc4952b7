"""The way out by HTTP that all executors share: what may be called, how it is bounded, and whether a request may have arrived.

TLS is verified. Only addresses that `sinks.actions.addresses` permits are connected to. Redirects are answers like others: nothing follows
them. Neither proxies nor credentials are taken from the environment. No cookie is kept. Each request has a connection of its own: one that
had been open could be closed by the other side in the very moment of its use, and nobody would know whether the request arrived.

Nothing here logs, and no exception holds a URL, a header or a body: URLs of chat webhooks are secrets themselves.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Final, cast

import httpcore2
import httpx2
import msgspec

from sinks.actions.addresses import AddressRefusedError, Resolver, checked, resolved
from sinks.actions.endpoint import HttpEndpointSettings

AGENT: Final = "orderwatch/1"
LONGEST_WAIT_S: Final = 86_400.0
"""What `Retry-After` may ask for at most: beyond that somebody looks sooner."""

for _name in ("httpcore2", "httpx2"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # At finer levels they write headers and URLs.


class NotSentError(Exception):
    """A request did not go out: not a byte of it was sent. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotAllowedError(NotSentError):
    """A request may not go where it should: to repeat it is of no use before the settings allow it."""


class NoAnswerError(Exception):
    """A request was sent, or a part of it, and no answer came. What it did is not known. `code` says what happened."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered. `whole`: whether the body came to its end within bounds; the status stands in any case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    whole: bool = True

    def json(self) -> Any:
        """The body as JSON; None if it is none, or not whole."""
        try:
            return msgspec.json.decode(self.body) if self.whole else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def retry_after(self, now: float | None = None) -> float | None:
        """The seconds that `Retry-After` asks to wait, written as such or as a date (RFC 9110, section 10.2.3)."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), LONGEST_WAIT_S)
        try:
            at = parsedate_to_datetime(text).timestamp()
        except (ValueError, OverflowError):
            return None
        return min(max(0.0, at - (time() if now is None else now)), LONGEST_WAIT_S)


class Outbound:
    """Sends requests to one endpoint."""

    def __init__(self, settings: HttpEndpointSettings, resolver: Resolver = resolved) -> None:
        self._settings, self._resolver = settings, resolver
        self._tls = ssl.create_default_context()
        if settings.ca_file is not None:
            self._tls.load_verify_locations(cafile=settings.ca_file)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Answer:
        """Sends one request and reads the answer.

        Raises:
            NotSentError: nothing was sent.
            NotAllowedError: it may not be sent there.
            NoAnswerError: it may have arrived.
        """
        request = self._request(method, url, headers or {}, content)
        network = _CheckedNetwork(self._settings, self._resolver)
        got = _Received()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self._exchange(request, network, got)
        except FAILURES as error:
            # Whatever happens on the way has one of few meanings, and no text of it is handed on: it may quote what was sent.
            if got.status is None:
                code = network.failed or _code_of(error)
                raise (NoAnswerError(code) if network.sent else NotAllowedError(code) if code in DENIED else NotSentError(code)) from None
        assert got.status is not None, "an exchange that ends has an answer"
        return Answer(got.status, got.headers, bytes(got.body), got.whole)

    def _request(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> httpx2.Request:
        """The request. Raises NotAllowedError for a URL that may not be called."""
        try:
            request = httpx2.Request(method, url, headers={"accept-encoding": "identity", "user-agent": AGENT, **headers}, content=content)
        except (httpx2.InvalidURL, UnicodeEncodeError, ValueError):
            raise NotAllowedError("bad_url") from None
        if why := url_refused(str(request.url), allow_http=self._settings.allow_http):
            raise NotAllowedError(why)
        return request

    async def _exchange(self, request: httpx2.Request, network: _CheckedNetwork, got: _Received) -> None:
        proxy = None if self._settings.proxy is None else httpcore2.Proxy(self._settings.proxy)
        async with httpcore2.AsyncConnectionPool(
            ssl_context=self._tls, proxy=proxy, max_connections=1, max_keepalive_connections=0, network_backend=network
        ) as pool:
            url = request.url
            target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
            timeouts = {"connect": self._settings.connect_timeout_seconds}
            sent = httpcore2.Request(
                request.method, target, headers=request.headers.raw, content=request.read(), extensions={"timeout": timeouts}
            )
            answer = await pool.handle_async_request(sent)
            try:
                got.status = answer.status
                got.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
                async for part in answer.aiter_stream():
                    got.body += part[: self._settings.max_answer_bytes - len(got.body)]
                    if len(got.body) >= self._settings.max_answer_bytes:
                        return
                got.whole = True
            finally:
                await answer.aclose()


@dataclass(slots=True)
class _Received:
    """As much of an answer as has come: it counts although the rest never comes."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False


class _CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects one request to an address that is permitted, and knows whether any of it was sent."""

    def __init__(self, settings: HttpEndpointSettings, resolver: Resolver) -> None:
        self._settings, self._resolver = settings, resolver
        self._network = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())
        self.sent = False
        self.failed: str | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await self._addresses(host, port, timeout)
        except AddressRefusedError:
            self.failed = "address_refused"
            raise httpcore2.ConnectError from None
        except TimeoutError:
            self.failed = "name_timeout"
            raise httpcore2.ConnectTimeout from None
        except (OSError, UnicodeError):
            self.failed = "name_unknown"
            raise httpcore2.ConnectError from None
        for last, address in enumerate(addresses, 1 - len(addresses)):
            try:
                each = None if timeout is None else timeout / len(addresses)
                return _Watched(await self._network.connect_tcp(address, port, each, local_address, socket_options), self)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if last == 0:
                    raise
        raise httpcore2.ConnectError

    async def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:  # noqa: ASYNC109 - handed on
        """Where to connect to. A proxy is the operator's own, and resolves the endpoint's name itself."""
        async with asyncio.timeout(timeout):
            if self._settings.proxy is not None:
                return list(await self._resolver(host, port))
            return await checked(host, port, self._settings.allow_networks, self._resolver)


class _Watched(httpcore2.AsyncNetworkStream):
    """A connection that notes when something of the request itself is written."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, network: _CheckedNetwork) -> None:
        self._stream, self._network = stream, network

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as above
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as above
        self._network.sent = True
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as above
    ) -> httpcore2.AsyncNetworkStream:
        self._network.sent = False  # What was written before is the way through a proxy.
        try:
            stream = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except (httpcore2.ConnectError, OSError):
            self._network.failed = "tls"
            raise
        return _Watched(stream, self._network)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


DENIED: Final = ("address_refused", "bad_url", "not_https", "credentials_in_url")
"""Codes of what may not be sent: only other settings help."""


FAILURES: Final = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    httpcore2.ProxyError,
    httpcore2.UnsupportedProtocol,
    OSError,
)
"""What may happen on the way; TimeoutError and what ssl raises are kinds of OSError. Anything else is a mistake of the program."""


def _code_of(error: Exception) -> str:
    """A word for what went wrong; the error's own text stays where it is."""
    match error:
        case httpcore2.ConnectTimeout():
            return "connect_timeout"
        case httpcore2.ConnectError():
            return "connect_refused"
        case httpcore2.ProxyError():
            return "proxy"
        case TimeoutError() | httpcore2.TimeoutException():
            return "timeout"
        case httpcore2.LocalProtocolError():
            return "bad_request"
        case httpcore2.ProtocolError():
            return "bad_answer"
        case _:
            return "connection_lost"


def url_refused(url: str, *, allow_http: bool) -> str | None:
    """Why a URL may not be called, as a word; None: it may, as far as its form goes."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return "bad_url"
    if parsed.scheme not in ("https", "http") or not parsed.host:
        return "bad_url"
    if parsed.scheme == "http" and not allow_http:
        return "not_https"
    return "credentials_in_url" if parsed.userinfo else None
