"""Shopify: its code tables and how it is read."""

from sources.adapters.shopify.adapter import ADAPTER

__all__ = ["ADAPTER"]
