"""Actions as an audited protocol: what becomes of what is asked for, decided in log order by one owner per tenant.

Reading order: `model` (an action and its state), `digest` (what an approval is about), `budgets`, `exclusive` (one irreversible action per
target), `machine` (every step of an action's life), `deciding` (what others say about it), `pauses`, `writing`, `shard` (all of it, in log
order).
Nothing here reads a clock, and nothing but this writes `action.*`.
"""
