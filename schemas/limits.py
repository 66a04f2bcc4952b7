"""How large what goes out may be: agreed between the core that bounds it, the topics that take it and the sinks that write it."""

from __future__ import annotations

from typing import Final

MAX_OUTPUT_BYTES: Final = 900_000
"""Of an output record as JSON."""
LEAST_TOPIC_BYTES: Final = 1_000_000
"""The least `max.message.bytes` of a topic of output records: the largest output record with its key and headers. Kafka's own default is
enough (1,048,588, Apache Kafka 3.9)."""
