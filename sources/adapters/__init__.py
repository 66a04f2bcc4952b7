"""Adapters: what real systems send, as contract events. Pure functions from bytes and headers; the code tables are their visible heart.

Reading order: `output` (what is told), `payload` (how payloads are read), `tables`, `base` (what an adapter is), `easypost` (one of them; a
larger one is a package, such as `stripe`), `translate` (the checked whole), `histories` (what is withdrawn).
"""

from sources.adapters.base import Adapter, AdapterConnection, Payload
from sources.adapters.registry import ADAPTERS
from sources.adapters.translate import Adapted, translate

__all__ = ["ADAPTERS", "Adapted", "Adapter", "AdapterConnection", "Payload", "translate"]
