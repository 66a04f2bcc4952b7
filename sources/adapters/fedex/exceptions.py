"""What FedEx's exception codes say beyond the type of their event: two digits from Express, three or a letter and two from Ground."""

from __future__ import annotations

from sources.adapters.tables import table

EXCEPTION = table(
    "exception",
    "Events.StatusExceptionCode, scanEvents[].exceptionCode",
    "scan",
    """
    01   = delayed
    02   = ignored                          # left without a signature, as was agreed
    03   = exception address
    05   = delayed
    06   = attempt_failed address
    07   = exception refused
    08   = attempt_failed recipient_absent
    10   = damaged
    11   = attempt_failed recipient_absent
    12   = exception missorted
    15   = delayed
    16   = ignored                          # a payment came in
    17   = held                             # at the recipient's wish
    18   = exception missorted
    19   = ignored                          # from one hand into another
    20   = exception prohibited
    21   = delayed capacity
    22   = delayed
    29   = ignored                          # a wish of the recipient
    31   = delayed
    32   = delayed
    33   = delayed
    37   = damaged
    42   = delayed
    43   = delayed weather
    46   = delayed recipient_absent
    48   = delayed
    50   = held documents
    52   = delayed
    54   = delayed
    55   = held customs
    58   = held customs
    59   = ready_for_pickup
    62   = customs
    63   = held customs
    65   = customs
    72   = customs
    79   = delayed capacity
    84   = delayed
    85   = delayed
    89   = delayed
    91   = exception rejected
    98   = exception pickup_failed
    001  = attempt_failed
    002  = attempt_failed address
    003  = attempt_failed address
    004  = attempt_failed recipient_absent
    005  = ignored                          # where the recipient took it
    006  = exception refused
    007  = attempt_failed recipient_absent
    009  = ignored                          # who took it
    011  = delayed recipient_absent
    012  = exception missorted
    013  = ignored                          # who took it
    014  = ignored                          # where it was left
    015  = held
    015A = ready_for_pickup
    016  = delayed
    018  = ignored                          # who took it
    019  = ignored                          # who took it
    021  = ignored                          # where it was left
    025  = in_transit                       # tendered to USPS
    026  = returned
    027  = delayed
    028  = in_transit                       # tendered to a connecting carrier
    030  = exception refused
    034  = held                             # at the recipient's wish
    079  = ignored                          # from one hand into another
    082  = delayed weather
    083  = delayed
    084  = ignored                          # where it was tendered
    095  = ignored                          # from one hand into another
    100  = held                             # at the recipient's wish
    P01  = exception pickup_failed
    P10  = exception pickup_failed
    P11  = exception pickup_failed
    P14  = exception pickup_failed
    P15  = exception pickup_failed
    P16  = exception pickup_failed
    P17  = exception pickup_failed
    P25  = exception pickup_failed
    A3   = ignored                          # where it was tendered
    A12  = ignored                          # a wish of the recipient
    A13  = in_transit                       # to a counter, at the recipient's wish
    A25  = customs
    A52  = delayed
    IN001 = ignored                         # nothing yet
    """,
    source=(
        "Examples and test numbers of the FedEx Track guides; FedEx Express scan codes (DEX, STAT, PUX; also"
        " X12 element 641), two digits; FedEx Ground driver codes, three digits and P; FedEx publishes no whole list"
    ),
)

REFINES: dict[str, frozenset[str]] = {
    "exception": frozenset("exception attempt_failed delayed held damaged customs in_transit ready_for_pickup".split()),
    "delayed": frozenset(("delayed", "held")),
    "in_transit": frozenset("in_transit exception delayed held damaged customs".split()),
    "held": frozenset(("held",)),
    "delivered": frozenset(("returned", "in_transit")),
}
"""What an exception code may make of an event. One that contradicts its event does not count; of a return, it says only the reason."""
