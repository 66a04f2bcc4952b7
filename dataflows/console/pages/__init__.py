"""The page of an exception and the page of an order: what stands on them, made of rows of the store.

Reading order: `arithmetic` and `calendars` (a deadline's parts, and when it stood still), `words`, `entries`, `bars`, `promises` (what the
timeline shows), `story`, `life` (what changed at each event), `records` (source records), `opening` (what is opened once).
"""
