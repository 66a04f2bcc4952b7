"""Makes packed orders small: Zstandard, with a dictionary of what orders have in common.

An order packed by itself repeats little of its own, but much of what every order says: types, statuses, zones, the frame around them. The
dictionaries were trained on simulated orders (`python -m tests.bench.dictionary`); they only make the result smaller, never wrong, for any
others. They are part of what is stored: a better one gets a file and a flag of its own, and those that are here stay.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from zstandard import ZstdCompressionDict, ZstdCompressor, ZstdDecompressor, ZstdError

DICTIONARIES = {2: "orders-1.zdict", 4: "orders-2.zdict"}
"""The dictionaries by the flag of what is compressed with them."""
FLAG = 4
"""That of the dictionary that is used now."""
FLAGS = 6
"""All of them."""
LEVEL = 1
"""The quickest: 2.6 µs for an order of 850 bytes, 1.6 µs back; higher levels save some per cent for several times that."""


def _read(name: str) -> ZstdCompressionDict:
    return ZstdCompressionDict((files("dataflows.core.engine") / name).read_bytes())


_shared = {flag: _read(name) for flag, name in DICTIONARIES.items()}
_shared[FLAG].precompute_compress(level=LEVEL)  # pyright: ignore[reportUnknownMemberType]  # its stub lacks the return type
_compress = ZstdCompressor(level=LEVEL, dict_data=_shared[FLAG], write_checksum=False, write_dict_id=False).compress
_decompress: dict[int, Callable[[bytes], bytes]] = {flag: ZstdDecompressor(dict_data=shared).decompress for flag, shared in _shared.items()}
_decompress[0] = bytes


def compress(plain: bytes) -> bytes:
    """The bytes, smaller; `FLAG` says how."""
    return _compress(plain)


def decompress(compressed: bytes, flags: int) -> bytes:
    """The bytes that were compressed as `flags` say.

    Raises:
        ValueError: if these are none.
    """
    try:
        return _decompress[flags & FLAGS](compressed)
    except ZstdError as error:
        raise ValueError(f"not a compressed order: {error}") from error
