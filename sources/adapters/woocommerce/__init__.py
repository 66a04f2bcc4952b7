"""WooCommerce: its code tables and how it is read."""

from sources.adapters.woocommerce.adapter import ADAPTER

__all__ = ["ADAPTER"]
