"""Decisions made in the console.

Reading order: `verbs` (what can be decided), `reading` (about what), `wording` (from fields to a decision), `effects` (what it would do),
`sending` (by the intake that token holders use, too), `outcomes` and `watching` (what became of it), `undoing` and `reversing`.
"""
