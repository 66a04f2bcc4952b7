"""What pages learn while they are open: one look at the store for all of them, and what each is told of it.

Reading order: `interests`, `notices`, `standing`, `hub`, `stream`, `resting`, `opening`.
"""
