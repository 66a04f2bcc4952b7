"""Pages that count instead of listing: failure modes, load of teams, feeds. Reading order: `windows`, `kept`, `series`."""
