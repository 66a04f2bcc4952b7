"""Rules of the user: entries under `custom_rules` of a policy file, each a rule of the kind `custom.NAME`. See USER-RULES.md.

Reading order: `terms` (what an entry can speak of, as data), `subjects` (the parts of an order), `reading` (terms as functions of facts),
`dates`, `anchors`, `forms` and `judging` (its judge), `inputs` (its triggers), then how an entry is read:
`entry`, `term_reader`, `parse`, `doubts` (what can never be true), and `build` (the `Rule`).
"""
