"""A state directory reduced to what a store needs of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataflows.runtime.state.store import Compaction

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class BareHome:
    """Where the shards are and which opening this is; without locks, so that a test can have zombies."""

    shards: Path
    incarnation: int = 1
    fsync: bool = False
    compaction: Compaction = field(default_factory=Compaction)
