"""Magento and Adobe Commerce: its code tables and how it is read."""

from sources.adapters.magento.adapter import ADAPTER

__all__ = ["ADAPTER"]
