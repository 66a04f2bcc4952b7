"""What happened to one order: its timeline, and the facts, shipments, holds and quantities that follow from it."""
