"""What makes a process that runs not ready."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from dataflows.detect.metrics import unproved

if TYPE_CHECKING:
    from sources.kafka.source import KafkaSource


@dataclass
class Source:
    """A source whose proofs the test gives."""

    found: dict[str, tuple[float, str]] = field(default_factory=dict[str, tuple[float, str]])

    def waits(self) -> dict[str, tuple[float, str]]:
        """As told."""
        return self.found


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, None),
        ({"events:00000": (0.0, ""), "events:00001": (4.9, "")}, None),
        (
            {"events:00000": (0.1, ""), "events:00001": (12.3, "")},
            "events:00001: what was written last cannot be read for 12 s (its leader or a replica hangs)",
        ),
        (
            {"events:00000": (60.0, "Topic authorization failed"), "events:00001": (12.0, "")},
            "events:00000: what was written last cannot be read for 60 s (Topic authorization failed)",
        ),
    ],
)
def test_a_partition_that_time_waits_for_is_named_with_the_reason(found: dict[str, tuple[float, str]], said: str | None) -> None:
    """The one that has been waited for longest; a wait of moments is none."""
    assert unproved(cast("KafkaSource", Source(found))) == said
