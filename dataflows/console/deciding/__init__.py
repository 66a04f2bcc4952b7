"""Decisions made in the console. Read `verbs` (what can be decided), `reading` (about what), `wording` (from fields to a decision), `effects`
(what it would do), `taking` (by the intake that token holders use, too), `outcomes` (what became of it), `undoing`.
"""
