"""The settings of dispatch: where actions go, how often a failed one is tried, what is remembered, and where customers' addresses stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, FilePath, model_validator

from dataflows.settings.gateway import SecretSettings
from dataflows.settings.values import Port, Section, Topic
from schemas.actions import ACTIONS
from schemas.messages import CHANNELS

STANDARD_WEBHOOKS = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds before each try, as the Standard Webhooks specification recommends: some three days in all."""
ENDPOINT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def _json(value: object) -> object:
    """In an environment variable it is written as JSON."""
    if not isinstance(value, str):
        return {} if value is None else value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg}") from error


def _list(value: object) -> object:
    found = _json(value)
    return () if found == {} else found


def _several(value: object) -> object:
    """One of them needs no list around it; in a variable they are parted by commas."""
    if isinstance(value, str):
        return tuple(word for part in value.split(",") if (word := part.strip()))
    return value


def _named(endpoints: dict[str, EndpointTerms]) -> dict[str, EndpointTerms]:
    for name in endpoints:
        if not ENDPOINT.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an endpoint (small letters, digits, '_' and '-', at most 64)")
    return endpoints


def _actions(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in ACTIONS:
            raise ValueError(f"{name!r} is no action")
    return names


def _channels(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in CHANNELS:
            raise ValueError(f"{name!r} is no channel: {', '.join(CHANNELS)}")
    return names


def _schedule(seconds: tuple[float, ...]) -> tuple[float, ...]:
    if any(each < 0 for each in seconds):
        raise ValueError("a delay is not negative")
    return seconds


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]


class EndpointTerms(Section):
    """Something that carries actions out. What stands beside these settings is that of its `kind`."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    kind: str = Field(min_length=1, description="What it is: a kind of executor (below).")
    rate: float | None = Field(default=None, gt=0, description="Calls per second in the long run; unset: no limit.")
    burst: int | None = Field(default=None, ge=1, description="Calls at once; unset: what `rate` allows in a second, at least one.")
    concurrency: int = Field(default=8, ge=1, le=1_000, description="Calls under way at a time; a slow endpoint fills no more than these.")
    breaker_failures: int = Field(
        default=5, ge=1, le=10_000, description="Calls in a row without an answer, or with one of 5xx, after which it is left alone."
    )
    breaker_seconds: float = Field(
        default=30.0, gt=0, le=86_400, description="How long it is left alone first; twice as long each time that one more call fails."
    )
    throttle_seconds: float = Field(
        default=2.0,
        gt=0,
        le=3_600,
        description="How long it is left alone after 429, 502, 503 or 504 without `Retry-After`.",
    )
    recipients: bool | None = Field(
        default=None, description="Whether it is given the addresses of customers; unset: only a `mail` endpoint is."
    )

    @property
    def executor(self) -> dict[str, object]:
        """What is meant for the executor."""
        return dict(self.model_extra or {})


class RouteSettings(Section):
    """Which actions go to an endpoint. What is not named matches everything; the first route that matches is taken."""

    endpoint: str = Field(min_length=1, description="Its name in `dispatch.endpoints`; `none`: nobody carries these actions out.")
    actions: Annotated[Words, AfterValidator(_actions)] = Field(default=(), description="Actions, such as `notify_customer`.")
    tenants: Words = Field(default=(), description="Tenants; `*` and `?` stand for any characters, here and below.")
    channels: Annotated[Words, AfterValidator(_channels)] = Field(default=(), description="Channels of messages to customers.")
    kinds: Words = Field(default=(), description="Kinds of exceptions, such as `shipment.*`.")
    steps: Words = Field(default=(), description="The rules' own words for the next step, such as `retry_capture`.")
    owners: Words = Field(default=(), description="Teams that have the exception.")


class ContactSettings(Section):
    """Where the addresses of customers stand: no event has them. Asked when a message goes out, and nothing of it is kept."""

    kind: Literal["csv", "sqlite", "rest"] = Field(description="A file with columns, a table, or a service that answers JSON.")
    tenants: Words = Field(default=(), description="Whose customers they are; unset: everybody's.")
    file: FilePath | None = Field(default=None, description="The CSV file or the SQLite database; read again when it changes.")
    query: str | None = Field(
        default=None,
        description="SQL of `kind: sqlite` with `:customer`, and `:tenant` and `:order` if need be; its columns are called as channels.",
    )
    url: str | None = Field(
        default=None, description="URL of `kind: rest` with `{customer}`, and `{tenant}` and `{order}` if need be; answered with JSON."
    )
    headers: dict[str, str] = Field(default_factory=dict[str, str], description="Headers of the request; `{secret}` stands for the secret.")
    secret: SecretSettings | None = Field(default=None, description="What proves who we are: `{env: NAME}` or `{file: PATH}`.")
    fields: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="By channel, where the address stands: a column, or a JMESPath expression; unset: the channel's name. "
        "`customer` names the column of the customer's ID (`customer_id`), `tenant` that of the tenant.",
    )
    allow_networks: Words = Field(default=(), description="Private addresses and networks (CIDR) that `url` may lead to.")
    allow_http: bool = Field(default=False, description="Whether `url` may be asked without TLS.")
    timeout_seconds: float = Field(default=10.0, gt=0, le=120, description="How long the service may take to answer.")

    @model_validator(mode="after")
    def _complete(self) -> ContactSettings:
        if self.kind == "rest":
            if self.url is None or "{customer}" not in self.url:
                raise ValueError("kind rest needs a url with {customer} in it")
            self.without_effect("kind rest reads no file", "file", "query")
        else:
            if self.file is None:
                raise ValueError(f"kind {self.kind} needs a file")
            self.without_effect(
                f"kind {self.kind} asks no service", "url", "headers", "secret", "allow_networks", "allow_http", "timeout_seconds"
            )
        if (self.kind == "sqlite") != (self.query is not None):
            raise ValueError("query goes with kind sqlite, and that needs one")
        return self


class DispatchSettings(Section):
    """How requested actions are carried out."""

    endpoints: Annotated[dict[str, EndpointTerms], BeforeValidator(_json), AfterValidator(_named)] = Field(
        default_factory=dict[str, EndpointTerms],
        description="What carries actions out, by a name of your own (below). In an environment variable: JSON.",
    )
    routes: Annotated[tuple[RouteSettings, ...], BeforeValidator(_list)] = Field(
        default=(), description="Which actions go where (below); the first that matches is taken. In an environment variable: JSON."
    )
    contacts: Annotated[tuple[ContactSettings, ...], BeforeValidator(_list)] = Field(
        default=(), description="Where customers' addresses stand (below). In an environment variable: JSON."
    )
    templates: Path | None = Field(default=None, description="A folder of your own texts; they stand above the built-in ones.")
    decisions: Topic = Field(default="order-decisions", description="Topic that decisions are written to.")
    dir: Path | None = Field(
        default=None,
        description="What dispatch keeps (its journal): one directory each, on a local disk. Unset: `dispatch` in `state.dir`.",
    )
    group: str = Field(
        default="orderwatch-dispatch",
        min_length=1,
        max_length=249,
        description="Consumer group by which several dispatchers share the work.",
    )
    http_port: Port = Field(
        default=9471,
        description="Port on which dispatch answers `/metrics`, `/healthz` and `/readyz`, on `http.host`. 0: any free port.",
    )
    schedule: Annotated[tuple[float, ...], BeforeValidator(_several), AfterValidator(_schedule), Field(min_length=1, max_length=100)] = (
        Field(
            default=STANDARD_WEBHOOKS,
            description="Seconds before each try of an action; as many tries as there are. Standard Webhooks recommends the default.",
        )
    )
    jitter: float = Field(default=0.2, ge=0, le=1, description="By how much of itself a delay is lengthened at random.")
    retry_after_most_seconds: float = Field(
        default=86_400.0, gt=0, description="The longest `Retry-After` that is kept; longer ones count as this."
    )
    no_route_seconds: float = Field(
        default=900.0, ge=0, description="How long an action that no route takes waits for one, before it has failed (`no_route`)."
    )
    write_timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="How long decisions may take to become durable; after that they are written again."
    )
    takeover_seconds: float = Field(
        default=120.0,
        gt=0,
        description="After how long without an outcome another dispatcher's attempt counts as broken off; above all time-outs.",
    )
    stop_seconds: float = Field(default=25.0, ge=0, le=3_600, description="How long calls under way may take to end after SIGTERM.")
    keep_ended_days: float = Field(default=7.0, gt=0, description="How long the journal keeps attempts of actions that have ended.")
    dead_letter_days: float = Field(default=30.0, gt=0, description="How long dead letters (what failed for good) are kept for a replay.")

    @model_validator(mode="after")
    def _known(self) -> DispatchSettings:
        for number, route in enumerate(self.routes, 1):
            if route.endpoint != "none" and route.endpoint not in self.endpoints:
                raise ValueError(
                    f"route {number} leads to endpoint {route.endpoint!r}, which is none of {', '.join(self.endpoints) or '(none)'}"
                )
        if "none" in self.endpoints:
            raise ValueError("none is no name for an endpoint: in a route it says that nobody carries the action out")
        return self
