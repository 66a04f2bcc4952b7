"""What an action that a person asks for is carried out with: the fields of its form, and the parameters that come of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, NamedTuple

from dataflows.console.text import mark
from dataflows.core.rules.legality import legal
from schemas.actions import ACTIONS
from schemas.messages import CHANNELS, MESSAGES, TOPICS, topic_of

Form = Literal["text", "money", "choice", "date", "target"]
MOST: Final = 500
"""Characters of a text among the parameters."""
MOST_DIGITS: Final = 12


class Parameter(NamedTuple):
    """A field of an action. `target`: which part of the order it is about, where the order has several."""

    name: str
    form: Form
    label: str
    needed: bool = False
    choices: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What is known of an order that an action is for. `kind`, `scope`: of the exception."""

    kind: str
    scope: str | None
    total: Decimal | None
    currency: str | None
    shipments: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


_TASK: Final = Parameter("task", "text", mark("What is to be done"), hint=mark("It stands in the log, so it names no customer."))
_DATE: Final = Parameter("promised_by", "date", mark("The date that it names"))
_CHANNEL: Final = Parameter(
    "channel", "choice", mark("Channel"), choices=tuple(CHANNELS), hint=mark("Empty: what the policy and the customer's consents say.")
)
_SHIPMENT: Final = Parameter("target", "target", mark("Shipment"), choices=("shipment",))
_PAYMENT: Final = Parameter("payment_id", "target", mark("Payment"), choices=("payment",))
_AMOUNT: Final = Parameter("amount", "money", mark("Amount"), needed=True)
_SITE: Final = Parameter("site", "text", mark("To which site"))
_LINES: Final = Parameter("lines", "text", mark("Which lines"), hint=mark("It stands in the log, so it names no customer."))

FIELDS: Final[dict[str, tuple[Parameter, ...]]] = {
    "notify_customer": (Parameter("topic", "choice", mark("About"), choices=tuple(TOPICS)), _CHANNEL, _DATE),
    "ask_payment_update": (_CHANNEL,),
    "request_address_confirmation": (_CHANNEL,),
    "propose_substitute": (Parameter("substitute", "text", mark("Which goods instead"), needed=True),),
    "create_task": (_TASK,),
    "escalate": (_TASK,),
    "procurement_review": (_TASK,),
    "check_alternate_site": (_TASK,),
    "reconcile": (_TASK,),
    "update_ticket": (_TASK,),
    "trace_parcel": (_TASK,),
    "reroute": (_SITE,),
    "hold_shipment": (_SHIPMENT,),
    "intercept_shipment": (_SHIPMENT,),
    "open_claim": (_SHIPMENT,),
    "retry_payment": (_PAYMENT,),
    "approve_refund": (_AMOUNT, _PAYMENT),
    "approve_replacement": (_SHIPMENT, _LINES),
    "authorise_return": (_LINES,),
}
"""By action, its fields; an action that is not here has none. What an action needs stands in `ACTIONS`, and a test compares."""
GROUPS: Final = (mark("Tell somebody"), mark("Change the order"), mark("Money, or what cannot be undone"))


def offered(kind: str) -> list[tuple[str, list[str]]]:
    """The actions that may be asked for about an exception of a kind, in groups."""
    groups: list[list[str]] = [[], [], []]
    for name in sorted(legal(kind)):
        spec = ACTIONS[name]
        grave = spec.money or not spec.reversible
        groups[2 if grave and name not in MESSAGES else 0 if spec.target in ("task", "customer") else 1].append(name)
    return [(title, names) for title, names in zip(GROUPS, groups, strict=True) if names]


def choices_of(parameter: Parameter, known: KnownOrder) -> tuple[str, ...]:
    """What can be chosen in a field."""
    if parameter.form != "target":
        return parameter.choices
    return {"shipment": known.shipments, "payment": known.payments, "return": known.returns}[parameter.choices[0]]


def read_parameters(
    action: str, given: Mapping[str, str], known: KnownOrder
) -> tuple[dict[str, object], dict[str, tuple[str, Mapping[str, object]]]]:
    """The parameters that a form states, and what is wrong with its fields: by name a text and what fills it."""
    found: dict[str, object] = {"kind": known.kind, "scope": known.scope} if known.kind else {}
    problems: dict[str, tuple[str, Mapping[str, object]]] = {}
    for parameter in FIELDS.get(action, ()):
        text = given.get(f"p-{parameter.name}", "").strip()
        if not text:
            if parameter.needed:
                problems[parameter.name] = (NEEDED, {})
            continue
        value = _value(parameter, text, given.get("p-currency", "").strip().upper() or (known.currency or ""), known)
        if isinstance(value, tuple):
            problems[parameter.name] = value
        else:
            found[parameter.name] = value
    if action in MESSAGES and "topic" not in found:
        found["topic"] = topic_of(known.kind, action)
    return found, problems


NEEDED: Final = mark("Fill this in: it cannot be carried out without.")
NO_AMOUNT: Final = mark("Write an amount such as 12.90.")
NO_CURRENCY: Final = mark("Write a currency such as EUR.")
ABOVE_TOTAL: Final = mark("It is more than the order is worth.")
NO_CHOICE: Final = mark("Choose one of those that are shown.")
NO_DATE: Final = mark("Write a date.")
TOO_LONG: Final = mark("At most %(most)s characters.")
Problem = tuple[str, Mapping[str, object]]


def _value(parameter: Parameter, text: str, currency: str, known: KnownOrder) -> object | Problem:
    match parameter.form:
        case "money":
            return _money(text, currency, known)
        case "date":
            return _date(text)
        case "choice" | "target":
            choices = choices_of(parameter, known)
            if text not in choices:
                return NO_CHOICE, {}
            return f"{parameter.choices[0]}:{text}" if parameter.name == "target" else text
        case _:
            return text if len(text) <= MOST else (TOO_LONG, {"most": MOST})


def _money(text: str, currency: str, known: KnownOrder) -> object | Problem:
    try:
        value = Decimal(text.replace(",", ".", 1))
    except InvalidOperation:
        return NO_AMOUNT, {}
    if not value.is_finite() or value <= 0 or len(value.as_tuple().digits) > MOST_DIGITS or -int(value.as_tuple().exponent) > 4:
        return NO_AMOUNT, {}
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        return NO_CURRENCY, {}
    if known.total is not None and known.currency == currency and value > known.total:
        return ABOVE_TOTAL, {}
    return {"amount": f"{value:f}", "currency": currency}


def _date(text: str) -> object | Problem:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return NO_DATE, {}


def defaults(action: str, known: KnownOrder) -> dict[str, str]:
    """What the fields hold before somebody has written anything: what can only be one."""
    found = {"p-currency": known.currency or ""}
    for parameter in FIELDS.get(action, ()):
        choices: Sequence[str] = choices_of(parameter, known)
        if parameter.form == "target" and len(choices) == 1:
            found[f"p-{parameter.name}"] = choices[0]
        if parameter.name == "topic":
            found["p-topic"] = topic_of(known.kind, action)
    return found
