"""Real payloads and the project's own, and what is expected of them.

Samples of real systems lie beside the checkout (`../shared/data/payloads`), since their licences bar them from the product; the project's
own payloads lie in `tests/unit/adapters/payloads/SYSTEM`. What each becomes stands in `tests/unit/adapters/expected/SYSTEM.jsonl`, a line
per payload, as a person wrote it down or checked it. `python -m tests.support.adapters SYSTEM` prints what is made of them now, `--write`
writes it: read the difference before you commit it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from sources.adapters import ADAPTERS, AdapterConnection, translate
from sources.adapters.captured import payload_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sources.adapters import Adapted
    from sources.adapters.output import Draft

HERE = Path(__file__).resolve().parent.parent
SHARED = HERE.parent.parent / "shared" / "data" / "payloads"
OWN = HERE / "unit" / "adapters" / "payloads"
EXPECTED = HERE / "unit" / "adapters" / "expected"
CONNECTION = AdapterConnection(zone="America/New_York", accept_test=True)
"""What the expected results rest on: test mode is taken, and a local time of nowhere is New York's."""

Line: TypeAlias = dict[str, Any]

SAMPLES: dict[str, tuple[str, ...]] = {
    "easypost": ("easypost/*.json",),
    "aftership": ("aftership/*.json",),
    "shippo": ("shippo/*.json",),
    "shopify": ("shopify/*.json",),
    "stripe": ("stripe/*.json",),
    "adyen": ("adyen/*.json",),
    "paypal": ("paypal/*.json",),
    "fedex": ("carrier_xml/xml__fedex__*.xml",),
    "ups": (),
    "usps": ("carrier_xml/xml__usps__*.xml", "carrier_xml/xml__stamps__*.xml"),
    "dhl": (),
    "canadapost": ("carrier_xml/xml__canadapost_pws__*.xml",),
    "x12_214": (),
    "epcis": (),
    "woocommerce": (),
    "magento": (),
    "bigcommerce": (),
    "amazon": (),
}
"""By system: which of the real samples are its own."""


def payloads(system: str) -> Iterator[tuple[str, Path]]:
    """The payloads of a system by name: `shared/…` where the samples are there, and `own/…`."""
    for pattern in SAMPLES[system]:
        for path in sorted(SHARED.glob(pattern)):
            yield f"shared/{path.relative_to(SHARED)}", path
    for path in sorted((OWN / system).glob("*")):
        yield f"own/{path.relative_to(OWN)}", path


def made_of(system: str, path: Path, connection: AdapterConnection = CONNECTION) -> Adapted:
    """What a system's adapter makes of a file."""
    return translate(ADAPTERS[system], payload_of(path.read_bytes()), connection)


def line_of(name: str, adapted: Adapted) -> Line:
    """A line of expected results: events without what all have in common."""
    line: Line = {"payload": name, "events": [short(event) for event in adapted.events]}
    if adapted.refused:
        line["refused"] = [[one.reason, one.detail] for one in adapted.refused]
    if adapted.ignored:
        line["ignored"] = [list(one) for one in adapted.ignored]
    return line


def short(event: Draft) -> Draft:
    """An event without the attributes that all events have."""
    return {name: value for name, value in event.items() if name not in ("specversion", "dataschema", "tenant")}


def expected(system: str) -> dict[str, Line]:
    """The expected lines of a system, by payload."""
    path = EXPECTED / f"{system}.jsonl"
    if not path.exists():
        return {}
    lines = (cast("Line", json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {line["payload"]: line for line in lines}


def main(arguments: list[str]) -> int:
    """Prints or writes what is made of the payloads of systems."""
    write = "--write" in arguments
    for system in [one for one in arguments if not one.startswith("-")] or list(ADAPTERS):
        lines = expected(system) | {name: line_of(name, made_of(system, path)) for name, path in payloads(system)}
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines.values())
        if write:
            EXPECTED.mkdir(parents=True, exist_ok=True)
            (EXPECTED / f"{system}.jsonl").write_text(text, encoding="utf-8")
        else:
            sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
