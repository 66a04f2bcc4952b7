"""Amazon's Selling Partner API: its code tables and how it is read."""

from sources.adapters.amazon.adapter import ADAPTER

__all__ = ["ADAPTER"]
