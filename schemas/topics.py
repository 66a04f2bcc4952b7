"""The topics by name. It imports nothing heavy: the command line names topics in its help."""

from __future__ import annotations

from typing import Final

TOPICS = ("actions", "exceptions", "incidents", "rejects")
"""Everything that comes out, sorted as text (partitions of sinks are)."""


EXCEPTIONS = "exceptions"
ACTIONS = "actions"


REJECTS = "rejects"


TOPIC_NAMES: Final = {topic: f"order-{topic}" for topic in TOPICS}
"""The contract's names of the topics in Kafka."""


DECISIONS: Final = "order-decisions"
"""The one topic that decisions are taken from. A prefix may stand before it, with a dot or a hyphen: `acme.order-decisions`."""


EVENTS: Final = "order-events"
"""The contract's name of the topic of events."""


EMBEDDED: Final = "embedded."
"""What the names of an embedded installation's logs begin with: a place in one is none in a topic of Kafka, to which it may grow."""
EMBEDDED_EVENTS: Final = f"{EMBEDDED}{EVENTS}"
EMBEDDED_DECISIONS: Final = f"{EMBEDDED}{DECISIONS}"
