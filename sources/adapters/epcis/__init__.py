"""EPCIS, in JSON-LD and in XML: its code tables and how it is read."""

from sources.adapters.epcis.adapter import ADAPTER

__all__ = ["ADAPTER"]
