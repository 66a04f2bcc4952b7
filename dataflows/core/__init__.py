"""The pure heart: timeline, rules, policy, deadlines. No engine, no broker, no clock, no input or output.

Reading order: `clocks` (instants and calendars), `policy` (what is expected), `rules` (when something is wrong), `shard` (many orders,
one heap of deadlines).
"""
