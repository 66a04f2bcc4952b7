"""The words: events in, exceptions and actions out. The rest of the system imports this; it imports nothing of it.

Reading order: `events` (what may come in; the contract's source of truth), `wire` (bytes -> `Event`, or `Rejected` with a reason),
`patch` (order updates), `record` (an event at its place in the log), `aliases` (the identifiers that an event carries),
`storage` (the compact form that open orders are kept in), `verdicts` (what goes out), `export` (JSON Schema and AsyncAPI).
"""
