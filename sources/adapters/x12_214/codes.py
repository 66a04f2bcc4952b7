"""What the codes of an X12 214 become. X12 owns the lists; the meanings are ours."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

SETS = table(
    "set",
    "interchanges[].sets[].ST.01",
    "type",
    """
    214 = carrier.scan
    990 = ignored    # the carrier's answer to a load tender: an agreement, not a movement
    997 = ignored    # acknowledges that a message could be read
    999 = ignored    # acknowledges that a message could be read
    824 = ignored    # says whether a message was accepted
    204 = ignored    # a load tender: what the shipper asks for
    211 = ignored    # a bill of lading: what the shipper asks for
    210 = ignored    # the carrier's own freight bill
    110 = ignored    # the carrier's own freight bill
    212 = ignored    # a manifest of a trailer, without statuses
    213 = ignored    # an inquiry
    864 = ignored    # text for a person
    """,
    source="ASC X12, transaction set identifier code (element 143)",
)

STATUS = table(
    "status",
    "interchanges[].sets[].LX[].AT7[].01",
    "scan",
    """
    A3 = returned
    A7 = exception refused
    A9 = damaged
    AF = accepted                # left the pick-up location with the goods: the carrier has them
    AG = unknown                 # an estimate of the delivery: told as an ETA
    AH = attempt_failed
    AI = in_transit              # goes to another consignee now
    AJ = out_for_delivery
    AM = in_transit              # on the truck, here or at any terminal
    AN = in_transit              # goes by air from here
    AP = exception
    AR = in_transit
    AV = ready_for_pickup
    AW = ready_for_pickup
    B6 = ignored                 # an estimate of the arrival at a terminal, not of the delivery
    BA = in_transit
    BC = held                    # in store on the way
    C1 = ignored                 # an estimate of the departure from a terminal
    CA = cancelled
    CB = delivered               # the last part of what was delivered in parts
    CD = delivered
    CL = in_transit
    CP = accepted                # loaded: the carrier has the goods, though it stands at the pick-up location
    D1 = delivered
    I1 = in_transit
    J1 = in_transit              # another carrier goes on
    K1 = customs
    L1 = label_created           # loading has begun, the hand-over is not done
    OA = in_transit
    OO = label_created           # the papers came without the goods
    P1 = in_transit
    PA = exception other         # a part is delivered and another is not: only CB or D1 delivers
    PR = held customs
    R1 = in_transit
    RL = in_transit
    S1 = out_for_delivery        # the trailer stands at the consignee's, not unloaded
    SD = delayed
    X1 = out_for_delivery        # at the delivery location, not unloaded
    X2 = unknown                 # an estimate of the arrival at the consignee's: told as an ETA
    X3 = label_created           # the driver arrives at the pick-up: no possession
    X4 = in_transit
    X5 = out_for_delivery        # at the consignee's dock, not unloaded
    X6 = in_transit
    X8 = label_created           # the driver is at the pick-up's dock: no possession
    XB = label_created
    """,
    source="ASC X12, shipment status code (element 1650); https://www.stedi.com/edi/x12-004030/element/1650",
)

ESTIMATES: Final = frozenset(("AG", "X2"))
"""Statuses whose time is when the carrier expects to deliver."""

REASON = table(
    "reason",
    "interchanges[].sets[].LX[].AT7[].02",
    "reason",
    """
    A1 = other
    A2 = address
    A3 = other
    A5 = address          # the consignee's place was not found
    A6 = address
    AA = missorted
    AD = other
    AE = prohibited
    AF = other
    AG = other
    AH = other
    AI = other
    AJ = other
    AK = other
    AL = other
    AM = other
    AN = other
    AO = weather
    AP = other
    AQ = recipient_absent
    AR = documents
    AS = documents
    AT = customs          # the customs broker is not known, and nobody can be asked
    AU = other
    AV = other
    AW = other
    AX = pickup_failed
    AY = pickup_failed
    AZ = other
    B1 = recipient_absent
    B2 = other
    B4 = other
    B5 = other
    B8 = other
    B9 = other
    BB = other
    BC = documents
    BD = customs
    BE = other
    BF = other
    BG = other
    BH = other
    BI = other
    BJ = other
    BK = other
    BL = other
    BM = capacity
    BN = other
    BO = other
    BP = other
    BQ = other
    BR = other
    BS = refused
    BT = other
    C1 = other
    C2 = other
    C3 = other
    C4 = recipient_absent
    C5 = other
    C6 = other
    C7 = other
    C8 = other
    C9 = other
    CA = customs
    CB = other
    CC = other
    D1 = other
    D2 = capacity
    F1 = customs
    F2 = other
    HB = other
    NA = ignored          # nothing out of the ordinary with an appointment
    NS = ignored          # nothing out of the ordinary
    P1 = other
    P2 = other
    P3 = other
    P4 = other
    RC = other
    S1 = other
    T1 = capacity
    T2 = capacity
    T3 = capacity
    T4 = capacity
    T5 = capacity
    T6 = capacity
    T7 = other
    """,
    source="ASC X12, shipment status or appointment reason code (element 1651); https://www.stedi.com/edi/x12-005010/element/1651",
)

APPOINTMENT = table(
    "appointment",
    "interchanges[].sets[].LX[].AT7[].03",
    "step",
    """
    AA = ignored     # a pick-up, not a delivery
    AB = estimate
    AC = estimate
    ED = ignored     # the earliest delivery that is allowed is no estimate
    EP = ignored     # a pick-up, not a delivery
    LD = ignored     # the latest delivery that is allowed is no estimate
    LP = ignored     # a pick-up, not a delivery
    X9 = estimate
    XA = ignored     # a pick-up, not a delivery
    """,
    source="ASC X12, shipment appointment status code (element 1652)",
)

TIME = table(
    "time",
    "interchanges[].sets[].LX[].AT7[].07",
    "step",
    """
    LT = local       # of the place in MS1
    UT = +00:00
    GM = +00:00
    ET = America/New_York
    ES = -05:00
    ED = -04:00
    CT = America/Chicago
    CS = -06:00
    CD = -05:00
    MT = America/Denver
    MS = -07:00
    MD = -06:00
    PT = America/Los_Angeles
    PS = -08:00
    PD = -07:00
    AT = America/Anchorage
    AS = -09:00
    AD = -08:00
    HT = Pacific/Honolulu
    HS = -10:00
    HD = -09:00
    TT = America/Halifax
    TS = -04:00
    TD = -03:00
    NT = America/St_Johns
    NS = -03:30
    ND = -02:30
    01 = +01:00
    02 = +02:00
    03 = +03:00
    04 = +04:00
    05 = +05:00
    06 = +06:00
    07 = +07:00
    08 = +08:00
    09 = +09:00
    10 = +10:00
    11 = +11:00
    12 = +12:00
    13 = -12:00
    14 = -11:00
    15 = -10:00
    16 = -09:00
    17 = -08:00
    18 = -07:00
    19 = -06:00
    20 = -05:00
    21 = -04:00
    22 = -03:00
    23 = -02:00
    24 = -01:00
    """,
    source="ASC X12, time code (element 623); https://www.stedi.com/edi/x12-003050/element/623",
)

REFERENCE = table(
    "reference",
    "interchanges[].sets[].L11[].02",
    "step",
    """
    CN = tracking      # the carrier's own number, the PRO
    2I = tracking
    SI = shipment
    BM = shipment
    QN = stop          # tells the stops of one truckload apart
    MB = ignored       # a master bill of lading covers several shipments
    PO = ignored       # names an order only where order_field says so
    CO = ignored       # names an order only where order_field says so
    SO = ignored       # names an order only where order_field says so
    ON = ignored       # names an order only where order_field says so
    DO = ignored       # names an order only where order_field says so
    VN = ignored       # names an order only where order_field says so
    CR = ignored       # the customer's reference, of whatever
    IN = ignored       # an invoice
    MA = ignored       # a manifest
    PK = ignored       # a packing list
    P8 = ignored       # a pick-up
    AO = ignored       # an appointment
    LO = ignored       # a load
    BN = ignored       # a booking
    DK = ignored       # a dock
    SN = ignored       # a seal
    EQ = ignored       # equipment
    DP = ignored       # a department
    IA = ignored       # a vendor
    2H = ignored       # the sender's own number
    ZZ = ignored       # agreed between two parties: what it is, the file does not say
    """,
    source="ASC X12, reference identification qualifier (element 128), those that carriers' guides to the 214 use",
)

MARKER = table(
    "mark",
    "interchanges[].sets[].LX[].MAN[].01",
    "step",
    """
    CP = package       # the carrier's own number of the package
    GM = ignored       # SSCC-18: the shipper's number of a pallet or carton under one PRO
    AA = ignored       # SSCC-18: the shipper's number of a pallet or carton under one PRO
    SM = ignored       # the shipper's own mark
    CA = ignored       # the shipper's own mark
    R  = ignored       # the originator's own mark
    UC = ignored       # the sort of carton, not the carton
    W  = ignored       # a pallet
    S  = ignored       # the entire shipment
    L  = ignored       # a line of it
    VI = ignored       # a vehicle
    """,
    source="ASC X12, marks and numbers qualifier (element 88)",
)
