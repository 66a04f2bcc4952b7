"""What an operator sees of a running engine: metrics, health, logs. Read `catalogue` for what there is, `observer` for how it is filled."""

from dataflows.observe.observer import Observer

__all__ = ["Observer"]
