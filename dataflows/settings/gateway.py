"""The settings of the webhook gateway: where it listens, where events go, what it keeps, and its connections."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, FilePath, model_validator

from dataflows.settings.values import Port, Section, Topic, reached
from schemas.places import zone

MIB = 1 << 20
MOST_BODY = 4 * MIB
"""Adapters read no more (`sources.adapters.payload.MAX_BYTES`)."""
URL = re.compile(r"https?://[^\s/]+(/\S*)?")
HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
"""The name of a header (RFC 9110, section 5.1: a token)."""
CONNECTION = re.compile(r"(?P<system>[a-z0-9_]{1,32})/(?P<name>[A-Za-z0-9_-]{1,64})")


def _named(connections: dict[str, ConnectionSettings]) -> dict[str, ConnectionSettings]:
    for key in connections:
        if not CONNECTION.fullmatch(key):
            raise ValueError(f"{key!r} is no connection; write it as system/name (letters, digits, '_' and '-'), as in the URL")
    return connections


def _json(value: object) -> object:
    """In an environment variable the connections are written as JSON."""
    if not isinstance(value, str):
        return {} if value is None else value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg}") from error


def _several(value: object) -> object:
    """One of them needs no list around it."""
    return [cast("object", value)] if isinstance(value, dict) else value


def _comma_separated(value: object) -> object:
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def networks(value: object) -> object:
    """The IP networks of a list, or of a text with commas; an address is a network of one. Raises ValueError."""
    names = _comma_separated(value)
    if not isinstance(names, list | tuple):
        return names
    found: list[IPv4Network | IPv6Network] = []
    for name in cast("list[object]", names):
        try:
            found.append(ip_network(str(name)))
        except ValueError:
            raise ValueError(f"{str(name)!r} is no address and no network; write 10.0.0.7 or 10.0.0.0/8") from None
    return tuple(found)


def _url(text: str) -> str:
    if not URL.fullmatch(text):
        raise ValueError(f"{text!r} is no URL; write all of it, as the sender has it: https://hooks.example.com/hooks/square/acme")
    return text


def zone_name(name: str) -> str:
    """The name of a time zone. Raises ValueError of what is none."""
    zone(name)
    return name


class SecretSettings(Section):
    """A secret that a sender signs with; several may hold at a time while it changes over from one to the next."""

    env: str | None = Field(default=None, min_length=1, description="Environment variable that holds it.")
    file: Path | None = Field(default=None, description="File that holds it, as mounted secrets are given; read again when it changes.")
    since: AwareDatetime | None = Field(default=None, description="From when on it holds; unset: always.")
    until: AwareDatetime | None = Field(default=None, description="Until when it holds, exclusive; unset: always.")

    @model_validator(mode="after")
    def _complete(self) -> SecretSettings:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret has either env or file")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("until is not after since")
        return self


class HmacSettings(Section):
    """How a system signs its requests, where no scheme knows it."""

    header: str = Field(pattern=HEADER, description="The header that bears the signature.")
    signed: str = Field(
        default="{body}",
        description="What is signed: a pattern of `{body}`, `{url}`, `{timestamp}`, `{method}`, `{header:NAME}` and what is between them, "
        "such as `{url}{body}`, `{timestamp}.{body}` or `v0:{timestamp}:{body}`.",
    )
    encoding: Literal["hex", "base64", "base64url"] = Field(default="hex", description="How the signature is written.")
    digest: Literal["sha1", "sha256", "sha512"] = Field(default="sha256", description="The digest of the HMAC.")
    prefix: str = Field(default="", description="What stands before the signature, such as `sha256=`.")
    field: str | None = Field(
        default=None, min_length=1, description="The name of the signature, where the header is a list: `v1` in `t=1790000000,v1=5257a8…`."
    )
    timestamp_header: str | None = Field(
        default=None,
        pattern=HEADER,
        description="The header that bears the timestamp: seconds or milliseconds since 1970, ISO 8601 with its zone, or an HTTP date.",
    )
    timestamp_field: str | None = Field(default=None, min_length=1, description="The name of the timestamp, where it is in the same list.")
    tolerance_seconds: float = Field(default=300, gt=0, le=86_400, description="How far the timestamp may be from the gateway's clock.")
    key: Literal["text", "hex", "base64"] = Field(default="text", description="How the secret is turned into the key of the HMAC.")


class ConnectionSettings(Section):
    """An account of a system, or a system of your own, that sends webhooks to `/hooks/{system}/{name}`."""

    secrets: Annotated[tuple[SecretSettings, ...], BeforeValidator(_several), Field(min_length=1)] = Field(
        description="What its requests are signed with: `{env: NAME}` or `{file: PATH}`, each with `since` and `until` where it changes."
    )
    mapping: FilePath | None = Field(default=None, description="A mapping file, for a system without an adapter.")
    scheme: str | None = Field(default=None, description="How requests are signed, where it is not the system's own way (below).")
    hmac: HmacSettings | None = Field(default=None, description="How requests are signed, where no scheme knows it (below).")
    url: Annotated[str, AfterValidator(_url)] | None = Field(
        default=None, description="The whole URL as the sender has it, where it signs that (Square)."
    )
    tenant: str = Field(default="default", min_length=1, max_length=256, description="Tenant of its events.")
    zone: Annotated[str, AfterValidator(zone_name)] = Field(
        default="UTC", description="Zone (IANA) of local times of which neither the source nor the place says where."
    )
    order_field: str | None = Field(
        default=None, min_length=1, description="Path (dots) to the order's ID in the system's main object, where it is not the usual one."
    )
    order_is_alias: bool = Field(
        default=False, description="Whether that is another name of the order, not the ID under which the storefront places it."
    )
    omit: Annotated[tuple[str, ...], BeforeValidator(_comma_separated)] = Field(
        default=(), description="Types (`payment.*`) of which another system is the record: they are left out."
    )
    accept_test: bool = Field(default=False, description="Whether to take what comes from the system's test mode.")
    auto_capture: bool = Field(
        default=False, description="Whether the account takes the money as soon as it is authorized, and says no more of it (Adyen)."
    )
    rate: float | None = Field(default=None, gt=0, description="Requests per second in the long run; unset: no limit.")
    burst: int | None = Field(default=None, ge=1, description="Requests at once; unset: what `rate` allows in ten seconds.")
    max_body_bytes: int | None = Field(default=None, ge=1, le=MOST_BODY, description="Largest body; unset: `gateway.max_body_bytes`.")

    @model_validator(mode="after")
    def _one_way(self) -> ConnectionSettings:
        if self.scheme is not None and self.hmac is not None:
            raise ValueError("scheme and hmac say the same in two ways: leave one of them out")
        return self


class GatewaySettings(Section):
    """The webhook gateway."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on for webhooks; 0.0.0.0 for all.")
    port: Port = Field(default=8080, description="Port to listen on for webhooks. 0: any free port; the log names it.")
    http_port: Port = Field(
        default=9470,
        description="Port on which the gateway answers `/metrics`, `/healthz` and `/readyz`, on `http.host`. 0: any free port.",
    )
    cert_file: FilePath | None = Field(default=None, description="Certificate chain, PEM, to serve HTTPS; unset: HTTP, behind a proxy.")
    key_file: FilePath | None = Field(default=None, description="The private key of `cert_file`, PEM.")
    connections: Annotated[dict[str, ConnectionSettings], BeforeValidator(_json), AfterValidator(_named)] = Field(
        default_factory=dict[str, ConnectionSettings],
        description="Who sends, by `system/name` as in the URL (below). In an environment variable: JSON.",
    )
    output: Literal["kafka", "log"] = Field(
        default="kafka", description="Where events go. `kafka`: to `topic`. `log`: to files in `dir`, which `orderwatch replay` reads."
    )
    topic: Topic = Field(default="order-events", description="Topic that events are written to.")
    dir: Path | None = Field(
        default=None, description="What the gateway keeps: one directory for each gateway. Unset: `gateway` in `state.dir`."
    )
    write_timeout_seconds: float = Field(
        default=4.0, gt=0, le=300, description="How long events may take to become durable before the sender is asked to retry."
    )
    read_timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="How long the head of a request, and then its body, may take to come."
    )
    max_body_bytes: int = Field(default=2 * MIB, ge=1, le=MOST_BODY, description="Largest body of a request.")
    max_head_bytes: int = Field(default=32_768, ge=1_024, le=MIB, description="Largest head of a request: its line and headers.")
    min_bytes_per_second: int = Field(
        default=500, ge=1, le=MIB, description="Rate at which a request must come; it may fall behind by five seconds."
    )
    max_requests: int = Field(
        default=256, ge=1, le=100_000, description="Authentic requests in progress; for more the sender is asked to retry."
    )
    max_buffered_bytes: int = Field(
        default=64 * MIB, ge=MOST_BODY, description="Bytes of bodies at a time; of those beyond, one that stalls is dropped."
    )
    max_connections: int = Field(
        default=2_000,
        ge=1,
        le=100_000,
        description="Open connections; for one more, those that are slowest or idle are closed. Needs as many file descriptors.",
    )
    max_connections_per_peer: int = Field(
        default=200, ge=1, le=100_000, description="Of those, connections of one address (IPv6: of one /64) that are not being answered."
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(networks)] = Field(
        default=(),
        description="Addresses and networks (CIDR) of your proxies: they may have any number of connections, and the limit per address "
        "holds for the address that they name in `X-Forwarded-For`.",
    )
    token_rate: float = Field(default=50.0, gt=0, le=1e6, description="Requests per second of one token, in the long run.")
    token_burst: int = Field(default=500, ge=1, le=10**6, description="Requests of one token at once.")
    max_content_bytes: int = Field(
        default=8 * MIB, ge=1, le=64 * MIB, description="Largest content of a compressed body that a token holder sends."
    )
    audit_bytes: int = Field(
        default=256 * MIB, ge=MIB, description="Size of the audit (`audit*.jsonl`: a line for each decision); the oldest are deleted first."
    )
    seen_days: int = Field(default=7, ge=1, le=365, description="How long a delivery is remembered, to know it when it comes again.")
    seen_count: int = Field(default=2_000_000, ge=1_000, description="How many deliveries are remembered at most.")
    history_days: int = Field(default=120, ge=1, le=3_650, description="How long the last history of a parcel is remembered.")
    history_count: int = Field(default=2_000_000, ge=1_000, description="How many parcels' histories are remembered at most.")
    refused_bytes: int = Field(
        default=64 * MIB, ge=MIB, description="Size of the dead letters (refused requests); the oldest are deleted first."
    )
    refused_days: int = Field(
        default=30, ge=1, le=3_650, description="How long dead letters (refused requests) are stored: they hold customer data."
    )
    log_file_bytes: int = Field(default=256 * MIB, ge=MIB, description="Size at which a file of the embedded log is full.")

    @property
    def url(self) -> str:
        """Where the gateway is reached from this host."""
        return f"http{'s' if self.cert_file else ''}://{reached(self.host, self.port)}"

    @model_validator(mode="after")
    def _complete(self) -> GatewaySettings:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together: one of them is missing")
        if self.output == "log":
            self.without_effect("output log writes no topic", "topic")
        else:
            self.without_effect("output kafka writes no log", "log_file_bytes")
        return self
