"""Mappings in a few lines, and what they make of a file."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from sources.adapters import AdapterConnection, Payload, translate
from sources.adapters.output import FAULTS
from sources.mapping.check import examine_text

if TYPE_CHECKING:
    from sources.adapters import Adapted
    from sources.adapters.coverage import Coverage
    from sources.mapping import Mapping

PLAIN = """
name: wms
format: {format}
zone: Europe/Berlin
events:
  - type: warehouse.packed
    order: order
    time: at
"""


def mapping(text: str) -> Mapping:
    """The mapping of a YAML text, which must be right."""
    found, faults = examine_text(textwrap.dedent(text))
    assert found is not None, faults
    return found


def adapted(text: str, body: str | bytes, connection: AdapterConnection | None = None, coverage: Coverage | None = None) -> Adapted:
    """What a mapping makes of a file; never by a fault of its own."""
    raw = body.encode() if isinstance(body, str) else body
    found = translate(mapping(text).adapter, Payload(raw), connection or AdapterConnection(), coverage)
    assert not [one for one in found.refused if one.reason in FAULTS]
    return found


def events(text: str, body: str | bytes, connection: AdapterConnection | None = None) -> list[dict[str, Any]]:
    """The events of a file of which nothing may be refused."""
    found = adapted(text, body, connection)
    assert found.refused == ()
    return list(found.events)


def data(rule: str, body: str, format_: str = "json", more: str = "") -> Any:
    """The `data` of the one event that a rule makes of a record."""
    text = f"name: wms\nformat: {format_}\nzone: Europe/Berlin\n{more}\nevents:\n  - {{order: order, time: at, {rule}}}\n"
    (event,) = events(text, body)
    return event["data"]
