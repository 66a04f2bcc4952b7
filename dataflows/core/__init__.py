"""Pure logic: timeline, facts, rules, policy, deadlines, identity. No Bytewax, no broker, no clock, no input or output.

Reading order: `CATALOGUE.md` (what every kind means), `clocks` (instants and calendars), `policy` (limits and switches), `history` (one
order's timeline, and the facts that follow from it), `predicates` (conditions that users write), `rules` (when something is wrong),
`engine` (what changes, when to check next, what is published; many orders in a shard), `identity` (which order an event belongs to;
beside the others).
"""
