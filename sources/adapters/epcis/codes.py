"""What the terms of GS1's Core Business Vocabulary become. GS1 owns the lists; the meanings are ours."""

from __future__ import annotations

from typing import Final

from sources.adapters.tables import table

_CBV: Final = "GS1 Core Business Vocabulary 2.0"

EVENT = table(
    "event",
    "type",
    "step",
    """
    ObjectEvent         = read
    AggregationEvent    = read
    TransactionEvent    = read
    TransformationEvent = ignored    # goods are made of others
    AssociationEvent    = ignored    # equipment is put together
    """,
    source="GS1 EPCIS 2.0, event types",
)

STEP = table(
    "step",
    "bizStep",
    "type",
    """
    reserving               = inventory.allocated     # where an order is named; else it reserves serial numbers only
    picking                 = warehouse.picked
    packing                 = warehouse.packed
    shipping                = warehouse.shipped
    consigning              = warehouse.shipped
    void_shipping           = warehouse.shipment_cancelled
    departing               = carrier.scan
    accepting               = carrier.scan
    arriving                = carrier.scan
    transporting            = carrier.scan
    unloading               = carrier.scan
    holding                 = carrier.scan
    receiving               = carrier.scan
    destroying              = carrier.scan
    staging_outbound        = ignored    # waits at the dock: packed before, shipped later
    loading                 = ignored    # on the vehicle, which has not left
    assembling              = ignored    # production
    collecting              = ignored    # waste and recycling
    commissioning           = ignored    # a number is given to a thing
    creating_class_instance = ignored    # production
    cycle_counting          = ignored    # stock
    decommissioning         = ignored    # a number is taken from a thing
    disassembling           = ignored    # production
    dispensing              = ignored    # over the counter
    encoding                = ignored    # a tag is written
    entering_exiting        = ignored    # a shop's door
    inspecting              = ignored    # goods are looked at; those that came back: see the table of returns
    installing              = ignored    # equipment
    killing                 = ignored    # a tag ends
    other                   = ignored    # says nothing of what happened
    removing                = ignored    # equipment
    repackaging             = ignored    # goods are put into other packages
    repairing               = ignored    # goods are mended
    replacing               = ignored    # equipment
    retail_selling          = ignored    # over the counter
    sampling                = ignored    # a part is tested
    sensor_reporting        = ignored    # a measurement
    stock_taking            = ignored    # stock
    stocking                = ignored    # within a site
    storing                 = ignored    # within a site
    unpacking               = ignored    # packages are opened
    """,
    source=f"{_CBV}, business steps; https://ref.gs1.org/cbv/BizStep",
)

MOVE = table(
    "move",
    "bizStep of a parcel",
    "scan",
    """
    accepting    = accepted       # of goods in transit: the carrier takes them over
    departing    = in_transit
    arriving     = in_transit     # at a site, wherever it is; not received yet
    transporting = in_transit
    unloading    = in_transit
    holding      = held
    receiving    = delivered
    destroying   = failed_final disposed
    """,
    source=f"{_CBV}, business steps; https://ref.gs1.org/cbv/BizStep",
)

DISPOSITION = table(
    "disposition",
    "disposition",
    "scan",
    """
    damaged                 = damaged
    destroyed               = failed_final disposed
    disposed                = failed_final disposed
    stolen                  = lost
    returned                = returning
    active                  = ignored    # adds nothing to the step
    available               = ignored    # adds nothing to the step
    completeness_inferred   = ignored    # adds nothing to the step
    completeness_verified   = ignored    # adds nothing to the step
    conformant              = ignored    # adds nothing to the step
    container_closed        = ignored    # adds nothing to the step
    container_open          = ignored    # adds nothing to the step
    dispensed               = ignored    # over the counter
    encoded                 = ignored    # a tag was written
    expired                 = ignored    # of the goods' own date
    in_progress             = ignored    # adds nothing to the step
    in_transit              = ignored    # adds nothing to the step
    inactive                = ignored    # a number that is not in use
    mismatch_class          = ignored    # what differs, it does not say
    mismatch_instance       = ignored    # what differs, it does not say
    mismatch_quantity       = ignored    # by how many, it does not say
    needs_replacement       = ignored    # equipment
    no_pedigree_match       = ignored    # papers of the goods
    non_conformant          = ignored    # of the goods' own quality
    non_sellable_other      = ignored    # of the goods' own quality
    partially_dispensed     = ignored    # over the counter
    recalled                = ignored    # of the goods' own quality
    reserved                = ignored    # adds nothing to the step
    retail_sold             = ignored    # over the counter
    sellable_accessible     = ignored    # stock
    sellable_not_accessible = ignored    # stock
    unavailable             = ignored    # stock
    unknown                 = ignored    # adds nothing to the step
    """,
    source=f"{_CBV}, dispositions; https://ref.gs1.org/cbv/Disp",
)

RETURN = table(
    "return",
    "bizStep of what is returned",
    "type",
    """
    shipping   = return.shipped
    consigning = return.shipped
    receiving  = return.received
    accepting  = return.received
    inspecting = return.inspected
    """,
    source=f"{_CBV}, business steps; https://ref.gs1.org/cbv/BizStep",
)

TRANSACTION = table(
    "transaction",
    "bizTransactionList[].type",
    "step",
    """
    po       = order       # another name of the order, unless order_field says which ID it is
    desadv   = shipment
    bol      = shipment
    rma      = return
    cert     = ignored     # a certificate
    inv      = ignored     # an invoice names the order only where order_field says so
    pedigree = ignored     # papers of the goods
    poc      = ignored     # names the order only where order_field says so
    prodorder = ignored    # production
    recadv   = ignored     # the receiver's own paper
    testprd  = ignored     # a test procedure
    testres  = ignored     # a test result
    upevt    = ignored     # an event elsewhere
    """,
    source=f"{_CBV}, business transaction types; https://ref.gs1.org/cbv/BTT",
)

ERROR = table(
    "error",
    "errorDeclaration.reason",
    "type",
    """
    did_not_occur  = evidence.withdrawn
    incorrect_data = evidence.withdrawn    # what is right comes as events of their own
    """,
    source=f"{_CBV}, error reasons; https://ref.gs1.org/cbv/ER",
)

PIECES: Final = frozenset(("EA", "H87", "C62", "PCE"))
"""Units of measure (UN/ECE Recommendation 20) that count pieces."""
