"""Adyen: its code tables and how it is read."""

from sources.adapters.adyen.adapter import ADAPTER

__all__ = ["ADAPTER"]
