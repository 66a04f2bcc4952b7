"""Every adapter, one line each; the contract suites in `tests` run over all that stand here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sources.adapters import aftership, canadapost, easypost, fedex, shippo, shopify, usps, x12_214

if TYPE_CHECKING:
    from sources.adapters.base import Adapter

ADAPTERS: Final[dict[str, Adapter]] = {
    adapter.system: adapter
    for adapter in (
        easypost.ADAPTER,
        aftership.ADAPTER,
        shippo.ADAPTER,
        x12_214.ADAPTER,
        shopify.ADAPTER,
        fedex.ADAPTER,
        usps.ADAPTER,
        canadapost.ADAPTER,
    )
}  # fmt: skip
"""By system: its name on the command line and in URLs."""
