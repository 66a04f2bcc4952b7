"""The parts of the independent judge: slow, obvious, and sharing no code with the engine."""
