"""What outlives the process: the state directory, and in it one log of changes per shard.

Bytewax keeps only a token per shard; the token names segments of the shard's log and how much of each counts.

Reading order: `segments` (frames and files), `store` (one shard: put, commit, resume), `pins` and `home` (the state directory: whose it
is, under which policy, with how many partitions), `advice` (how far the other processes are), `view` (looking in from outside, as
`orderwatch state inspect` does).
"""

from dataflows.runtime.state.directory import StateHome
from dataflows.runtime.state.errors import StateError
from dataflows.runtime.state.pins import Pins, Resume
from dataflows.runtime.state.store import CommitToken, ShardStore

__all__ = ["CommitToken", "Pins", "Resume", "ShardStore", "StateError", "StateHome"]
