"""Shopify's webhook topics and what they become."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

_OTHERS: Final = {
    "no step of an order": (
        "app: scopes_update uninstalled; app_purchases_one_time: update; app_subscriptions: approaching_capped_amount update;"
        " audit_events: admin_api_activity; bulk_operations: finish; channels: delete; domains: create destroy update;"
        " finance_app_staff_member: delete grant revoke update; finance_kyc_information: update; locales: create destroy update;"
        " shop: redact update; tax_partners: update; tax_services: create update; tax_summaries: create;"
        " themes: create delete publish update; publications: delete; segments: create delete update;"
        " metafield_definitions: create delete update; metaobjects: create delete update; delivery_promise_settings: update"
    ),
    "what is sold, not what was ordered": (
        "collection_listings: add remove update; collection_publications: create delete update; collections: create delete update;"
        " discounts: create delete redeemcode_added redeemcode_removed update; gift_cards: create delete update;"
        " markets: create delete update; markets_backup_region: update; product_listings: add remove update;"
        " product_feeds: create full_sync full_sync_finish incremental_sync update; product_publications: create delete update;"
        " products: create delete update; scheduled_product_listings: add remove update; selling_plan_groups: create delete update;"
        " variants: in_stock out_of_stock"
    ),
    "stock and places, not one order's goods": (
        "inventory_items: create delete update; inventory_levels: connect disconnect update;"
        " inventory_shipments: add_items create delete mark_in_transit receive_items remove_items update_item_quantities update_tracking;"
        " inventory_transfers: add_items cancel complete ready_to_ship remove_items update_item_quantities;"
        " locations: activate create deactivate delete update; profiles: create delete update"
    ),
    "people, not orders": (
        "companies: create delete update; company_contact_roles: assign revoke; company_contacts: create delete update;"
        " company_locations: create delete update; customer_account_settings: update; customer_groups: create delete update;"
        " customer_payment_methods: create revoke update;"
        " customers: create data_request delete disable enable merge purchasing_summary redact update;"
        " customers_email_marketing_consent: update; customers_marketing_consent: update; shipping_addresses: create update"
    ),
    "before there is an order": (
        "carts: create update; checkouts: create delete update; draft_orders: create delete update;"
        " subscription_billing_attempts: challenged failure success; subscription_billing_cycle_edits: create delete update;"
        " subscription_billing_cycles: skip unskip; subscription_contracts: activate cancel create expire fail pause update"
    ),
    "the order's next snapshot has its terms": "payment_schedules: due; payment_terms: create delete update",
}
"""Topics that say nothing of an order, by why."""


def _ignored() -> str:
    rows: list[str] = []
    for why, families in _OTHERS.items():
        for family in families.split(";"):
            name, _, actions = family.partition(":")
            rows += [f"{name.strip()}/{action} = ignored # {why}" for action in actions.split()]
    return "\n".join(rows)


TOPIC = table(
    "topic",
    "x-shopify-topic",
    "type",
    """
    orders/create                       = order.placed
    orders/updated                      = order.updated order.placed   # a snapshot: it tells again what a lost webhook would have told
    orders/paid                         = order.updated order.placed   # as orders/updated
    orders/fulfilled                    = order.updated order.placed   # as orders/updated
    orders/partially_fulfilled          = order.updated order.placed   # as orders/updated
    orders/cancelled                    = order.cancelled order.updated order.placed
    orders/edited                       = ignored   # differences of lines by ID only; the orders/updated beside it has the lines
    orders/delete                       = ignored   # only archived or cancelled orders can be deleted: neither goods nor money move by it
    orders/link_requested               = ignored   # the customer asks for a link to the order
    orders/risk_assessment_changed      = ignored   # an opinion; where it stops the order, there is a hold
    orders/shopify_protect_eligibility_changed = ignored   # who bears a chargeback's cost
    order_transactions/create           = payment.captured payment.authorized payment.refunded payment.voided payment.failed
    tender_transactions/create          = ignored   # the same money as its order_transactions/create
    refunds/create                      = payment.refunded payment.failed
    disputes/create                     = payment.disputed payment.dispute_closed
    disputes/update                     = payment.disputed payment.dispute_closed
    fulfillments/create = warehouse.shipped warehouse.label_created warehouse.shipment_cancelled warehouse.rejected carrier.scan
    fulfillments/update = warehouse.shipped warehouse.label_created warehouse.shipment_cancelled warehouse.rejected carrier.scan
    fulfillment_events/create           = carrier.scan
    fulfillment_events/delete           = evidence.withdrawn
    fulfillment_holds/added             = order.hold_placed
    fulfillment_holds/released          = order.hold_released
    fulfillment_orders/placed_on_hold   = order.hold_placed
    fulfillment_orders/hold_released    = order.hold_released
    fulfillment_orders/fulfillment_request_accepted = warehouse.released
    fulfillment_orders/progress_reported = warehouse.released
    fulfillment_orders/fulfillment_request_rejected = warehouse.rejected
    fulfillment_orders/fulfillment_service_failed_to_complete = warehouse.rejected
    fulfillment_orders/cancellation_request_submitted = order.cancel_requested
    fulfillment_orders/line_items_prepared_for_pickup = warehouse.packed
    fulfillment_orders/line_items_prepared_for_local_delivery = warehouse.packed
    fulfillment_orders/fulfillment_request_submitted = ignored   # asked of the warehouse; released when it accepts
    fulfillment_orders/cancellation_request_accepted = ignored   # the warehouse stops; the order itself may go on elsewhere
    fulfillment_orders/cancellation_request_rejected = order.cancel_declined   # the warehouse goes on
    fulfillment_orders/cancelled        = ignored   # its work goes on in the replacement; orders/cancelled ends an order
    fulfillment_orders/manually_reported_progress_stopped = ignored   # open again, as before it was in progress
    fulfillment_orders/merged           = ignored   # the same work in other parts
    fulfillment_orders/moved            = ignored   # the same work at another place
    fulfillment_orders/order_routing_complete = ignored   # where the work will be done; not that it began
    fulfillment_orders/rescheduled      = ignored   # names no order to move the date of; the API's list has it
    fulfillment_orders/scheduled_fulfillment_order_ready = ignored   # work may begin
    fulfillment_orders/split            = ignored   # the same work in other parts
    returns/request                     = return.requested return.authorized
    returns/approve                     = return.authorized return.requested
    returns/reopen                      = return.authorized return.requested
    returns/decline                     = return.cancelled return.requested
    returns/cancel                      = return.cancelled return.authorized
    returns/close                       = ignored   # done with, whether or not goods came back
    returns/process                     = ignored   # does not say what came back
    returns/update                      = ignored   # lines and fees by ID only
    reverse_deliveries/attach_deliverable = return.authorized   # the return's label: no parcel is on its way by it
    reverse_fulfillment_orders/dispose  = ignored   # names neither the return nor the order
    """
    + _ignored(),
    source="Shopify webhook topics; https://shopify.dev/docs/api/webhooks",
)
