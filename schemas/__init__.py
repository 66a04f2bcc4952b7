"""The contract: events in, exceptions and actions out. The rest of the system imports this; it imports nothing of it.

Reading order: `values` (identifiers, amounts, instants), `events` (what may come in; the contract's source of truth), `aliases` (the
identifiers by which an event finds its order), `envelope` (CloudEvents), `wire` (bytes -> `Event`, or `Rejected` with a reason; `structs`
derives its types from the models), `patch` (order updates), `record` (an event at its place in the log), `storage` (the compact form that
open orders are kept in), `output_events` (what goes out), `export` (JSON Schema and AsyncAPI).
"""
