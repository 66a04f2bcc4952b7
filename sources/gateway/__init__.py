"""Webhooks in: verified, adapted, and answered once their events are durable.

Reading order: `request` (what came, and what is answered), `schemes` (how systems sign), `intake` (from one to the other), `writers` and
`journal` (what durable means), `memory` (what has been answered before), `kept` (what was refused), `app` and `server` (HTTP).
"""

from sources.gateway.app import Hooks, application
from sources.gateway.hooks import Hook, Secret
from sources.gateway.intake import Intake
from sources.gateway.journal import Journal
from sources.gateway.kept import Kept
from sources.gateway.limits import Limits
from sources.gateway.memory import Memory, UnusableMemoryError
from sources.gateway.schemes import SCHEMES
from sources.gateway.signatures import Scheme
from sources.gateway.writers import KafkaWriter, LogWriter, Writer

__all__ = [
    "SCHEMES",
    "Hook",
    "Hooks",
    "Intake",
    "Journal",
    "KafkaWriter",
    "Kept",
    "Limits",
    "LogWriter",
    "Memory",
    "Scheme",
    "Secret",
    "UnusableMemoryError",
    "Writer",
    "application",
]
