"""The pure heart: timeline, rules, policy, deadlines. No engine, no broker, no clock, no input or output.

Reading order: `CATALOGUE.md` (what every kind means), `timeline` (one order's history), `facts` with `shipments`, `holds` and `quantities`
(what the history says), `conditions` and `rules` (when something is wrong), `ledger` (what was said, and the difference), `engine` with
`profile` and `order` (what to look at, and when), `shard` (many orders, one heap of deadlines), `publisher` and `verdicts` (the words
out), `storage` (an order as bytes). Beside them: `clocks` (instants and calendars), `policy` (what is expected), `identity` (whose an
event is).
"""
