"""Detection as a process: reads events, finds exceptions, writes output records.

Reading order: `flow` (the graph), `router` and `exchange` (what goes to which shard, and how), `operators` (what Bytewax calls), `live`
(the engine over Kafka), `topics` (what it writes to), `metrics`, `inspection` and `overview` (looking into a state), `explain`. `names`
holds stored names, which never change.
"""
