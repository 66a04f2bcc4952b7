"""X12 214, Transportation Carrier Shipment Status: its code tables and how it is read."""

from sources.adapters.x12_214.adapter import ADAPTER

__all__ = ["ADAPTER"]
