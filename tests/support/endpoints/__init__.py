"""Real local servers that stand for endpoints: one that misbehaves as it is asked, and one for each vendor's documented API."""
