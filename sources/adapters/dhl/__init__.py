"""DHL: its code tables and how it is read."""

from sources.adapters.dhl.adapter import ADAPTER

__all__ = ["ADAPTER"]
