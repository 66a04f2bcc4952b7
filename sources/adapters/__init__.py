"""Adapters: what real systems send, as contract events. Pure functions of bytes and headers, with readable code tables.

Reading order: `output` (what an adapter gives), `payload` (how payloads are read), `tables`, `base` (what an adapter is), `easypost` (an
example; a larger one is a package, such as `stripe`), `translate` (runs and checks an adapter), `histories` (what is withdrawn).
"""

from sources.adapters.base import Adapter, AdapterConnection, Payload
from sources.adapters.registry import ADAPTERS
from sources.adapters.translate import Adapted, translate

__all__ = ["ADAPTERS", "Adapted", "Adapter", "AdapterConnection", "Payload", "translate"]
