"""Tokens of programs and persons who send events or decisions. Read `scopes` (what it may), `secret` (what it looks like), `book`."""
