"""PayPal: its code tables and how it is read."""

from sources.adapters.paypal.adapter import ADAPTER

__all__ = ["ADAPTER"]
