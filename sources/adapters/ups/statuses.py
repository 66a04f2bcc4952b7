"""What the three-digit status codes of UPS mean: the simplified texts that it shows customers, and the coarse type above them."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

STATUS = table(
    "status",
    "activity[].status.statusCode, activityStatus.descriptionCode",
    "scan",
    """
    000 = unknown               # not available
    003 = label_created
    005 = in_transit
    006 = out_for_delivery
    007 = cancelled
    010 = in_transit
    011 = delivered
    012 = customs
    013 = exception
    014 = customs               # cleared
    016 = held                  # in a warehouse
    017 = ready_for_pickup
    018 = ignored               # a wish
    019 = held                  # for a later delivery
    020 = ignored               # a wish
    021 = out_for_delivery
    022 = attempt_failed
    023 = attempt_failed
    024 = attempt_failed final_attempt
    025 = in_transit
    026 = delivered             # by the post office
    027 = ignored               # a wish
    028 = ignored               # the address was changed
    029 = exception
    030 = exception             # at the post office
    032 = delayed weather
    033 = ignored               # a wish
    034 = returned
    035 = returning
    036 = returning
    037 = out_for_delivery
    038 = accepted
    039 = in_transit
    040 = ready_for_pickup
    041 = ignored               # a wish
    042 = ignored               # another service
    043 = ignored               # a pickup was voided
    044 = label_created         # on its way to UPS
    045 = label_created         # on its way to UPS
    046 = delayed
    047 = in_transit
    048 = delayed
    049 = delayed
    050 = exception address
    051 = delayed weather
    052 = delayed weather
    053 = delayed weather
    054 = ignored               # a wish
    055 = delayed               # the delivery was moved
    056 = ignored               # a wish
    057 = in_transit            # to an access point
    058 = held customs
    059 = damaged
    060 = attempt_failed
    061 = attempt_failed
    062 = attempt_failed        # cash on delivery
    063 = ignored               # a wish was carried out
    064 = exception refused
    065 = exception pickup_failed
    066 = attempt_failed        # by the post office
    067 = returning             # by the post office
    068 = lost                  # in lost and found
    069 = exception
    070 = in_transit            # not yet at the access point
    071 = in_transit            # being prepared for delivery
    072 = in_transit            # on the vehicle, not always of the day
    073 = in_transit            # to a partner
    074 = in_transit            # with a partner
    075 = in_transit            # planned for delivery
    076 = exception             # of a partner
    077 = ignored               # a pickup is planned
    078 = out_for_delivery
    079 = label_created         # on its way to UPS
    080 = label_created
    081 = returned              # damaged
    082 = ignored               # a wish
    083 = held
    084 = customs               # cleared
    085 = held                  # cash on delivery
    086 = delayed
    087 = in_transit
    088 = ignored               # a test
    089 = out_for_delivery
    090 = delayed
    091 = out_for_delivery
    092 = customs
    093 = exception             # a premier parcel is being recovered
    094 = in_transit            # it was recovered
    095 = ignored               # a wish
    096 = ignored               # the address was changed
    097 = ignored               # a wish
    098 = ignored               # a wish
    099 = ignored               # a wish was taken
    100 = ignored               # a wish was taken
    101 = ignored               # a wish
    102 = ignored               # a wish
    103 = ignored               # a wish was taken
    104 = ignored               # a wish was taken
    105 = ignored               # a wish
    106 = ignored               # a wish was taken
    107 = ignored               # a wish
    108 = ignored               # a wish was taken
    109 = ignored               # a wish
    110 = ignored               # cooled
    111 = ignored               # a wish
    112 = ignored               # cooled
    113 = ignored               # a wish
    114 = ignored               # a wish was withdrawn
    115 = ignored               # a wish was taken
    116 = ignored               # a wish
    117 = ignored               # a wish was taken
    118 = ignored               # a wish was taken
    119 = ignored               # a wish
    120 = ignored               # a wish was taken
    121 = ignored               # a wish
    122 = ignored               # a wish was taken
    123 = held customs          # with another broker
    124 = held customs
    125 = held customs
    126 = held customs
    127 = ignored               # an investigation
    128 = ignored               # an investigation
    129 = ignored               # an investigation
    130 = ignored               # a claim
    131 = exception pickup_failed
    132 = delayed               # by airport security
    133 = ignored               # a return label was left
    134 = customs               # cleared
    135 = exception pickup_failed
    136 = ignored               # a wish
    137 = in_transit            # to a partner
    138 = in_transit            # waits for its departure
    139 = delayed
    140 = ignored               # a claim
    141 = held documents
    142 = ignored               # a claim
    143 = in_transit            # an agent has it, the recipient does not
    144 = ready_for_pickup      # at the post office
    145 = attempt_failed
    146 = out_for_delivery
    147 = failed_final          # seized
    148 = unknown               # not available
    149 = failed_final prohibited
    153 = ignored               # an estimate
    154 = ignored               # an estimate
    155 = ignored               # a photo
    156 = delivered
    157 = label_created
    158 = in_transit
    159 = in_transit
    160 = accepted              # UPS has it
    161 = ready_for_pickup      # at an access point
    162 = out_for_delivery
    163 = unknown               # not available
    164 = in_transit
    165 = in_transit
    166 = label_created
    167 = accepted              # dropped off at a store
    168 = accepted              # dropped off at a shop
    169 = accepted              # dropped off at an access point
    """,
    source="UPS Tracking and Track Alert API, appendix: status description codes; https://developer.ups.com/api/reference/tracking/appendix",
)

TYPE = table(
    "type",
    "activity[].status.type, activityStatus.type",
    "scan",
    """
    M  = label_created
    MV = cancelled              # the label was voided
    P  = accepted               # pickup
    I  = in_transit
    X  = exception
    D  = delivered
    RS = returned               # to the shipper
    O  = out_for_delivery
    DO = in_transit             # at the container station of origin (freight)
    DD = in_transit             # at the container station of destination (freight)
    W  = held                   # in a warehouse (freight)
    U  = ignored                # an estimate, a photo
    NA = unknown
    """,
    source="UPS Tracking and Track Alert API, appendix: package activity types; P, RS and O as answers state them",
)

TYPED: Final[dict[str, frozenset[str]]] = {
    "label_created": frozenset(("label_created", "cancelled")),
    "cancelled": frozenset(("cancelled",)),
    "accepted": frozenset("accepted in_transit label_created exception".split()),
    "in_transit": frozenset(
        "in_transit accepted customs out_for_delivery ready_for_pickup held delayed exception attempt_failed returning".split()
    ),
    "exception": frozenset(
        "exception attempt_failed delayed held damaged customs lost returning returned failed_final ready_for_pickup in_transit"
        " out_for_delivery cancelled".split()
    ),
    "delivered": frozenset("delivered returned ready_for_pickup out_for_delivery in_transit".split()),
    "returned": frozenset(("returned", "returning")),
    "out_for_delivery": frozenset(("out_for_delivery", "in_transit")),
    "held": frozenset(("held", "in_transit")),
    "unknown": frozenset("label_created in_transit delayed held exception".split()),
}
"""What a status code may make of a type. One that contradicts it (`M` or `I` with 011) does not count."""
