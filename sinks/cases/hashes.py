"""Names that follow from what they name: of messages that have no ID, and of what was erased."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256


def message_id(tenant: str, order_id: str, by: str, sent: datetime, topic: str | None, channel: str | None) -> str:
    """The ID of a message that somebody else sent, of which only this is known."""
    return digest("message", tenant, order_id, by, sent.isoformat(), topic or "", channel or "")[:32]


def digest(*parts: str) -> str:
    """SHA-256 of texts with U+001F between them, in hexadecimal digits; of tenant and customer as the engine makes it."""
    return sha256("\x1f".join(parts).encode()).hexdigest()
