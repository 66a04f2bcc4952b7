"""Stories: short histories with what must be said of them, and when. `orderwatch policy test` and our own tests read them alike.

Reading order: `times` (how instants are written), `events` (the short form of contract events), `story` (a file of stories, and what is
wrong with it), `run` (what the engine says of one, and the difference).
"""
