"""The settings of the console: where it listens, how people get in, what is noted of their reading."""

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretStr, model_validator

from dataflows.settings.gateway import networks, zone_name
from dataflows.settings.values import Names, Port, Section, comma_separated, distinct, reached

FILE = "console.sqlite3"
"""The name of the file of the console's own database where no URL is given."""
Audited = Literal["exception", "order", "search", "export", "record", "reject", "message"]
"""Kinds of reading that can be noted."""
PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
HERE = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/\S*)?")


def _url(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"https://[^\s/]+(/\S*)?", text) and not HERE.fullmatch(text):
        raise ValueError(f"{text!r} is no issuer; write it as https://login.example.com/realms/shop")
    return text


def _path(text: str) -> str:
    path = text.rstrip("/")
    if not PATH.fullmatch(path):
        raise ValueError(f"{text!r} is no path; write it as /orderwatch")
    return path


def _hosts(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not HOST.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a host; write it as ops.example.com, without a scheme, a port or a path")
    return tuple(name.lower() for name in distinct(names))


class ConsoleSettings(Section):
    """The console."""

    enabled: bool = Field(default=True, description="Whether `orderwatch up` runs it as well.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Address to listen on; 0.0.0.0 for all.")
    port: Port = Field(default=8090, description="Port to listen on for browsers. 0: any free port; the log names it.")
    http_port: Port = Field(default=9474, description="Port of its `/metrics`, `/healthz` and `/readyz`, on `http.host`; 0: any free port.")
    dir: Path | None = Field(default=None, description="What the console keeps. Unset: `console` in `state.dir`.")
    url: SecretStr | None = Field(
        default=None,
        description="The console's own database (people, sessions, saved views, who read what): `postgresql://USER:PASSWORD@HOST/DATABASE` "
        "or `sqlite:////PATH`. Unset: `console.sqlite3` in `console.dir`.",
    )
    path: Annotated[str, AfterValidator(_path)] = Field(
        default="", description="The path under which a proxy shows the console, such as `/orderwatch`."
    )
    proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(networks)] = Field(
        default=(),
        description="Addresses and networks (CIDR) of your proxies: only what comes from them is believed in `X-Forwarded-For`, "
        "`X-Forwarded-Proto` and `X-Forwarded-Host`.",
    )
    hosts: Annotated[tuple[str, ...], BeforeValidator(comma_separated), AfterValidator(_hosts)] = Field(
        default=(),
        description="The names under which browsers reach it, such as `ops.example.com`, without a port; a request for another one is "
        "answered by 400. Unset: any name, which a proxy in front of it must then see to. Addresses of this host always count.",
    )
    cookie: Literal["secure", "plain"] = Field(
        default="secure",
        description="`secure`: the session's cookie goes over HTTPS only. `plain`: over HTTP too, for development: whoever listens in on "
        "the network has the session.",
    )
    zone: Annotated[str, AfterValidator(zone_name)] = Field(
        default="UTC", description="Time zone (IANA) in which times are shown to who has chosen none."
    )
    engine_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/\s]+/?$",
        description="Where the engine answers `/readyz` and `/metrics`, such as `http://engine:9464`: pages say so when it is not well or "
        "lags, and list all feeds. Unset: on this host where all parts are (`embedded.dir`), else it is not asked.",
    )
    idle_minutes: int = Field(default=60, ge=2, le=1_440, description="After how long without a request a session ends.")
    session_hours: int = Field(default=12, ge=1, le=168, description="After how long a session ends in any case.")
    log_in_tries: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Failed log-ins per name, and ten times as many per address, after which each further one must wait longer.",
    )
    audited: Annotated[tuple[Audited, ...], BeforeValidator(comma_separated), AfterValidator(distinct)] = Field(
        default=("exception", "order", "search", "export", "record", "reject", "message"),
        description="Which reads of personal data are noted, with who, when and of what.",
    )
    bulk_approval_limit: Decimal = Field(
        default=Decimal(100),
        ge=0,
        description="Actions that give away money or its worth, and more than this in whichever currency, are approved one by one.",
    )
    connections: int = Field(default=8, ge=1, le=200, description="Connections to the store, and threads that read it.")
    max_body_bytes: int = Field(default=2 << 20, ge=65_536, le=64 << 20, description="Largest body of a request.")
    trial_events: tuple[FilePath, ...] = Field(
        default=(),
        description="Files of recorded events that back-tests and dry runs read, such as exports. Unset: the embedded log, else the topics "
        "of `inputs.topics`, which are exported for each.",
    )
    trial_seconds: int = Field(default=1_800, ge=10, le=86_400, description="How long a back-test may take, and its time of the processor.")
    trial_memory_bytes: int = Field(default=2 << 30, ge=256 << 20, description="Memory that the process of a back-test may use.")
    trials: int = Field(default=1, ge=1, le=16, description="Back-tests that run at once; each person has one at a time.")
    trial_days: int = Field(default=14, ge=1, le=365, description="How long results of back-tests stay.")

    oidc_issuer: Annotated[str | None, AfterValidator(_url)] = Field(
        default=None, description="The OpenID Connect provider that people may log in with, as it names itself; unset: none."
    )
    oidc_client_id: str | None = Field(default=None, min_length=1, description="Who the console is to the provider.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="What it proves that with, or `oidc_client_secret_file`; unset: a public client, by PKCE only."
    )
    oidc_name: str = Field(default="single sign-on", min_length=1, description="What the button of the log-in page calls the provider.")
    oidc_scopes: Annotated[tuple[str, ...], BeforeValidator(comma_separated)] = Field(
        default=("openid", "profile", "email"), description="The scopes that are asked for."
    )
    oidc_log_out: bool = Field(
        default=True,
        description="Whether who logs out here is led to the provider's log-out as well, where it has one; it must know `https://HOST/PATH/login`.",
    )
    oidc_name_claim: str = Field(
        default="preferred_username", min_length=1, description="The claim that names somebody; `email` counts only where it is verified."
    )
    oidc_roles_claim: str = Field(
        default="groups", min_length=1, description="The claim that their roles come from; dots lead into objects: `realm_access.roles`."
    )
    oidc_roles: Names = Field(
        default_factory=dict[str, str],
        description="By value of that claim the role: `{orderwatch-ops: operator}`. Who has none of them does not get in.",
    )
    oidc_tenants_claim: str | None = Field(default=None, description="The claim that lists the tenants somebody may see; unset: all.")
    oidc_teams_claim: str | None = Field(default=None, description="Likewise the teams.")
    oidc_sites_claim: str | None = Field(default=None, description="Likewise the sites.")

    @model_validator(mode="after")
    def _complete(self) -> ConsoleSettings:
        if self.oidc_issuer is None:
            others = [name for name in type(self).model_fields if name.startswith("oidc_") and name != "oidc_issuer"]
            self.without_effect("there is no oidc_issuer", *others)
        elif self.oidc_client_id is None or not self.oidc_roles:
            raise ValueError("oidc_issuer needs oidc_client_id and oidc_roles")
        return self

    def own_url(self, folder: Path) -> str:
        """The URL of the console's own database, where `folder` is its directory."""
        return f"sqlite:///{(folder / FILE).absolute()}" if self.url is None else self.url.get_secret_value()

    @property
    def shown_url(self) -> str:
        """Where a browser on this host reaches it."""
        return f"http://{reached(self.host, self.port)}{self.path}/"

    def folder(self, state: Path) -> Path:
        """The console's directory, where `state` is the state directory."""
        return state / "console" if self.dir is None else self.dir
