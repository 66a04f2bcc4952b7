"""What customers are told about, and by which channels. Whoever judges a message and whoever writes its text read the same table."""

from __future__ import annotations

from typing import Final, NamedTuple

MESSAGES: Final = ("ask_payment_update", "notify_customer", "request_address_confirmation")
"""The actions that tell a customer something."""
OURS: Final = "/orderwatch"
"""Who sent a message that an action of ours carried out."""


class MessageTopic(NamedTuple):
    """What a message is about. `dated`: it says by when the goods are promised, where that lies ahead."""

    name: str
    about: str
    dated: bool = False


_TOPICS: Final = (
    MessageTopic("address", "the address cannot be delivered to"),
    MessageTopic("attempt", "a delivery was tried in vain"),
    MessageTopic("backorder", "goods are out of stock: wait or not"),
    MessageTopic("delay", "goods leave or arrive later than expected", dated=True),
    MessageTopic("delivered", "the carrier says that it was delivered; the customer says otherwise"),
    MessageTopic("duty", "customs wants duty to be paid"),
    MessageTopic("order", "anything else about the order"),
    MessageTopic("partial", "a part of the order has left, the rest follows", dated=True),
    MessageTopic("payment", "the payment is missing or did not pass"),
    MessageTopic("pickup", "goods wait to be collected"),
    MessageTopic("refund", "money cannot be paid back to where it came from"),
    MessageTopic("return", "a return that was agreed to has not been sent"),
)
TOPICS: Final[dict[str, MessageTopic]] = {topic.name: topic for topic in _TOPICS}
"""Every topic by its name."""

_BY_KIND: Final[dict[str, str]] = {
    "fulfilment.pickup_uncollected": "pickup",
    "fulfilment.split_incomplete": "partial",
    "order.pending_too_long": "payment",
    "payment.refund_failed": "refund",
    "shipment.attempt_failed": "attempt",
    "shipment.delivered_disputed": "delivered",
    "shipment.duty_unpaid": "duty",
    "shipment.pickup_unclaimed": "pickup",
}
_BY_DOMAIN: Final[dict[str, str]] = {
    "address": "address",
    "fulfilment": "delay",
    "inventory": "backorder",
    "payment": "payment",
    "return": "return",
    "shipment": "delay",
}
_BY_ACTION: Final[dict[str, str]] = {"ask_payment_update": "payment", "request_address_confirmation": "address"}
"""Of exceptions of other kinds: what an action asks for says what it is about."""

CHANNELS: Final[dict[str, tuple[str, ...]]] = {"email": ("subject", "text", "html"), "sms": ("text",), "push": ("subject", "text")}
"""The channels that texts can be written for, each with the parts of its texts; only `html` is markup."""
OPTIONAL: Final = ("html",)
"""Parts that a text may do without."""


def topic_of(kind: str, action: str = "") -> str:
    """What a message about an exception of a kind is about; of an action that was asked for without one, by what it does."""
    return _BY_KIND.get(kind) or _BY_DOMAIN.get(kind.partition(".")[0]) or _BY_ACTION.get(action, "order")


def kinds_of(topic: str) -> list[str]:
    """The kinds that a topic is named after, besides those of its domain."""
    return sorted(kind for kind, name in _BY_KIND.items() if name == topic)


def domains_of(topic: str) -> list[str]:
    """The domains whose other kinds a topic is about."""
    return sorted(domain for domain, name in _BY_DOMAIN.items() if name == topic)
