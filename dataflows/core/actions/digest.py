"""What an approval is about: a hash over all that would be carried out, so that nothing else than what was read can be approved."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import rfc8785


def payload_hash(tenant: str, order: str, exception: str | None, action: str, target: str, parameters: Mapping[str, object]) -> str:
    """The SHA-256 (hexadecimal) over the canonical JSON (RFC 8785) of an action's payload.

    Raises:
        ValueError: if the parameters hold what JSON cannot say the same everywhere: whole numbers beyond 2^53, infinities.
    """
    payload = {
        "tenant": tenant,
        "order": order,
        "exception": exception,
        "action": action,
        "target": target,
        "parameters": dict(parameters),
    }
    return sha256(rfc8785.dumps(cast("Any", payload))).hexdigest()
