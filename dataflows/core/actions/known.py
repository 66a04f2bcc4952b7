"""The actions that a shard knows: the ones asked for last as objects, all others packed. Most have ended, and are kept to be recognised."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from dataflows.core.actions.model import ActionState
from dataflows.core.engine.compress import FLAG, compress, decompress

MOST = 32
"""Actions that a shard keeps unpacked between two items, at most. One takes some 3,000 bytes, packed 500."""
encode_action = msgspec.msgpack.Encoder().encode
decode_action = msgspec.msgpack.Decoder(ActionState).decode


class KnownActions:
    """Actions by ID. One that was asked for may be changed until `rest` is called."""

    def __init__(self) -> None:
        self._unpacked: dict[str, ActionState] = {}
        self._packed: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._unpacked) + len(self._packed)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._unpacked or id_ in self._packed

    def __iter__(self) -> Iterator[str]:
        yield from self._unpacked
        yield from self._packed

    def __getitem__(self, id_: str) -> ActionState:
        found = self.get(id_)
        if found is None:
            raise KeyError(id_)
        return found

    def get(self, id_: str) -> ActionState | None:
        """An action; None if it is not known."""
        found = self._unpacked.get(id_)
        if found is None and (packed := self._packed.pop(id_, None)) is not None:
            found = self._unpacked[id_] = decode_action(decompress(packed, FLAG))
        return found

    def add(self, action: ActionState) -> None:
        """Knows an action from now on."""
        self._unpacked[action.id] = action

    def pop(self, id_: str) -> ActionState:
        """Knows an action no more. Raises KeyError if it was not known."""
        action = self[id_]
        del self._unpacked[id_]
        return action

    def rest(self) -> None:
        """Packs what is too much; to be called when nobody holds an action."""
        if len(self._unpacked) > MOST:
            for id_, action in self._unpacked.items():
                self._packed[id_] = compress(encode_action(action))
            self._unpacked.clear()

    def row(self, id_: str) -> bytes | None:
        """An action as it is stored; None if it is not known."""
        action = self._unpacked.get(id_)
        if action is not None:
            return encode_action(action)
        packed = self._packed.get(id_)
        return None if packed is None else decompress(packed, FLAG)

    def rows(self) -> Iterator[tuple[str, bytes]]:
        """All actions by ID, as they are stored."""
        for id_, action in self._unpacked.items():
            yield id_, encode_action(action)
        for id_, packed in self._packed.items():
            yield id_, decompress(packed, FLAG)
