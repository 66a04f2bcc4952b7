"""The settings of the case store: where it is, and how long it keeps what."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from dataflows.settings.values import Port, Section

FILE = "store.sqlite3"
"""The name of the store's file where no URL is given."""


class StoreSettings(Section):
    """The case store."""

    url: SecretStr | None = Field(
        default=None,
        description="Where the store is: `postgresql://USER:PASSWORD@HOST/DATABASE`, or `sqlite:////PATH`. Unset: `store.sqlite3` in "
        "`state.dir`. A secret, since it may hold a password.",
    )
    batch: int = Field(default=1_000, ge=1, le=20_000, description="Records that one transaction takes at most.")
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="After how many days without being open again a case goes, with all that is about it, counted from the newest record; "
        "so do incidents, rejects and what is about no case. What was decided stays in `audit`, without notes. Unset: never.",
    )
    http_port: Port = Field(default=9472, description="Port of its `/metrics`, `/healthz` and `/readyz`; 0: any free port.")

    def url_in(self, state: Path) -> str:
        """The URL, where `state` is the state directory."""
        return f"sqlite:///{(state / FILE).absolute()}" if self.url is None else self.url.get_secret_value()
