"""UPS: its code tables and how it is read."""

from sources.adapters.ups.adapter import ADAPTER

__all__ = ["ADAPTER"]
