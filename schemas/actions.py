"""The actions of the contract: what each is about, what it risks, what it needs, and who can carry it out. One table and no other.

The names that rules use for a next step are finer; `STEPS` maps each to its action. Neither is ever an assertion about the physical world:
nothing here says that goods were packed, shipped or delivered.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

ActionStateName: TypeAlias = Literal[
    "proposed", "requested", "begun", "executed", "failed", "in_doubt", "rejected", "expired", "withdrawn", "blocked"
]
Target: TypeAlias = Literal["order", "shipment", "payment", "return", "customer", "task"]
"""What an action changes. Two actions for one target exclude each other where both cannot be undone; those for tasks never do."""

FINAL: Final[frozenset[str]] = frozenset(("executed", "rejected", "expired", "withdrawn"))
"""States that an action does not leave again; `failed` is one as well where no further attempt is announced."""
UNDER_WAY: Final[frozenset[str]] = frozenset(("begun", "in_doubt"))
"""States in which an endpoint has been called, or may have been."""


class ActionSpec(NamedTuple):
    """An action. `needs` are the parameters without which it cannot be carried out; `executors` are the kinds of endpoint that can.

    `money`: it gives money or its worth away. `approval`: a person must agree, whatever the policy says. `compensation`: the action that
    makes it good, None where there is nothing to make good.
    """

    name: str
    about: str
    target: Target
    reversible: bool
    money: bool = False
    approval: bool = False
    needs: tuple[str, ...] = ()
    executors: tuple[str, ...] = ("webhook", "rest")
    compensation: str | None = None


_MAIL: Final = ("mail", "webhook", "rest")
_TASKS: Final = ("chat", "mail", "apprise", "webhook", "rest")
_NOTED: Final = (*_TASKS, "shopify")
_SHOP: Final = ("shopify", "webhook", "rest")
_MONEY: Final = ("stripe", "webhook", "rest")

_SPECS: Final = (
    ActionSpec("notify_customer", "tell the customer", "customer", reversible=False, executors=_MAIL, compensation="create_task"),
    ActionSpec("create_task", "give a team something to do", "task", reversible=True, executors=_NOTED),
    ActionSpec("escalate", "tell somebody who can decide", "task", reversible=True, executors=_NOTED),
    ActionSpec("hold_order", "stop the order before it leaves", "order", reversible=True, executors=_SHOP, compensation="release_order"),
    ActionSpec("release_order", "let a held order go on", "order", reversible=True, executors=_SHOP, compensation="hold_order"),
    ActionSpec(
        "hold_shipment", "stop a shipment before it leaves", "shipment", reversible=True, executors=_SHOP, compensation="create_task"
    ),
    ActionSpec("retry_payment", "try again to take what is owed", "payment", reversible=True, executors=_MONEY, compensation="create_task"),
    ActionSpec(
        "ask_payment_update",
        "ask the customer for another payment",
        "customer",
        reversible=False,
        executors=_MAIL,
        compensation="create_task",
    ),
    ActionSpec("reroute", "let another site or way take it", "order", reversible=True, executors=_SHOP, compensation="create_task"),
    ActionSpec("check_alternate_site", "ask other sites for stock", "task", reversible=True, executors=_TASKS),
    ActionSpec(
        "propose_substitute", "offer other goods", "order", reversible=False, approval=True, executors=_MAIL, compensation="create_task"
    ),
    ActionSpec("procurement_review", "ask purchasing", "task", reversible=True, executors=_NOTED),
    ActionSpec(
        "request_address_confirmation",
        "ask the customer for the right address",
        "customer",
        reversible=False,
        executors=_MAIL,
        compensation="create_task",
    ),
    ActionSpec("open_claim", "claim the loss from the carrier", "shipment", reversible=True, compensation="create_task"),
    ActionSpec("trace_parcel", "ask the carrier where it is", "task", reversible=True),
    ActionSpec("authorise_return", "allow a return", "return", reversible=True, compensation="create_task"),
    ActionSpec(
        "approve_refund",
        "pay money back",
        "return",
        reversible=False,
        money=True,
        approval=True,
        needs=("amount",),
        executors=_MONEY,
        compensation="create_task",
    ),
    ActionSpec(
        "approve_replacement",
        "send the goods again",
        "shipment",
        reversible=False,
        money=True,
        approval=True,
        compensation="create_task",
    ),
    ActionSpec(
        "cancel_order",
        "cancel what has not left",
        "order",
        reversible=False,
        approval=True,
        executors=("shopify", "stripe", "webhook", "rest"),
        compensation="create_task",
    ),
    ActionSpec("update_ticket", "write to the ticket what is known", "task", reversible=True, executors=("shopify", "webhook", "rest")),
    ActionSpec("intercept_shipment", "have the parcel stopped", "shipment", reversible=False, compensation="create_task"),
    ActionSpec("reconcile", "let the owner find out which system is right", "task", reversible=True, executors=_NOTED),
)

ACTIONS: Final[dict[str, ActionSpec]] = {spec.name: spec for spec in _SPECS}
"""Every action by its name."""

STEPS: Final[dict[str, str]] = {
    "ask_carrier": "trace_parcel",
    "ask_consent": "notify_customer",
    "ask_customer": "notify_customer",
    "ask_new_method": "ask_payment_update",
    "ask_payment_details": "ask_payment_update",
    "ask_warehouse": "create_task",
    "choose_remedy": "create_task",
    "close_order": "cancel_order",
    "contact_customer": "create_task",
    "create_warehouse_task": "create_task",
    "decide_reship": "create_task",
    "decide_split": "create_task",
    "file_claim": "open_claim",
    "find_order": "create_task",
    "hold_message": "create_task",
    "hold_release": "hold_order",
    "map_code": "create_task",
    "map_sku": "create_task",
    "mend_address": "create_task",
    "mend_clock": "create_task",
    "mend_rule": "create_task",
    "notify_partial": "notify_customer",
    "nudge_release": "create_task",
    "open_case": "create_task",
    "propose_reroute": "reroute",
    "reauthorise": "retry_payment",
    "rebook_pickup": "create_task",
    "recheck_label": "create_task",
    "recount": "create_task",
    "redirect_shipment": "reroute",
    "remind_customer": "notify_customer",
    "request_approval": "escalate",
    "request_documents": "create_task",
    "resource": "check_alternate_site",
    "retry_capture": "retry_payment",
    "review_order": "create_task",
    "send_proof_of_delivery": "notify_customer",
    "stop_messages": "create_task",
    "trace_request": "trace_parcel",
    "void_authorization": "create_task",
    "watch": "create_task",
}
"""The next steps that rules name by words of their own: which action each is. Whatever carries the action out reads the step beside it."""


def action_of(step: str) -> str | None:
    """The action that a step is; None if it is neither a step nor an action."""
    return step if step in ACTIONS else STEPS.get(step)
