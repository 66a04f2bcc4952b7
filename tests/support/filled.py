"""A store with very many exceptions, filled fast: plausible rows with a few open and very many closed, the same for the same seed.

The rows are made here, not by a replay: what is tested on them is how fast and by which plan they are found. That the columns hold what
the engine says is tested on the store itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from uuid import UUID

import orjson
from sqlalchemy import Engine, Table, insert, text

from sinks.cases.tables import action_events, actions, cases, evidence, exception_events, exception_skus, exceptions, identifiers, orders

if TYPE_CHECKING:
    from psycopg import Connection as PostgresConnection

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""The instant at which the store is looked at."""
SEVERITIES = ("critical", "high", "medium", "low")
WEIGHTS = (3, 17, 50, 30)
KINDS = (
    *("fulfilment.ship_overdue", "shipment.first_scan_missing", "shipment.stuck", "payment.capture_overdue", "shipment.delayed"),
    *("delivery.promise_breached", "inventory.short", "address.invalid", "return.received_not_refunded", "conflict.shipped_unpaid"),
    *("payment.auth_missing", "shipment.lost_confirmed", "fulfilment.hold_aged", "order.pending_too_long", "data.orphan_signal"),
)
TEAMS = ("OPS", "CARR", "CS", "FIN", "WH")
CARRIERS = ("dhl", "ups", "fedex", "dpd", "gls", "postnl")
SITES = ("ams1", "ams1", "ber2", "lon1", "par1")
TIERS = ("standard", "standard", "standard", "gold", "vip")
COUNTRIES = ("DE", "FR", "NL", "GB", "US", "ES", "IT", "PL")
LABELS = (None,) * 16 + ("noise", "real", "real", "known")
STATES = ("new", "acknowledged", "assigned", "snoozed", "waiting", "open")
PEOPLE = tuple(f"user:p{number}" for number in range(40))
CHUNK = 20_000
SPREAD = 0.03
"""Over which share of all exceptions the open ones are spread, the newest most densely: over some weeks."""
CONTEXT = {
    "promise": {"first": "2026-11-11", "current": "2026-11-12"},
    "shipments": [{"shipment": "S1", "carrier": "dhl", "tracking_numbers": ["JJD0000"], "last_scan": None, "delivered": False}],
    "payment": {"authorized": True, "captured": "129.90", "refunded": "0"},
    "holds": [],
    "open_exceptions": ["fulfilment.ship_overdue"],
    "related": [],
}


class Filling(NamedTuple):
    """The rows of one exception."""

    exception: dict[str, object]
    case: dict[str, object]
    order: dict[str, object]
    action: dict[str, object] | None
    identifier: dict[str, object]
    event: dict[str, object]
    evidence: dict[str, object]


def fill(engine: Engine, many: int, opened: int, seed: int = 1, *, events: bool = True) -> None:
    """Puts so many exceptions, of which so many are open, into an empty store; each on an order of its own.

    `events`: also what each rests on, and an event of each exception and action, which no list reads.
    """
    made = rows(many, opened, seed)
    while chunk := list(islice(made, CHUNK)):
        for table, found in (
            (exceptions, [one.exception for one in chunk]),
            (cases, [one.case for one in chunk]),
            (orders, [one.order for one in chunk]),
            (actions, [one.action for one in chunk if one.action is not None]),
            (identifiers, [one.identifier for one in chunk]),
            (exception_skus, [_of_sku(one.exception) for one in chunk if one.exception["sku"]]),
            (exception_events, [one.event for one in chunk if events]),
            (evidence, [one.evidence for one in chunk if events]),
            (action_events, [_said(one.action) for one in chunk if events and one.action is not None]),
        ):
            _put(engine, table, found)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def rows(many: int, opened: int, seed: int) -> Iterator[Filling]:
    """The rows, in the order in which the exceptions were raised: two years of them, the open ones mostly of the last weeks."""
    random = Random(seed)
    first = NOW - timedelta(days=730)
    step = (NOW - first) / many
    stands: set[int] = set()
    while len(stands) < opened:
        stands.add(max(many - 1 - int(random.expovariate(1 / (many * SPREAD))), 0))
    for number in range(many):
        yield _one(random, number, first + step * number, stands=number in stands)


def _one(random: Random, number: int, raised: datetime, *, stands: bool) -> Filling:
    identity = str(UUID(int=random.getrandbits(128), version=4))
    rank = random.choices(range(4), WEIGHTS)[0]
    kind, team, carrier = random.choice(KINDS), random.choice(TEAMS), random.choice(CARRIERS)
    order, country = f"ORD-{number:08}", random.choice(COUNTRIES)
    due = raised.replace(microsecond=0)
    closed = None if stands else raised + timedelta(hours=random.expovariate(1 / 48))
    if closed is not None and closed > NOW:
        closed = NOW - timedelta(seconds=number % 3_600)
    status = "open" if stands else random.choices(("resolved", "retracted"), (95, 5))[0]
    suppressed = stands and random.random() < 0.1
    state = random.choices(STATES, (45, 20, 20, 5, 8, 2))[0] if stands else "resolved" if random.random() < 0.3 else "new"
    taken = raised + timedelta(hours=2) if state not in ("new", "open") else None
    assignee = random.choice(PEOPLE) if state in ("assigned", "waiting") else None
    common = {"exception_id": identity, "tenant": "default" if number % 10 else "acme", "order_id": order, "sequence": 2}
    case: dict[str, object] = {
        **common,
        "state": state,
        "team": team,
        "assignee": assignee,
        "until": NOW + timedelta(days=1) if state in ("snoozed", "waiting") else None,
        "waiting_on": "carrier" if state == "waiting" else None,
        "ack_by": raised + timedelta(hours=4),
        "resolve_by": raised + timedelta(days=1 + rank),
        "acknowledged_at": taken,
        "paused_since": NOW - timedelta(hours=1) if state == "waiting" and stands else None,
        "reopenings": int(state == "open"),
        "label": LABELS[number // 13 % len(LABELS)],
        "reassignments": 0,
        "flaps": 0,
        "escalation_level": 0,
    }
    base, said = (430, 320, 200, 100)[rank] + random.randrange(60), random.randrange(100)
    where = {"logged_at": raised, "log_partition": "exceptions/0", "log_offset": number}
    exception = {
        **common,
        **{name: case[name] for name in ("team", "assignee", "until", "ack_by", "resolve_by", "acknowledged_at", "paused_since")},
        "kind": kind,
        "domain": kind.partition(".")[0],
        "scope": f"shipment:JJD{number:015}" if kind.startswith("shipment.") and number % 5 else None,
        "episode": 1,
        "status": "suppressed" if suppressed else status,
        "mode": "on",
        "severity": SEVERITIES[rank],
        "severity_rank": rank,
        "blocking": rank == 0,
        "score": base + said,
        "score_base": base,
        "score_breach": said,
        "score_time_left": 0,
        "score_lateness": 0,
        "clock_since": due - timedelta(days=2),
        "clock_until": due,
        "clock_due": due,
        "clock_breach": 100,
        "clock_time_left": 50,
        "clock_lateness": 100,
        "owner": team,
        "lane": "review",
        "due_at": due,
        "raised_at": raised,
        "changed_at": closed or raised,
        "said_of": due,
        "resolved_at": closed,
        "stopped_at": closed,
        "closed_at": closed,
        "summary": f"Order {order} was to be shipped by {carrier} by {due:%a %Y-%m-%d %H:%M}; nothing is known of it since.",
        "arithmetic": "captured + 2 business days",
        "backfilled": False,
        "context": CONTEXT,
        "customer_id": f"cus_{number % 300_000}",
        "tier": TIERS[number // 7 % len(TIERS)],
        "country": country,
        "carrier": carrier,
        "site": SITES[number // 3 % len(SITES)],
        "sku": f"SKU-{number // 11 % 900:03}" if number % 2 else None,
        "total": Decimal(number * 7_919 % 60_000 + 500) / 100,
        "currency": "EUR",
        "source": f"/carrier/{carrier}",
        "policy": "0" * 16,
        "rule": kind,
        "case_state": state,
        "escalation_level": 0,
        "clock_at": _clock_at(case) if stands and not suppressed else None,
        **where,
    }
    known = {"tenant": common["tenant"], "order_id": order}
    action: dict[str, object] | None = None
    if number % 3 == 0:
        waits = stands and number % 2 == 0
        action = {
            **known,
            "action_id": str(UUID(int=random.getrandbits(128), version=4)),
            "exception_id": identity,
            "sequence": 1,
            "action": "create_task",
            "step": "open_case",
            "target": "task",
            "state": "proposed" if waits else "executed",
            "lane": "review",
            "idempotency_key": identity,
            "reason": "ask",
            "approvers": ["approver"],
            "approvals_needed": int(waits),
            "initiated_by": f"rule:{kind}",
            "approved_by": [],
            "needs_approval_by": raised + timedelta(days=1),
            "irreversible": False,
            "attempt": 0,
            "owner": team,
            "escalation_level": 0,
            "proposed_at": raised,
            "changed_at": closed or raised,
            **where,
        }
    return Filling(
        exception,
        case,
        {**known, "customer_id": f"cus_{number % 300_000}", "known_at": raised, **where},
        action,
        {**known, "kind": "tracking_number", "value": f"JJD{number:015}"},
        {
            **{name: exception[name] for name in ("exception_id", "order_id", "tenant", "kind", "severity", "score", "owner", "lane")},
            **{name: exception[name] for name in ("summary", "case_state", "team", "escalation_level", "policy", *where)},
            "sequence": 1,
            "type": "exception.raised",
            "time": due,
            "detected_at": raised,
            "status": "open",
        },
        {
            **{name: exception[name] for name in ("exception_id", "order_id", "tenant")},
            "source": f"/carrier/{carrier}",
            "event_id": str(number),
            "type": "carrier.scan",
            "time": due,
            "first_sequence": 1,
            "last_sequence": 2,
        },
    )


def _clock_at(case: dict[str, object]) -> object:
    if case["acknowledged_at"] is None:
        return case["ack_by"]
    return case["resolve_by"] if case["paused_since"] is None else None


def _of_sku(exception: dict[str, object]) -> dict[str, object]:
    """The one SKU of an exception."""
    return {name: exception[name] for name in ("exception_id", "sku", "tenant", "order_id")}


def _said(action: dict[str, object]) -> dict[str, object]:
    """The one event of an action."""
    same = ("action_id", "order_id", "tenant", "exception_id", "sequence", "action", "state", "lane", "reason", "approvals_needed")
    where = ("attempt", "escalation_level", "logged_at", "log_partition", "log_offset")
    return {**{name: action[name] for name in (*same, *where)}, "type": "action.proposed", "time": action["proposed_at"]}


def _put(engine: Engine, table: Table, found: Sequence[dict[str, object]]) -> None:
    """Rows into a table, by the fastest way that there is."""
    if not found:
        return
    names = list(dict.fromkeys(name for row in found[:200] for name in row))
    if engine.dialect.name == "sqlite":
        with engine.begin() as connection:
            connection.execute(insert(table), [{name: row.get(name) for name in names} for row in found])
        return
    with engine.begin() as connection:
        driver = cast("PostgresConnection[Any]", connection.connection.driver_connection)
        columns = ", ".join(f'"{table.c[name].name}"' for name in names)
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:  # pyright: ignore[reportCallIssue, reportArgumentType]
            lines = io.StringIO()
            for row in found:
                lines.write("\t".join(_written(row.get(name)) for name in names) + "\n")
            copy.write(lines.getvalue())


def _written(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode().replace("\\", "\\\\")
    return str(value)
