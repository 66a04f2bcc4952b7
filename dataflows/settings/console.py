"""The settings of the console: where it listens, how people get in, what is noted of their reading."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from dataflows.settings.gateway import networks
from dataflows.settings.values import Port, Section, comma_separated, distinct

FILE = "console.sqlite3"
"""The name of the file of the console's own database where no URL is given."""
Audited = Literal["exception", "order", "search", "export", "record", "reject", "message"]
"""Kinds of reading that can be noted."""
PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def _path(text: str) -> str:
    path = text.rstrip("/")
    if not PATH.fullmatch(path):
        raise ValueError(f"{text!r} is no path; write it as /orderwatch")
    return path


class ConsoleSettings(Section):
    """The console."""

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
    cookie: Literal["secure", "plain"] = Field(
        default="secure",
        description="`secure`: the session's cookie goes over HTTPS only, as browsers also allow on `localhost`. `plain`: over HTTP too, for "
        "development: whoever listens in on the network has the session.",
    )
    idle_minutes: int = Field(default=60, ge=2, le=1_440, description="After how long without a request a session ends.")
    session_hours: int = Field(default=12, ge=1, le=168, description="After how long a session ends in any case.")
    log_in_tries: int = Field(
        default=5, ge=1, le=100, description="Failed log-ins, per name and per address, after which each further one must wait longer."
    )
    audited: Annotated[tuple[Audited, ...], BeforeValidator(comma_separated), AfterValidator(distinct)] = Field(
        default=("exception", "order", "search", "export", "record", "reject", "message"),
        description="Which reads of personal data are noted, with who, when and of what.",
    )
    connections: int = Field(default=8, ge=1, le=200, description="Connections to the store, and threads that read it.")
    max_body_bytes: int = Field(default=2 << 20, ge=65_536, le=64 << 20, description="Largest body of a request.")

    def own_url(self, folder: Path) -> str:
        """The URL of the console's own database, where `folder` is its directory."""
        return f"sqlite:///{(folder / FILE).absolute()}" if self.url is None else self.url.get_secret_value()

    def folder(self, state: Path) -> Path:
        """The console's directory, where `state` is the state directory."""
        return state / "console" if self.dir is None else self.dir
