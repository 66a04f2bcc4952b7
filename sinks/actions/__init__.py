"""Where actions go: what carries them out, and the texts of messages to customers."""
