"""What is to be said of an order now: one shard's orders, the judgement, its timers, and the sequence of what it publishes."""
