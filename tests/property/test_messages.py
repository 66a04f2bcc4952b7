"""Messages over random orders, decisions and policies: what must hold of what customers are told, whatever comes.

The checks read what went in and what was written. They know the contract, and nothing of how an order keeps its messages.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.actions.shard import ActionShard
from dataflows.core.engine.shard import Shard
from dataflows.detect.offline import records_of, steps
from schemas.messages import MESSAGES
from tests.property.histories import examples
from tests.support.actions import policy_of
from tests.support.logs import DAY, HOUR, MINUTE, T0, iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from dataflows.core.policy import Policy

Json = dict[str, Any]
ZONES = ("Europe/Amsterdam", "America/New_York", "Asia/Tokyo")
DAYS = [(date(2026, 4, 21) + timedelta(days=n)).isoformat() for n in range(12)]
END = T0 + 16 * DAY
ROLES = ["approver", "admin"]
DATED = ("delay", "partial")
"""Topics whose messages name the promise."""


@dataclass
class Terms:
    """The same terms for the engine and for the checks."""

    text: str
    quiet: tuple[int, int] | None
    cap: tuple[int, int] | None
    consent: str

    @staticmethod
    def drawn(lots: Random) -> Terms:
        """Some quiet hours, a cap and what consent means."""
        quiet = lots.choice((None, (21, 8), (22, 7), (12, 18)))
        cap = lots.choice((None, (1, DAY), (2, DAY), (1, 3 * DAY), (3, 2 * DAY)))
        consent = lots.choice(("stated", "required", "off"))
        hours = "'off'" if quiet is None else f"{quiet[0]:02d}:00-{quiet[1]:02d}:00"
        most = "'off'" if cap is None else f"{{most: {cap[0]}, within: {cap[1] // HOUR} h}}"
        lane = lots.choice(("auto", "auto", "review"))
        rules = f"rules: {{'*': {{lane: {lane}}}}}"
        topics = "topics: {late: delay}"
        return Terms(
            f"{rules}\nactions: {{quiet_hours: {hours}}}\nmessages: {{cap: {most}, consent: '{consent}', {topics}}}\n", quiet, cap, consent
        )


@dataclass
class World:
    """Orders of two customers, what happens to them, and what is decided about their messages."""

    lots: Random
    lines: list[Json] = field(default_factory=list[Json])

    def event(self, order: str, type_: str, at: int, source: str = "/shop", **data: object) -> None:
        """One thing happens."""
        name = f"e{len(self.lines)}"
        self.lines.append(
            {"specversion": "1.0", "id": name, "source": source, "type": type_, "subject": order, "time": iso(at), "data": data}
        )

    def order(self, number: int) -> None:
        """An order with a promise, and some of what can go wrong."""
        lots, id_, at = self.lots, f"A-{number}", T0 + self.lots.randrange(0, 30 * HOUR)
        consents = lots.choice((None, [], ["email"], ["sms", "Email"], ["phone"]))
        customer: Json = {"id": lots.choice(("c1", "c2"))} | ({} if consents is None else {"consents": consents})
        data: Json = {"customer": customer, "payment_terms": "external", "ship_to": {"timezone": lots.choice(ZONES), "country": "NL"}}
        data["total"] = {"amount": "80.00", "currency": "EUR"}
        if lots.random() < 0.9:
            data["promised_by"] = lots.choice(DAYS[:6])
        self.event(id_, "order.placed", at, **data)
        for _ in range(lots.randrange(9)):
            at += lots.randrange(MINUTE, 40 * HOUR)
            self._happens(id_, at)

    def _happens(self, id_: str, at: int) -> None:
        lots, scan = self.lots, {"tracking_number": f"T{id_}", "carrier": "ups"}
        what = lots.choice(
            ("moved", "moved", "shipped", "slip", "slip", "sent", "sent", "delivered", "attempt", "address", "consents", "cancelled")
        )
        match what:
            case "moved":
                self.event(id_, "order.updated", at, promised_by=lots.choice((*DAYS, None)))
            case "shipped":
                self.event(id_, "warehouse.shipped", at, **scan)
            case "slip":
                self.event(id_, "carrier.scan", at, "/carrier", status="in_transit", eta=f"{lots.choice(DAYS)}T12:00:00Z", **scan)
            case "sent":
                told = {"topic": lots.choice(("delay", "late", "shipment.stuck", "payment", "Welcome", None)), "channel": "email"}
                self.event(id_, "message.sent", at, "/mailer", **told, promised_by=lots.choice((*DAYS, None, None)))
            case "delivered":
                self.event(id_, "carrier.scan", at, "/carrier", status="delivered", **scan)
            case "attempt":
                self.event(id_, "carrier.scan", at, "/carrier", status="attempt_failed", reason="recipient_absent", **scan)
            case "address":
                self.event(id_, "address.invalid", at)
            case "consents":
                self.event(id_, "order.updated", at, customer={"consents": lots.choice(([], ["email"]))})
            case _:
                self.event(id_, "order.cancelled", at)

    def decide(self, outs: list[Any]) -> bool:
        """Somebody acts on something that was written; False if there is nothing to act on."""
        lots = self.lots
        said = [out for out in outs if out.topic == "actions" and out.data.get("message") is not None]
        roll = lots.random()
        if not said or roll < 0.15:
            id_, about = f"A-{lots.randrange(3)}", [out for out in outs if out.topic == "exceptions"]
            parameters = {"topic": "delay", "promised_by": lots.choice((*DAYS, None))}
            wanted: Json = {"action": "notify_customer", "by": "user:ben", "parameters": parameters}
            out = lots.choice(about) if about and lots.random() < 0.5 else None
            if out is not None:
                id_ = out.order
                wanted["exception_id"] = out.data["exception_id"]
            self.event(id_, "action.initiated", (out.log if out else T0) + lots.randrange(1, 30 * HOUR), "/desk", **wanted)
            return True
        out = lots.choice(said)
        at, data = out.log + lots.choice((1, MINUTE, 5 * HOUR, DAY)), out.data
        fields: Json = {"action_id": data["action_id"]}
        if data["state"] in ("proposed", "blocked"):
            verb = lots.choice(("approved", "approved", "approved", "rejected"))
            fields |= {"by": "user:anna", "by_roles": ROLES, "payload_hash": data["payload_hash"]}
        elif data["state"] == "requested":
            verb = lots.choice(("begun", "executed", "executed"))
        else:
            verb = lots.choice(("executed", "failed", "in_doubt", "observed"))
        self.event(out.order, f"action.{verb}", at, "/desk", **fields, **({"outcome": "executed"} if verb == "observed" else {}))
        return True


class Restarted:
    """A shard that is stored, and goes on as another one that has only what was stored, whenever it is asked what it has said."""

    def __init__(self, make: Callable[[], Any], restarts: bool) -> None:
        self._make, self._restarts, self._kept = make, restarts, dict[bytes, bytes]()
        self.shard = make()

    @property
    def policy(self) -> Policy:
        """The policy that holds."""
        policy: Policy = self.shard.policy
        return policy

    def apply(self, item: Any) -> None:
        """Takes something in."""
        self.shard.apply(item)

    def learn(self, showings: Any) -> None:
        """Takes in what is emitted."""
        self.shard.learn(showings)

    def advance(self, to: int, *, inclusive: bool = True) -> None:
        """Lets log time pass."""
        self.shard.advance(to, inclusive=inclusive)

    def drain(self) -> list[Any]:
        """What the shard has said; then it ends."""
        outs: list[Any] = self.shard.drain()
        if self._restarts:
            for key, value in self.shard.changes():
                if value is None:
                    self._kept.pop(key, None)
                else:
                    self._kept[key] = value
            assert self._kept == dict(self.shard.rows())
            self.shard = self._make()
            self.shard.restore(sorted(self._kept.items()))
        return outs


def run(lines: list[Json], text: str, cuts: tuple[int, ...] = (), *, restarts: bool = False) -> list[Any]:
    """What is written of a log, in the order of its positions; `cuts`: where it is cut, with a restart of everything at each."""
    policy = policy_of(text)
    shard: Any = Restarted(lambda: Shard(policy), restarts)
    actions = Restarted(lambda: ActionShard(policy), restarts)
    outs: list[Any] = []
    ordered = sorted(lines, key=lambda line: (str(line["time"]), str(line["id"])))
    for step in steps(records_of(ordered), policy, shard, (*cuts, END), actions=actions):
        outs += step.outs
    return sorted(outs, key=lambda out: (out.log, out.topic == "actions", out.order, out.key, out.body))


def drawn(seed: int) -> tuple[list[Json], Terms, list[Any]]:
    """A log whose decisions are about what was written before them, and what is written of it."""
    lots = Random(seed)
    terms, world = Terms.drawn(lots), World(lots)
    for number in range(3):
        world.order(number)
    outs = run(world.lines, terms.text)
    for _ in range(lots.choice((0, 2, 4, 6))):
        world.decide(outs)
        outs = run(world.lines, terms.text)
    return world.lines, terms, outs


def micros(text: str) -> int:
    """An instant in µs."""
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000 + datetime.fromisoformat(text).microsecond


@dataclass
class Known:
    """What is known of one order at an instant: read from its events alone."""

    zone: str = "UTC"
    promise: str | None = None
    since: int = 0
    consents: list[str] | None = None
    customer: str = ""
    given: list[tuple[int, str]] = field(default_factory=list["tuple[int, str]"])
    """When the customer was given which date."""
    told: list[tuple[int, str | None, str | None, str | None]] = field(
        default_factory=list["tuple[int, str | None, str | None, str | None]"]
    )
    """When they were told about what, with which date, and of what part of the order."""

    def ends(self, text: str) -> int:
        """When a plain date ends."""
        day = date.fromisoformat(text) + timedelta(days=1)
        return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).timestamp()) * 1_000_000


def follow(lines: list[Json], order: str, until: int, said: dict[str, Json]) -> Known:
    """What an order and its messages are, records of that instant included; `said`: the messages of actions by their ID."""
    known = Known()
    for line in sorted((line for line in lines if line["subject"] == order), key=lambda line: (str(line["time"]), str(line["id"]))):
        at, data = micros(line["time"]), line["data"]
        if at > until:
            break
        if line["type"] == "order.placed":
            known.zone, known.customer = data["ship_to"]["timezone"], data["customer"]["id"]
            known.promise, known.since, known.consents = data.get("promised_by"), at, data["customer"].get("consents")
        elif line["type"] == "order.updated":
            if "promised_by" in data and data["promised_by"] != known.promise:
                known.promise, known.since = data["promised_by"], at
            if "customer" in data:
                known.consents = data["customer"]["consents"]
        elif line["type"] == "message.sent":
            topic = {"late": "delay", "shipment.stuck": "delay"}.get(data["topic"] or "", data["topic"])
            known.told.append((at, topic, data.get("promised_by"), None))
        elif line["type"] in ("action.executed", "action.observed") and data["action_id"] in said:
            ours = said[data["action_id"]]
            known.told.append((at, ours["topic"], ours["promised_by"], ours["scope"]))
    known.given = [(at, day) for at, _, day, _ in known.told if day is not None]
    return known


def quiet(at: int, zone: str, hours: tuple[int, int]) -> bool:
    """Whether it is quiet in a zone."""
    hour = datetime.fromtimestamp(at / 1_000_000, tz=UTC).astimezone(ZoneInfo(zone)).hour
    begins, ends = hours
    return begins <= hour < ends if begins < ends else hour >= begins or hour < ends


def check(lines: list[Json], terms: Terms, outs: list[Any]) -> int:
    """What must hold of each message that is requested; how many there were."""
    told = [out.data for out in outs if out.topic == "actions" and out.data.get("message")]
    said = {data["action_id"]: data["message"] | {"scope": data["parameters"].get("scope")} for data in told}
    open_: dict[str, str] = {}
    out_now: dict[str, dict[str, int]] = defaultdict(dict)
    counted: dict[str, list[int]] = defaultdict(list)
    begun: set[str] = set()
    began: dict[str, int] = {}
    number = 0
    customers = {line["subject"]: line["data"]["customer"]["id"] for line in lines if line["type"] == "order.placed"}
    others = [(micros(line["time"]), customers[line["subject"]]) for line in lines if line["type"] == "message.sent"]
    for out in outs:
        if out.topic == "exceptions":
            name = out.data["exception_id"]
            if out.status == "open" and open_.get(name) != "open":
                began[name] = out.log
            open_[name] = out.status
            continue
        if out.topic != "actions" or out.data.get("action") not in MESSAGES:
            continue
        data = orjson.loads(out.body)["data"]
        id_, order = data["action_id"], data["order_id"]
        if data["state"] == "begun":
            begun.add(id_)
        if data["state"] != "requested":
            if data["state"] in ("withdrawn", "rejected") and id_ in out_now[order] and id_ not in begun:
                counted[customers[order]].remove(out_now[order].pop(id_))
            continue
        number += 1
        at, message = out.log, data["message"]
        known = follow(lines, order, at, said)
        assert data["exception_id"] is None or open_[data["exception_id"]] == "open", "after the resolution"
        if terms.quiet is not None:
            assert not quiet(at, known.zone, terms.quiet), "in quiet hours"
        if terms.consent == "required" or (terms.consent == "stated" and known.consents is not None):
            assert message["channel"] in [each.lower() for each in known.consents or []], "without consent"
        day = message["promised_by"]
        if day is not None:
            assert known.ends(day) > at, "a date that has passed"
            assert day == known.promise or known.promise is None, "another date than the promise"
            given = [each for each in known.given if each[0] >= known.since]
            assert not given or given[-1][1] == day, "another date than the customer was given"
        if terms.cap is not None:
            most, within = terms.cap
            recent = [each for each in counted[customers[order]] if each > at - within]
            recent += [each for each, whose in others if whose == customers[order] and at - within < each <= at]
            assert len(recent) < most, "more than the cap"
        _once(known, message, out, data, began.get(str(data["exception_id"]), 0))
        out_now[order][id_] = at
        counted[customers[order]].append(at)
    return number


def _once(known: Known, message: Json, out: Any, data: Json, began: int) -> None:
    """That the customer does not know it: nobody said it before. `began`: when its exception was raised last, 0 without one."""
    day, topic, scope = message["promised_by"], message["topic"], data["parameters"].get("scope")
    for at, about, named, part in known.told:
        if at >= out.log or about != topic or (part is not None and scope is not None and part != scope):
            continue
        if named is not None and topic in DATED:
            assert named != day, "the same date twice"
            assert day is not None or known.ends(named) <= out.log, "no date after one that lies ahead"
        else:
            assert at < max(began, known.since if day is not None else 0), "the same twice"


@given(seed=st.integers(0, 2**32))
@examples(60)
def test_whatever_happens_customers_are_told_what_is_true_once_and_not_in_the_night(seed: int) -> None:
    """None after the resolution, none in quiet hours, none without consent, none that disagrees, none twice, no more than the cap."""
    check(*drawn(seed))


@given(seed=st.integers(0, 2**32))
@examples(30)
def test_a_restart_anywhere_changes_nothing(seed: int) -> None:
    """Of what an order keeps of its messages, and of what is counted of each customer; nor do the batches."""
    lines, terms, outs = drawn(seed)
    lots = Random(seed)
    instants = sorted({micros(line["time"]) for line in lines} | {out.log for out in outs})
    cuts = tuple(sorted({at + lots.choice((0, 1, HOUR)) for at in instants if lots.random() < 0.5}))
    whole = [(out.topic, out.body) for out in outs]
    assert [(out.topic, out.body) for out in run(lines, terms.text, cuts, restarts=True)] == whole
