"""BigCommerce: its code tables and how it is read."""

from sources.adapters.bigcommerce.adapter import ADAPTER

__all__ = ["ADAPTER"]
