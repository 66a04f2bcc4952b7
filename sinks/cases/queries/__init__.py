"""What people read from the case store: lists, one thing with all that belongs to it, search, counts. Nothing here writes.

Each function takes an open connection, and where time matters the instant of looking. A list comes in pages, each with the cursor of the
next one; all pages of a list are as of the instant at which its first was asked for.

Reading order: `rows`, `wanted`, `gravity`, `cursors`, `exceptions`, `actions`, `detail`, `search`, `counts`, `standing`.
"""
