"""What follows from decisions: cases with their clocks and their escalation. Pure, like all of core."""
