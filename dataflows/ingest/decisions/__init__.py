"""Decisions that come by `POST /decisions`. Read `checks` (what one must be), `expected` (concurrent edits), `intake` (all of it)."""
