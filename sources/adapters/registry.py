"""Every adapter, one line each; the contract suites in `tests` run over all that stand here."""

from __future__ import annotations

from typing import Final

from sources.adapters import (
    adyen,
    aftership,
    amazon,
    bigcommerce,
    canadapost,
    dhl,
    easypost,
    epcis,
    fedex,
    magento,
    paypal,
    shippo,
    shopify,
    stripe,
    ups,
    usps,
    woocommerce,
    x12_214,
)
from sources.adapters.base import Adapter

ADAPTERS: Final[dict[str, Adapter]] = {
    adapter.system: adapter
    for adapter in (
        easypost.ADAPTER,
        aftership.ADAPTER,
        shippo.ADAPTER,
        stripe.ADAPTER,
        paypal.ADAPTER,
        adyen.ADAPTER,
        shopify.ADAPTER,
        woocommerce.ADAPTER,
        magento.ADAPTER,
        bigcommerce.ADAPTER,
        amazon.ADAPTER,
        x12_214.ADAPTER,
        epcis.ADAPTER,
        fedex.ADAPTER,
        ups.ADAPTER,
        usps.ADAPTER,
        dhl.ADAPTER,
        canadapost.ADAPTER,
    )
}  # fmt: skip
"""By system: its name on the command line and in URLs."""
