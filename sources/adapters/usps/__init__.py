"""USPS Web Tools: its code tables and how it is read."""

from sources.adapters.usps.adapter import ADAPTER

__all__ = ["ADAPTER"]
