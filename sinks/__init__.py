"""Where verdicts go. Each sink states its guarantee; none knows the heart or the sources."""
