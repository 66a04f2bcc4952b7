"""The settings that endpoints have in common, whatever kind they are of. Each kind adds its own, beside its executor."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FilePath, model_validator

from sinks.actions.addresses import AddressRange

MIB = 1 << 20


def _ranges(value: object) -> object:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    if not isinstance(value, list | tuple):
        return value
    found: list[AddressRange] = []
    for text in cast("list[object]", value):
        try:
            found.append(ip_network(str(text)))
        except ValueError:
            raise ValueError(f"{str(text)!r} is no address and no network; write 10.0.0.7 or 10.0.0.0/8") from None
    return tuple(found)


AddressRanges = Annotated[tuple[AddressRange, ...], BeforeValidator(_ranges)]


def several(value: object) -> Any:
    """One of them needs no list around it."""
    return [cast("object", value)] if isinstance(value, dict | str) else value


class EndpointSettings(BaseModel):
    """An endpoint. Unknown settings are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    allow_networks: AddressRanges = Field(
        default=(), description="Private addresses and networks (CIDR) that it may lead to; all others must be public."
    )
    ca_file: FilePath | None = Field(default=None, description="Certificates (PEM) that are trusted beside the system's: of your own CA.")
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=60, description="How long name, connection and TLS may take.")
    timeout_seconds: float = Field(default=20.0, gt=0, le=120, description="How long an attempt may take as a whole.")

    @model_validator(mode="after")
    def _in_order(self) -> EndpointSettings:
        if self.connect_timeout_seconds > self.timeout_seconds:
            raise ValueError("connect_timeout_seconds is longer than timeout_seconds, the whole of an attempt")
        return self


class HttpEndpointSettings(EndpointSettings):
    """An endpoint that is called by HTTP."""

    allow_http: bool = Field(default=False, description="Whether it may be called without TLS.")
    proxy: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/@]+$",
        description="Proxy that requests go through, `http://host:port`; it resolves names, and has to keep private addresses apart.",
    )
    max_answer_bytes: int = Field(default=MIB, ge=1_024, le=16 * MIB, description="How much of an answer is read.")
