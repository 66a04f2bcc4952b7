"""Stripe: its code tables and how it is read."""

from sources.adapters.stripe.adapter import ADAPTER

__all__ = ["ADAPTER"]
