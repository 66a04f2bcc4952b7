"""Items on their way, as bytes: what a shell holds back is kept so between runs, and what goes to another process travels so."""

from __future__ import annotations

from typing import Any


class Items:
    def pack(self, items: Any) -> bytes:
        raise NotImplementedError

    def unpack(self, packed: bytes) -> list[Any]:
        raise NotImplementedError


ORDER_ITEMS = Items()
SIGHTINGS = Items()
