"""Which order an event belongs to, where it does not say so itself; and what follows from comparing orders.

Three fixed stages, since a dataflow has no loops: first the aliases that systems of record issue (payments, shipments, returns, ...), then
tracking numbers and disputes, which need the ties of the first stage, then the few numbers of parcels that carriers gave another one. The
first two are split into alias shards by the alias's value, the third by tenant.

Reading order: `sharding` (which shard), `items` (what travels between stages), `recent` (tables that forget), `digests` (how little an
alias takes), `resolver` (ties and waiting events), `parcels` and `tracking` (freight and reuse), `relabels` (the third stage), `orphans`
(events without an order), `duplicates` (orders placed twice), `twins` and `signs` (whether an order that is repeated is wanted), `shared`
(freight and orders that were split), `checkpoint` and `codec` (rows), `rules` (from policy to settings).
"""

from dataflows.core.identity.items import AliasLookup, Ambiguous, ResolvedEvent
from dataflows.core.identity.resolver import AliasResolver
from dataflows.core.identity.rules import IdentityRules, identity_rules
from dataflows.core.identity.sharding import STAGE_TWO_KINDS, alias_shard, order_shard, sightings

__all__ = [
    "STAGE_TWO_KINDS",
    "AliasLookup",
    "AliasResolver",
    "Ambiguous",
    "IdentityRules",
    "ResolvedEvent",
    "alias_shard",
    "identity_rules",
    "order_shard",
    "sightings",
]
