"""The settings of an embedded installation: one data directory, no broker."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dataflows.settings.values import Port, Section


class EmbeddedSettings(Section):
    """The whole system over one data directory, without a broker (`orderwatch up`)."""

    dir: Path | None = Field(
        default=None,
        description="The data directory. Set: all parts use its logs instead of Kafka. Unset: they use Kafka.",
    )
    keep_days: float = Field(
        default=30.0,
        gt=0,
        le=36_500,
        description="How long full segments of the logs stay, once engine, store and dispatch are past them: what can be replayed.",
    )
    keep_bytes: int = Field(
        default=2 << 30,
        ge=1 << 20,
        description="How large each log may grow before its oldest segments go, once engine, store and dispatch are past them.",
    )
    segment_bytes: int = Field(
        default=16 << 20, ge=1 << 16, description="Size at which a segment of a log is full; a day ends one as well."
    )
    http_port: Port = Field(
        default=9460, description="Port on which `orderwatch up` answers `/metrics`, `/healthz` and `/readyz`, on `http.host`."
    )
