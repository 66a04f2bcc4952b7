"""Canada Post tracking: its code tables and how it is read."""

from sources.adapters.canadapost.adapter import ADAPTER

__all__ = ["ADAPTER"]
