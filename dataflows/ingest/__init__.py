"""Intake as a process: the webhook gateway (`gateway`, `connections`, `metrics`), and payloads from files (`adapt`, `coverage`)."""
