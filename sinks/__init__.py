"""Where output records go. Each sink states its guarantee; none knows the core or the sources."""
