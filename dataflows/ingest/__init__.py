"""Intake as a process: the webhook gateway, and payloads of real systems adapted from files."""
