"""Decisions made in the console.

Reading order: `verbs` (what can be decided), `reading` (about what), `wording` (from fields to a decision), `effects` (what it would do),
`taking` (by the intake that token holders use, too), `sending`, `outcomes` and `watching` (what became of it), `undoing` and `reversing`.
"""
