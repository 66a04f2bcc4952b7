"""EPCIS 2.0 in JSON-LD: its code tables and how it is read."""

from sources.adapters.epcis.adapter import ADAPTER

__all__ = ["ADAPTER"]
