"""FedEx Web Services: its code tables and how it is read."""

from sources.adapters.fedex.adapter import ADAPTER

__all__ = ["ADAPTER"]
