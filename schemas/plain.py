"""What a YAML or JSON document holds, as plain data. It imports no parser."""

from __future__ import annotations

Data = str | list["Data"] | dict[str, "Data"] | None
