"""Actions as an audited protocol: what is asked for becomes of it, decided in log order by one owner per tenant.

Reading order: `model` (an action and its state), `digest` (what an approval is about), `budgets`, `exclusive` (one irreversible action per
target), `approving`, `machine` (every step of an action's life), `pauses`, `writing` (what is written), `shard` (all of it, in log order).
Nothing here reads a clock, and nothing but this writes `action.*`.
"""
