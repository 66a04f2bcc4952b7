"""Settings of the Kafka source, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


class KafkaInputError(Exception):
    """The input cannot be read, or not on; the message is one line for the operator."""


class ReplacedError(KafkaInputError):
    """A topic is no longer the one that it was when the run began: to start again does not mend it."""


class NoResponseError(KafkaInputError):
    """No broker answers: nothing to mend here, another try may do."""


class UnfitInputError(KafkaInputError):
    """What is named is not there or does not fit: another try fails alike until it is mended."""


@dataclass(frozen=True, slots=True)
class KafkaInput:
    """Which topics are read, and how. Spans and instants in µs unless said otherwise."""

    options: Mapping[str, object]
    """Options of librdkafka: `bootstrap.servers`, TLS, SASL. What the source's guarantees rest on is not overridable."""
    topics: tuple[str, ...]
    start: Literal["earliest", "latest"] = "earliest"
    """Where the first start begins to read. Partitions that appear later are read from their beginning."""
    batch: int = 1_000
    """Records per batch of one partition."""
    read_ahead: int = 20_000
    """How many records a partition may hand out beyond the watermark of the slowest. Affects memory and speed, never output."""
    allow_create_time: bool = False
    """Accept topics whose producers stamp the records: the weaker guarantee of `sources.messages`."""
    barriers: Literal["auto", "required", "off"] = "auto"
    """Whether barriers are written into partitions that are silent: `auto` where the cluster allows it, else the clock is gone by."""
    barrier_interval: int = 250_000
    """How often a barrier is written into a partition that others wait for."""
    clock_allowance: int = 250_000
    """Without barriers: how far this host's clock may be ahead of a broker's stamp, and how long an append may take to become visible."""
    tick: int = 100_000
    """How often the watermark of idle partitions is announced."""
    growth_check: int = 30_000_000
    """How often the topics are asked for new partitions."""
    until: int | None = None
    """For rehearsals: records after this instant are left out, and the source ends once every partition has passed it."""
    speed: float | None = None
    """For rehearsals: at most so many seconds of log time per second; None: as fast as possible."""
    feeds: Mapping[str, int] = field(default_factory=dict[str, int])
    """Prefixes of `source` that are monitored, each with when a record of it is late (µs): their watermarks are sent along."""


@dataclass(slots=True)
class SourceStats:
    """What this process has read since it started. Written by the source's thread, to be read from any."""

    records: int = 0
    """Records read, tombstones and refused ones included, barriers not."""
    bytes: int = 0
    """Bytes of their values."""
    tombstones: int = 0
    barriers: int = 0
    """Barriers written."""
    refused: int = 0
    """Records that are no event of the contract."""
    errors: int = 0
    """Errors of the connection that the client recovers from by itself."""
    late: dict[str, int] = field(default_factory=dict[str, int])
    """By channel: records that turned up late. Other than 0 where clocks differ by more than the allowance."""
    watermark: dict[str, int] = field(default_factory=dict[str, int])
    """By channel: the announced watermark, µs since the epoch; `sources.batch.BEGINNING` before there is any."""
    steps: dict[str, int] = field(default_factory=lambda: {"host": 0, "brokers": 0})
    """By whose clock it was: how often a clock has stepped. Of two that come apart, this host's has unless it ran on steadily."""
    ahead: float | None = None
    """By how many seconds this host's clock surely is ahead of the brokers' (negative: behind), by the last barrier; None: not known."""
    paused: int = 0
    """How often a partition that was far ahead was paused."""
