"""One open order in memory: its timeline, what was said of it, and when to evaluate it again."""

from __future__ import annotations

from dataflows.core.engine.backfill import BackfillSpan
from dataflows.core.engine.feeds import Deferred
from dataflows.core.engine.lifecycle import ExceptionLifecycle
from dataflows.core.engine.message_book import MessageBook
from dataflows.core.engine.traits import PLACED
from dataflows.core.engine.triggers import Profile
from dataflows.core.history.facts import Facts
from dataflows.core.history.timeline import Timeline
from dataflows.core.history.unclaimed import ORPHAN
from schemas.envelope import DEFAULT_TENANT
from schemas.instants import FAR

CLOSE = -1
"""The entry of `Order.recheck_at` that is no rule: when to see whether the order can be closed."""
BACKFILLING = -2
"""Likewise: when an order whose history is being told is judged first."""

CASES = -3
"""Likewise: when something happens by itself to the case of one of its exceptions."""
MESSAGES = -4
"""Likewise: when what may be said to its customer changes by itself."""
SILENCE = -5
"""Likewise: when to see whether a feed has fallen silent on which what it asks for rests."""
ASKS = -6
"""Likewise: when it is said what its exceptions ask for, at the end of the instant at which they were raised."""
BY_ITSELF = (CLOSE, BACKFILLING, CASES, MESSAGES, SILENCE, ASKS)
"""All entries that are no rule."""

ALIAS = "\x1e"
"""What the key of an alias begins with."""

Piece = tuple["str | None", "str | None", "int | None"]


def key_of(tenant: str, order: str) -> str:
    """What an order is known by within a shard, and in what is stored of it: where there is one tenant only, its ID itself.

    It is then the string that ties hold already, and costs no memory of its own. No identifier holds a control character.
    """
    return order if tenant == DEFAULT_TENANT else f"{tenant}\x1f{order}"


def alias_key(tenant: str, alias: str) -> str:
    """What an alias that nobody has claimed is known by, among the orders of a shard; it is no order's key."""
    return ALIAS + key_of(tenant, alias)


def names_of_key(key: str) -> tuple[str, str]:
    """The tenant and the ID of the order, or the alias, that is known by a key."""
    tenant, _, order = key.removeprefix(ALIAS).rpartition("\x1f")
    return tenant or DEFAULT_TENANT, order


class Order:
    """State of one order.

    `traits` are bits, see `traits`. `recheck_at` maps a rule to the earliest log time at which it may become true; `next_check` is the
    first of these instants; `judged` are the rules that were evaluated, so that what is known of them rests on calendars and zones (None:
    perhaps all; what is expected of the others is a lower bound by whatever calendar). `live` rules have something open. `deferred` maps a
    rule to what of it waits for feeds. `quarantined` names the error after which the order is evaluated no more; its history is gone then.
    `facts` are those of the history, if asked for. `work` is how much the rules have had with it (see `effort`). `backfilling`: when its
    history was told, where that was done long after it happened.

    Some fields serve to tell traits. `pieces` are the ordered lines (line_id, sku, quantity) while they are as placed; `dates` are lower
    bounds of the deadlines that `ship_by` and `promised_by` give it as placed, `promised` that of the order's own promise (None: it may
    have been changed), `estimated` that of all the carriers' estimates. `units` maps every shipment ID and tracking number to one that
    stands for all those of its shipment.

    `messages`: those to its customer that are asked for or were sent by us; None where there are none.

    `rows` are the first `packed_rows` events of the timeline as they are stored, `topics` the table of their topics.
    """

    __slots__ = (
        "backfilling",
        "dates",
        "deferred",
        "estimated",
        "exceptions",
        "facts",
        "handed",
        "id",
        "judged",
        "last_log",
        "live",
        "messages",
        "next_check",
        "packed_rows",
        "payments",
        "pieces",
        "profile",
        "promised",
        "quarantined",
        "recheck_at",
        "rows",
        "seen",
        "sent_back",
        "tenant",
        "timeline",
        "topics",
        "total",
        "traits",
        "units",
        "work",
    )

    def __init__(self, tenant: str, order: str) -> None:
        self.tenant = tenant
        self.id = order
        self.timeline = Timeline()
        self.exceptions = ExceptionLifecycle(tenant, order)
        self.traits = 0
        self.recheck_at: dict[int, int] = {}
        self.next_check = FAR
        self.judged: set[int] | None = None
        self.live: set[int] = set()
        self.deferred: dict[int, Deferred] = {}
        self.quarantined = ""
        self.units: dict[str, str] = {}
        self.handed: frozenset[str] = frozenset()
        self.seen: frozenset[str] = frozenset()
        self.estimated: int | None = None
        self.promised: int | None = None
        self.sent_back: frozenset[str] = frozenset()
        self.payments: frozenset[str | None] = frozenset()
        self.dates: dict[str, int] = {}
        self.total: tuple[str, str] | None = None
        self.pieces: list[Piece] | None = None
        self.facts: Facts | None = None
        self.profile: Profile | None = None
        self.last_log = 0
        self.work = 0
        self.backfilling: BackfillSpan | None = None
        self.messages: MessageBook | None = None
        self.topics: list[str] = []
        self.rows = b""
        self.packed_rows = 0

    def repack(self) -> None:
        """Forgets the rows that were packed: the history has changed further back."""
        self.rows, self.packed_rows = b"", 0

    @property
    def key(self) -> str:
        """What it is known by within its shard."""
        return (alias_key if self.unclaimed else key_of)(self.tenant, self.id)

    @property
    def unclaimed(self) -> bool:
        """Whether it is no order but an alias at which events waited for theirs: it has the exception that says so, and its case."""
        notes = self.timeline.notes
        return bool(notes) and notes[0].kind == ORPHAN

    @property
    def placed(self) -> bool:
        """Whether its `order.placed` is known."""
        return self.traits & PLACED != 0
