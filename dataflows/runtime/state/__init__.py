"""What outlives the process: the state directory, and in it one log of changes per shard.

Bytewax stores only a token per shard; it names segments of the shard's log and how much of each counts.

Reading order: `segments` (frames and files), `store` (one shard: put, commit, resume), `pins` and `directory` (the state directory: whose
it is, under which policy, with how many partitions), `recovery` (Bytewax's own store), `watermarks` (how far the other processes are),
`reader` (for `orderwatch state inspect`), `files` and `errors`.
"""

from dataflows.runtime.state.directory import StateHome
from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.pins import Pins, Resume
from dataflows.runtime.state.store import CommitToken, ShardStore

__all__ = ["CommitToken", "Pins", "Resume", "ShardStore", "StateError", "StateHome"]
