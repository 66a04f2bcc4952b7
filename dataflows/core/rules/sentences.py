"""What an exception of each built-in kind says of its order: one sentence of the case, for people.

A sentence names what was expected and by when, what is known, and the numbers that differ. `{field}` stands for something that is known of
the case (the engine's `summary_fields` has them all); a part in square brackets is left out where one of its fields is not known.
"""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # address
    "address.change_late": "The customer asked for another address on {began}, after the label[ of {labelled}]; the parcel goes to the old one[, last seen {last_scan}].",
    "address.invalid": "The ship-to address was found undeliverable on {began}[: {reason}].",
    "address.risk": "The ship-to address was rated {risk} risk on {began}[: {reason}].",
    # conflict
    "conflict.cancelled_but_moving": "The order was cancelled on {cancelled}, and {what} moved on {began}: {event}.",
    "conflict.delivered_without_ship": "{what} was delivered on {began_event}[, before the order was placed on {placed_after}], and no warehouse had shipped it and no carrier had had it before[ by {began}].",
    "conflict.duplicate_shipment": "{what} left on {began}[ with {lines}]; what is in it had already left in full.",
    "conflict.quantity_mismatch": "By {began} {shipped_quantity} of {line} had left; the order has {ordered_quantity}.",
    "conflict.refunded_but_moving": "[{refunded} of ]the order's money went back to the customer[ on {refunded_at}], and {what} moved on {began}: {event}.",
    "conflict.released_on_credit_hold": "The warehouse went on with the order on {later} ({later_event}), and a credit hold of {began_event} was open.",
    "conflict.shipped_unpaid": "Goods left on {began_event}[, before the order was placed on {placed_after}], and by {began} nothing was captured and no authorisation in force[; {total} is owed].",
    "conflict.short_after_ship_confirm": "The picker reported a shortage on {began}[ of {sku}][: {picked} of {ordered} picked], after the hand-over had been confirmed[ on {confirmed}].",
    "conflict.status_regression": "{what} was {ended_as} on {ended_at} and was scanned {status} on {began}.",
    "conflict.tracking_reused": "Tracking number {parcel} was given to this order on {began}[; it had carried order {other}, whose parcel had ended].",
    "conflict.unordered_item": "On {began} {unordered} left, which was not ordered.",
    # data
    "data.clock_skew": "An event of {source} ({event}) is dated {dated}, {ahead} after it was logged.",
    "data.identity_unresolved": "A payment, shipment, return or invoice ID of this order also names[ order {other}]: what names it alone cannot be placed.",
    "data.orphan_signal": "An event of {source} ({event}) was logged[ on {logged}] and no order for it had been placed by {due}.",
    "data.rule_failed": "A rule failed on this order on {began} ({detail}); what it would have said is missing.",
    "data.unmapped_place": "{detail} is no code and no name of a place that is known[; times are counted in {zone} meanwhile].",
    "data.unmapped_status": "The carrier[ {carrier}] said something of {what} on {began} that no table has.",
    # fulfilment
    "fulfilment.customs_data_missing": "The warehouse[ {site}] could not ship for want of customs data on {began}[ ({sku})].",
    "fulfilment.hold_aged": "A {hold} hold of {began_event} was still open {at_due}[: {reason}].",
    "fulfilment.pack_overdue": "Not all was packed by {due}; it was picked on {picked_at}.",
    "fulfilment.pick_overdue": "Not all was picked by {due}; it was released on {released_at}.",
    "fulfilment.release_overdue": "The order had not been released to its warehouse by {due}[; it is to leave by {ship_by}].",
    "fulfilment.routing_rejected": "The site[ {site}] refused the order's routing on {began}[ ({sku})].",
    "fulfilment.ship_overdue": "{what_owed} had not left by {due}[; {missing_shipment}][; {progress}][; the delivery {promise_away}].",
    "fulfilment.split_incomplete": "Part of the order left on {began_event} and the rest had not by {due}[: {missing_shipment}].",
    "fulfilment.pickup_uncollected": "The goods had been ready to be collected since {began_event} and had not been collected by {due}.",
    # inventory
    "inventory.allocation_overdue": "No stock had been reserved for all lines by {due}; the order was placed on {placed}.",
    "inventory.backorder_aged": "A backorder of {began_event} was still open {at_due}[; stock is expected {expected}].",
    "inventory.backorder_overdue": "Stock for the backorder of {began_event} was expected by {due} and had not come.",
    "inventory.out_of_stock": "Nothing is available[ at {site}][ of {sku}][; the order needs {ordered}] (on {began}).",
    "inventory.oversold": "Stock[ of {sku}] that had been allocated was not there on {began}[: {available} available][, {ordered} ordered].",
    "inventory.partial": "Less[ of {sku}] is available[ at {site}] than the order needs[: {available} of {ordered}] (on {began}).",
    "inventory.short_pick": "The picker found less than ordered[ of {sku}][: {picked} of {ordered}] (on {began}).",
    "inventory.sku_inactive": "Product[ {sku}] is inactive in the warehouse[ {site}], which said so on {began}.",
    "inventory.sku_unknown": "The warehouse[ {site}] does not know the product[ {sku}], and said so on {began}.",
    "inventory.substitution_needed": "Product[ {sku}] was short on {began}[ ({available} of {ordered})][; offered instead: {substitutes}].",
    # order
    "order.cancel_in_flight": "Cancellation was asked for on {began}, after the release[ of {released_at}][ and the hand-over of {shipped_at}][; last seen {last_scan}].",
    "order.change_after_release": "{changed} changed on {began}, after the release[ of {released_at}].",
    "order.duplicate_suspected": "The same basket went to the same address shortly before[ as order {other}][; this one was placed on {placed}].",
    "order.master_data_incomplete": "The order was placed on {placed} with data that the policy requires missing: {detail}.",
    "order.pending_too_long": "The order was neither paid nor shipped by {due}; it was placed on {placed}[ and {total} is owed].",
    "order.price_dispute": "The customer disputed invoice[ {invoice}] on {began}[: {amount}][ against an order of {total}].",
    "order.stalled": "Nothing was heard of the order from any source by {due}; the last was {last_event}.",
    "order.validation_failed": "The warehouse[ {site}] rejected the order on {began}[ ({reason})][ for {sku}].",
    # payment
    "payment.amount_mismatch": "By {began} {captured} had been captured[, of which {went_back} went back]: {surplus} more than the order's total of {total}.",
    "payment.auth_expiring": "The authorisation[ {payment}][ of {amount}] runs out on {expires} and had not been captured by {due}[; {captured} of {total} is captured].",
    "payment.auth_missing": "Nothing had been authorised or captured by {due}; the order was placed on {placed}[ and {total} is owed].",
    "payment.capture_failed": "The capture[ of payment {payment}] failed on {began}[ ({code})][; {total} is owed].",
    "payment.capture_overdue": "Nothing[ of {total}] had been captured by {due}[; authorised on {authorized_at}][; the order left on {shipped_at}].",
    "payment.cancelled_not_refunded": "The order was cancelled on {cancelled}, and what was captured had not gone back by {due}[; {kept} is kept][; {captured} was captured, {refunded} refunded].",
    "payment.captured_after_cancel": "{amount_or_money} was captured[ by payment {payment}] on {began}, after the order had been cancelled on {cancelled}[; {kept} is kept].",
    "payment.chargeback_lost": "The dispute[ of payment {payment}] was lost on {began}[: {lost} went back to the payer][; {total} is owed][; last seen {last_scan}].",
    "payment.credit_hold_aged": "A credit hold of {began_event} was still open {at_due}[; the order is to leave by {ship_by}].",
    "payment.declined_hard": "The payment[ {payment}] was declined for good on {began}[ ({code})][; {total} is owed].",
    "payment.declined_soft": "The payment[ {payment}] was declined on {began}[ ({code})], another try may work[; {total} is owed].",
    "payment.disputed_in_flight": "The payer disputed the payment[ {payment}] on {began}[ for {amount}][ ({reason})], and the order had not been delivered[; last seen {last_scan}].",
    "payment.fraud_review_overdue": "A fraud hold of {began_event} was still open {at_due}[; {total} at stake].",
    "payment.partly_captured": "{captured} of {total} had been captured by {due}; {open} is still owed.",
    "payment.refund_exceeds_capture": "[{refunded} was refunded, ][{lost} was lost in disputes, ]and only {captured} had been captured (on {began}).",
    "payment.refund_failed": "The refund[ of payment {payment}] failed on {began}[ ({code})][; {captured} was captured].",
    "payment.invoice_overdue": "No invoice had been issued by {due}; the order left on {shipped_at}[; {total} is owed].",
    # return
    "return.inspection_overdue": "{what} arrived on {return_arrived} and had not been inspected by {due}.",
    "return.label_unused": "{what} was authorised on {return_authorized} and nothing had been sent back by {due}.",
    "return.received_not_refunded": "{what} arrived on {return_arrived} and had not been refunded by {due}[; {refunded} went back so far].",
    "return.transit_stalled": "{what} was last heard of on {began_event} ({event}) and not again by {due}.",
    # shipment
    "shipment.attempt_failed": "A delivery attempt for {what} failed on {began}[: {reason}][; promised by {promise}].",
    "shipment.attempts_exhausted": "The last delivery attempt for {what} failed on {began}[: {reason}][; attempts that failed: {attempts}].",
    "shipment.customs_hold": "Customs stopped {what} on {began}.",
    "shipment.damaged": "The carrier reported damage to {what} on {began}.",
    "shipment.delay_reported": "The carrier reported {what} as {status}[ ({reason})] on {began}[; promised by {promise}][; now expected {eta}].",
    "shipment.delivered_disputed": "The customer said on {began} that the order did not arrive[; {delivered_what} was delivered on {delivered_at}].",
    "shipment.delivery_overdue": "{what_owed} had not been delivered by {due}[; {missing_delivery}][; {not_sent}][; {under_way}][; {progress}].",
    "shipment.disposed": "The carrier disposed of {what} on {began}.",
    "shipment.documents_missing": "The carrier said on {began} that {what} waits for documents.",
    "shipment.duty_unpaid": "The carrier said on {began} that {what} waits for its duty to be paid.",
    "shipment.eta_slip": "The carrier expects {what} {eta}[; it was promised by {promise}][; first expected {first_eta}] (said on {began}).",
    "shipment.eta_passed": "The carrier expected {what} by {due} and it had not been delivered; nothing was promised[; it left on {left_on}][; last seen {last_scan}].",
    "shipment.first_scan_missing": "The carrier[ {carrier}] had not scanned {unscanned} by {due}[; handed over on {handed_over}][; labelled on {labelled}].",
    "shipment.held": "The carrier had held {what} since {began_event} and still did {at_due}[: {reason}].",
    "shipment.lost_confirmed": "The carrier said on {began} that {what} is lost.",
    "shipment.lost_suspected": "{what} was last scanned on {began_event} ({status}) and not again by {due}; it is probably lost.",
    "shipment.misrouted": "The carrier sorted {what} to the wrong place on {began}[; promised by {promise}].",
    "shipment.pickup_failed": "The carrier could not collect {what} from the warehouse on {began}.",
    "shipment.pickup_unclaimed": "{what} had waited at the pick-up point since {began_event} and had not been fetched by {due}.",
    "shipment.prohibited": "{what} may not be carried or imported, the carrier said on {began}.",
    "shipment.refused": "The recipient refused {what} on {began}.",
    "shipment.rejected_by_carrier": "The carrier refused to take {what} on {began}.",
    "shipment.return_to_sender": "{what} was turned back to the sender on {began}[: {reason}].",
    "shipment.rts_stalled": "{what} had been on its way back since {began_event} and had not arrived by {due}[; last seen {last_scan}].",
    "shipment.scan_gap": "{what} was last scanned on {began_event} ({status}) and not again by {due}[; promised by {promise}].",
    "shipment.stuck": "{what} was last scanned on {began_event} ({status}) and not again by {due}, the second gap in a row[; promised by {promise}].",
    "shipment.tracking_invalid": "The carrier did not know {what} on {began_event}, and still did not {at_due}.",
}

UNCLAIMED: Final = "An event of {source} ({event}) was logged[ on {logged}] for {alias}, and no order had claimed it by {due}."
"""What an orphan says where it is about an alias."""

AT_ONCE: Final[dict[str, str]] = {
    "shipment.lost_suspected": "The carrier let the number of {what} expire on {began}; it is probably lost.",
}
"""What a kind that usually waits for something says where an event made it true at once."""
