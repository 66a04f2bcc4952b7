"""What becomes of actions, as contract, design and the page about actions say: by what was asked for and decided, one after the other.

It counts budgets by looking at all actions again each time, and knows no rows, timers or indexes. IDs of actions are names: those that are
made of other actions are looked up by what they stand for, in `names`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from zoneinfo import ZoneInfo

from tests.oracle.judging.reading import DAY, HOUR

IRREVERSIBLE = frozenset(
    (
        *("notify_customer", "ask_payment_update", "request_address_confirmation", "propose_substitute"),
        *("approve_refund", "approve_replacement", "cancel_order", "intercept_shipment"),
    )
)
PERSONS = frozenset(("approve_refund", "approve_replacement", "cancel_order", "propose_substitute"))
"""Money, replacement, substitution, cancellation: a person always agrees."""
TASKS = frozenset(("create_task", "escalate", "check_alternate_site", "procurement_review", "trace_parcel", "update_ticket", "reconcile"))
GOOD = {"hold_order": "release_order", "release_order": "hold_order"}
"""What makes an action good, where it is not a task for a person."""
NEEDS = {"approve_refund": "amount"}
SHARD = ("automation_paused", "budget", "one_irreversible_action", "parameters")
LANES = ("auto", "review", "block")
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What an order says of an action: `asked`, `guarded` or `gone`. `key`: which time of which step of which exception."""

    log: int
    sort: str
    key: Key
    id: str
    tenant: str
    order: str
    exception: str
    kind: str
    action: str
    target: str
    parameters: Mapping[str, object]
    lane: str
    spoken: tuple[tuple[str, str], ...]
    customer: str | None
    amount: tuple[str, str] | None
    quiet_until: int


@dataclass(frozen=True, slots=True)
class Decided:
    """What somebody said; `told` is `data` of the event."""

    log: int
    topic: str
    tenant: str
    order: str
    id: str
    type: str
    told: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Cap:
    """A budget."""

    most: int
    rule: str | None = None
    action: str | None = None
    tenant: str | None = None
    each: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What the policy says."""

    timeout: int = 3 * DAY
    within: int = DAY
    second_above: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    approvers: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    caps: tuple[Cap, ...] = ()
    zone: str = "UTC"


@dataclass(slots=True)
class Known:
    """An action."""

    id: str
    tenant: str
    order: str
    exception: str | None
    kind: str
    action: str
    target: str
    parameters: Mapping[str, object]
    customer: str | None
    amount: tuple[str, str] | None
    asker: str
    state: str = ""
    lane: str = "auto"
    spoken: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    agreed: list[str] = field(default_factory=list[str])
    wanted_persons: int = 0
    quiet_until: int = 0
    waits_since: int | None = None
    gone_up: bool = False
    attempt: int = 0
    again: bool = False
    counted: str | None = None
    wanted: bool = True
    rival: str = ""
    amends: bool = False
    amended: bool = False
    before: str = ""
    was_requested: bool = False
    stood: bool = True
    heard: list[str] = field(default_factory=list[str])

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("executed", "rejected", "expired", "withdrawn") or (self.state == "failed" and not self.again)

    @property
    def missing(self) -> int:
        """How many persons have yet to agree."""
        return max(0, self.wanted_persons - len(self.agreed)) if self.state in ("", "proposed", "blocked") else 0

    @property
    def final_way(self) -> bool:
        """Whether what it does cannot be undone."""
        return self.action in IRREVERSIBLE


Saying = tuple[int, str, str, str, tuple[str, ...], tuple[str, ...], int]
"""When, of which action, its state, its lane, who agreed, the guardrails that spoke, how many must still agree."""


class ActionJudge:
    """Takes demands and decisions in order. `said`: what is to be said of actions, `refused`: the decisions that may not count, and why."""

    def __init__(self, terms: Terms, names: Mapping[Key, str]) -> None:
        self.terms = terms
        self.names = names
        self.all: dict[str, Known] = {}
        self.of_key: dict[Key, Known] = {}
        self.paused: set[str] = set()
        self.said: list[Saying] = []
        self.refused: list[tuple[str, str]] = []

    def judge(self, items: Iterable[Demand | Decided], until: int) -> None:
        """Goes through a log, and lets time pass to its end."""
        for item in items:
            self._time(item.log, inclusive=False)
            if isinstance(item, Demand):
                self._demand(item)
            else:
                self._decision(item)
        self._time(until, inclusive=True)

    # --- time ---

    def _due(self, each: Known) -> int | None:
        if each.state != "proposed":
            return None
        if each.missing and each.waits_since is not None:
            return each.waits_since + (self.terms.timeout if each.gone_up else self.terms.within)
        return each.quiet_until or None

    def _time(self, until: int, *, inclusive: bool) -> None:
        while True:
            due = sorted((at, each.id) for each in self.all.values() if (at := self._due(each)) is not None)
            if not due or due[0][0] > until or (due[0][0] == until and not inclusive):
                return
            at, id_ = due[0]
            each = self.all[id_]
            if each.missing and each.gone_up:
                each.state = "expired"
                self._say(each, at)
            elif each.missing:
                each.gone_up = True
                self._say(each, at)
            else:
                self._settle(each, at)
                self._say(each, at)

    # --- what orders say ---

    def _demand(self, demand: Demand) -> None:
        known = self.of_key.get(demand.key)
        if demand.sort == "asked":
            if known is None:
                self._asked(demand, demand.id, "", "auto")
        elif known is None:
            return
        elif demand.sort == "guarded":
            self._guarded(known, demand)
        else:
            known.wanted = False
            if known.state in ("proposed", "blocked", "requested"):
                self._withdraw(known, demand.log)
            elif known.state in ("begun", "in_doubt"):
                self._amend(known, demand.log)
            elif known.state == "failed" and known.again:
                known.again = False
                self._say(known, demand.log)

    def _asked(self, demand: Demand, id_: str, before: str, least: str) -> None:
        each = Known(
            id_,
            demand.tenant,
            demand.order,
            demand.exception,
            demand.kind,
            demand.action,
            demand.target,
            demand.parameters,
            demand.customer,
            demand.amount,
            f"rule:{demand.kind}",
            lane=max(demand.lane, least, key=LANES.index),
            spoken=list(demand.spoken),
            quiet_until=demand.quiet_until,
            before=before,
        )
        if demand.action in PERSONS or each.lane != "auto":
            each.wanted_persons = self._persons(each)
        self.of_key[demand.key] = each
        self._begin(each, demand.log)

    def _guarded(self, known: Known, demand: Demand) -> None:
        if known.state not in ("proposed", "blocked", "requested"):
            return
        if _done(demand.parameters) != _done(known.parameters) or demand.target != known.target:
            self._anew(known, demand)
            return
        lasting = [each for each in demand.spoken if each[1] != "hold"]
        new = [each for each in lasting if each[0] not in {name for name, _ in known.spoken}]
        worse = LANES.index(demand.lane) > LANES.index(known.lane)
        if known.state == "requested":
            if any(effect == "block" for _, effect in new) or (worse and demand.lane == "block") or (worse and not known.agreed):
                self._anew(known, demand)
            return
        own = [each for each in known.spoken if each[0] in SHARD or each[1] == "hold"]
        spoken, lane = [*own, *lasting], known.lane
        if worse:
            lane = demand.lane
        elif lane == "block" and demand.lane != "block" and not any(effect == "block" for _, effect in spoken):
            lane = "review"
        if spoken == known.spoken and lane == known.lane:
            return
        known.spoken, known.lane = spoken, lane
        if lane != "auto" and not known.missing:
            known.wanted_persons = max(self._persons(known), len(known.agreed) + 1)
            known.waits_since, known.gone_up = demand.log, False
        self._say(known, demand.log)

    def _anew(self, known: Known, demand: Demand) -> None:
        """It is withdrawn, and asked for under another name, by which nobody has agreed to anything."""
        known.stood = False
        self._withdraw(known, demand.log)
        known.wanted = False
        self._asked(demand, self._name("again", known.id), known.id, "review")

    def _begin(self, each: Known, now: int) -> None:
        self.all[each.id] = each
        needed = NEEDS.get(each.action)
        if needed is not None and each.parameters.get(needed) is None:
            each.spoken = [*each.spoken, ("parameters", "block")]
            each.lane = "block"
            each.wanted_persons = max(1, each.wanted_persons)
        if each.action in PERSONS and each.lane == "auto":
            each.lane = "review"
        self._settle(each, now)
        self._say(each, now)

    def _persons(self, each: Known) -> int:
        limits = self.terms.second_above
        if each.action not in PERSONS or not limits:
            return 1
        if each.amount is None:
            return 2
        limit = limits.get(each.amount[1], limits.get("*"))
        return 1 if limit is not None and Decimal(each.amount[0]) <= limit else 2

    # --- whether it may be requested ---

    def _settle(self, each: Known, now: int) -> None:
        rival = self._rival(each)
        if rival is not None:
            each.state, each.rival, each.lane, each.waits_since, each.gone_up = "blocked", rival, "block", None, False
            self._speak(each, "one_irreversible_action", "block")
            return
        if not each.missing:
            stopped = self._stopped(each, now)
            if stopped is not None:
                self._speak(each, *stopped)
                each.lane = "block" if "block" in (stopped[1], each.lane) else "review"
                each.wanted_persons = len(each.agreed) + 1
            elif each.quiet_until <= now:
                each.state, each.waits_since, each.gone_up, each.counted = "requested", None, False, self._day(now)
                return
        each.state, each.gone_up = "proposed", False
        each.waits_since = now if each.missing else None

    def _speak(self, each: Known, name: str, effect: str) -> None:
        each.spoken = [*(one for one in each.spoken if one[0] != name), (name, effect)]

    def _rival(self, each: Known) -> str | None:
        found = [
            other.id
            for other in self.all.values()
            if (other.tenant, other.order) == (each.tenant, each.order)
            and other.id != each.id
            and self._same(each.target, other.target)
            and (
                (each.final_way and other.final_way and not other.over and other.state != "blocked")
                or (other.state == "in_doubt" and each.target != "task")
            )
        ]
        return min(found, default=None)

    def _same(self, one: str, other: str) -> bool:
        if one == other:
            return True
        return "order" in (one, other) and not {"customer", "task"} & {one, other}

    def _stopped(self, each: Known, now: int) -> tuple[str, str] | None:
        if (needed := NEEDS.get(each.action)) is not None and each.parameters.get(needed) is None:
            return ("parameters", "block")
        if {"all", f"action:{each.action}", f"rule:{each.kind}", f"tenant:{each.tenant}"} & self.paused:
            return ("automation_paused", "review")
        if any(self._counts(cap, each) and self._used(cap, each, now) >= cap.most for cap in self.terms.caps):
            return ("budget", "review")
        return None

    def _counts(self, cap: Cap, each: Known) -> bool:
        return cap.rule in (None, each.kind) and cap.action in (None, each.action) and cap.tenant in (None, each.tenant)

    def _used(self, cap: Cap, each: Known, now: int) -> int:
        day = self._day(now)
        mine = [one for one in self.all.values() if one.counted == day and one.tenant == each.tenant and self._counts(cap, one)]
        return sum(not cap.each or self._whose(one) == self._whose(each) for one in mine)

    def _whose(self, each: Known) -> str:
        return f"customer {each.customer}" if each.customer else f"order {each.order}"

    def _day(self, now: int) -> str:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)
        return at.astimezone(ZoneInfo(self.terms.zone)).date().isoformat()

    # --- how it goes on ---

    def _withdraw(self, each: Known, now: int) -> None:
        each.was_requested = each.state == "requested"
        each.state, each.rival, each.counted = "withdrawn", "", None
        self._say(each, now)

    def _amend(self, each: Known, now: int) -> None:
        name = GOOD.get(each.action) or (None if each.action in TASKS else "create_task")
        if name is None or each.amended or each.amends:
            return
        each.amended = True
        target = "task" if name in TASKS else each.target
        good = Known(
            *(self._name("compensation", each.id), each.tenant, each.order, each.exception, each.kind, name, target),
            {"compensates": each.id, "action": each.action, "target": each.target},
            *(each.customer, each.amount, each.asker),
            lane="review",
            wanted_persons=1,
            amends=True,
        )
        self._begin(good, now)

    def _nothing_done(self, each: Known, now: int) -> None:
        good = self.all.get(self._name("compensation", each.id))
        if good is not None and good.state in ("proposed", "blocked", "requested"):
            self._withdraw(good, now)

    def _say(self, each: Known, now: int) -> None:
        spoken = tuple(sorted(name for name, _ in each.spoken))
        self.said.append((now, each.id, each.state, each.lane, tuple(each.agreed), spoken, each.missing))
        if not each.over:
            return
        for other in sorted(self.all.values(), key=lambda one: one.id):
            if other.state == "blocked" and other.rival == each.id and (other.tenant, other.order) == (each.tenant, each.order):
                rival = self._rival(other)
                if rival is not None:
                    other.rival = rival
                else:
                    blocked = any(
                        effect == "block" and name not in ("one_irreversible_action", "automation_paused") for name, effect in other.spoken
                    )
                    other.state, other.rival = "proposed", ""
                    other.lane = "block" if blocked else "review"
                    other.wanted_persons = max(other.wanted_persons, len(other.agreed) + 1)
                    other.waits_since, other.gone_up = now, False
                self._say(other, now)

    def _name(self, sort: str, of: str) -> str:
        return self.names.get((sort, of), f"{sort} of {of}")

    # --- decisions ---

    def _decision(self, decided: Decided) -> None:
        why = self._decide(decided)
        if why is not None:
            self.refused.append((decided.id, why))

    def _decide(self, one: Decided) -> str | None:
        told = one.told
        if one.topic != "order-decisions" and not one.topic.endswith((".order-decisions", "-order-decisions")):
            return "not_a_decision_source"
        if one.type.startswith("automation."):
            return self._automation(one)
        if one.type == "action.initiated":
            return self._initiated(one)
        each = self.all.get(str(told.get("action_id")))
        if each is None or (each.tenant, each.order) != (one.tenant, one.order):
            return "unknown_action"
        if one.id in each.heard:
            return None
        step = {"approved": self._approved, "rejected": self._rejected, "begun": self._begun, "observed": self._observed}
        word = one.type.partition(".")[2]
        each.heard.append(one.id)  # The first wins, whatever became of it.
        return step[word](each, told, one.log) if word in step else self._outcome(each, word, told, one.log)

    def _automation(self, one: Decided) -> str | None:
        scope = str(one.told.get("scope"))
        if not one.told.get("by"):
            return "no_name"
        (self.paused.discard if one.type == "automation.resumed" else self.paused.add)(scope)
        return None

    def _initiated(self, one: Decided) -> str | None:
        told = one.told
        id_, by = self._name("initiated", one.id), str(told.get("by") or "")
        if not by.startswith("user:"):
            return "not_a_person" if by else "no_name"
        action, parameters = str(told["action"]), dict(_mapping(told.get("parameters")))
        needed = NEEDS.get(action)
        if needed is not None and parameters.get(needed) is None:
            return "parameters"
        money = _mapping(parameters.get("amount"))
        amount = (str(money["amount"]), str(money["currency"])) if money else None
        target = "task" if action in TASKS else "customer" if action in ("notify_customer", "ask_payment_update") else "order"
        each = Known(id_, one.tenant, one.order, None, "", action, target, parameters, None, amount, by, lane="review")
        each.wanted_persons = self._persons(each)
        self._begin(each, one.log)
        return None

    def _read(self, each: Known, told: Mapping[str, object]) -> str | None:
        if not told.get("payload_hash"):
            return "no_hash"
        if told["payload_hash"] != frozen(each):
            return "wrong_hash"
        if not told.get("by"):
            return "no_name"
        return None if str(told["by"]).startswith("user:") else "not_a_person"

    def _role(self, each: Known, told: Mapping[str, object]) -> str | None:
        roles = self.terms.approvers.get(each.action) or self.terms.approvers.get("*") or ("admin", "approver")
        held = told.get("by_roles")
        return None if set(roles) & set(held if isinstance(held, list) else ()) else "role_missing"

    def _approved(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        why = self._read(each, told)
        if why is not None:
            return why
        if each.state == "blocked":
            return "blocked"
        if each.state != "proposed" or not each.missing:
            return "wrong_state"
        by = str(told["by"])
        if by.lower() == each.asker.lower():
            return "own_action"
        if by.lower() in [name.lower() for name in each.agreed]:
            return "already_approved"
        why = self._role(each, told)
        if why is not None:
            return why
        if each.missing == 1:
            stopped = self._stopped(each, now)
            if stopped is not None:
                return stopped[0]
            if self._rival(each) is not None:
                return "blocked"
        each.agreed = [*each.agreed, by]
        if not each.missing:
            self._settle(each, now)
        self._say(each, now)
        return None

    def _rejected(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        why = self._read(each, told)
        if why is not None:
            return why
        if each.state not in ("proposed", "blocked", "requested"):
            return "wrong_state"
        if told["by"] != each.asker and (why := self._role(each, told)) is not None:
            return why
        each.was_requested = each.state == "requested"
        each.state, each.rival, each.counted = "rejected", "", None
        self._say(each, now)
        return None

    def _begun(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        late = each.state in ("withdrawn", "rejected") and each.was_requested
        if each.state != "requested" and not late and not (each.state == "failed" and each.again):
            return "in_doubt" if each.state == "in_doubt" else "not_requested"
        stated = told.get("attempt")
        attempt = stated if isinstance(stated, int) else each.attempt + 1
        if attempt <= each.attempt:
            return "attempt_repeated"
        each.state, each.attempt, each.again = "begun", attempt, False
        if late:
            each.counted = self._day(now)
            for other in sorted(self.all.values(), key=lambda one: one.id):
                if other.before == each.id and other.state in ("proposed", "blocked", "requested"):
                    for key, stands in self.of_key.items():
                        if stands is other:
                            self.of_key[key], each.wanted = each, True
                    self._withdraw(other, now)
            for other in sorted(self.all.values(), key=lambda one: one.id):
                same = (other.tenant, other.order) == (each.tenant, each.order) and self._same(each.target, other.target)
                if other.id != each.id and same and other.state == "requested" and each.final_way and other.final_way:
                    self._withdraw(other, now)
        self._say(each, now)
        if late or {"all", f"action:{each.action}", f"rule:{each.kind}", f"tenant:{each.tenant}"} & self.paused:
            self._amend(each, now)
        return None

    def _outcome(self, each: Known, word: str, told: Mapping[str, object], now: int) -> str | None:
        if each.state == "in_doubt":
            return "in_doubt"
        if each.state not in ("begun", "requested"):
            return "not_begun"
        attempt = told.get("attempt")
        if attempt is not None and each.state == "begun" and attempt != each.attempt:
            return "other_attempt"
        each.attempt = attempt if isinstance(attempt, int) and attempt else max(1, each.attempt)
        each.state = word
        each.again = word == "failed" and told.get("retry_at") is not None and each.wanted and not each.amended
        self._say(each, now)
        if word == "failed" and each.over:
            self._nothing_done(each, now)
        if word == "in_doubt":
            self._hold_back(each, now)
        return None

    def _hold_back(self, doubtful: Known, now: int) -> None:
        """What is requested for the same target is taken back, and asked for anew behind the doubt."""
        for other in sorted(self.all.values(), key=lambda one: one.id):
            mine = (other.tenant, other.order) == (doubtful.tenant, doubtful.order) and other.id != doubtful.id
            if mine and other.state == "requested" and other.target != "task" and self._same(other.target, doubtful.target):
                keys = [key for key, stands in self.of_key.items() if stands is other]
                self._withdraw(other, now)
                other.wanted = False
                fresh = Known(
                    *(self._name("again", other.id), other.tenant, other.order, other.exception, other.kind, other.action, other.target),
                    *(other.parameters, other.customer, other.amount, other.asker),
                    lane="review" if other.lane == "auto" else other.lane,
                    spoken=[each for each in other.spoken if each[0] not in SHARD],
                    quiet_until=other.quiet_until,
                    before=other.id,
                    amends=other.amends,
                )
                fresh.wanted_persons = self._persons(fresh)
                for key in keys:
                    self.of_key[key] = fresh
                self._begin(fresh, now)

    def _observed(self, each: Known, told: Mapping[str, object], now: int) -> str | None:
        if each.state not in ("in_doubt", "begun"):
            return "wrong_state"
        if told.get("outcome") not in ("executed", "not_executed"):
            return "bad_outcome"
        each.state = "executed" if told["outcome"] == "executed" else "failed"
        each.again = False
        self._say(each, now)
        if each.state == "failed":
            self._nothing_done(each, now)
        return None


def frozen(each: Known) -> str:
    """The hash over what would be carried out: SHA-256 of canonical JSON, here of texts, whole numbers and nothing that would differ."""
    payload = {
        "tenant": each.tenant,
        "order": each.order,
        "exception": each.exception,
        "action": each.action,
        "target": each.target,
        "parameters": dict(each.parameters),
    }
    return sha256(json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _done(parameters: Mapping[str, object]) -> dict[str, object]:
    """What would be done: the lane of the exception is no part of it."""
    return {name: value for name, value in parameters.items() if name != "lane"}


def terms_of(policy: Mapping[str, object]) -> Terms:
    """What a policy (as data) says of actions."""
    stated = _mapping(policy.get("actions"))
    timeout, within = _span(stated.get("approval_timeout")), _span(stated.get("approve_within"))
    timeout = 3 * DAY if timeout is None else timeout
    caps = stated.get("budgets")
    return Terms(
        timeout,
        min(DAY, timeout // 2) if within is None else within,
        {name: Decimal(str(value)) for name, value in _mapping(stated.get("second_approval_above")).items()},
        {name: tuple(str(role) for role in roles) for name, roles in _mapping(stated.get("approvers")).items() if isinstance(roles, list)},
        tuple(_cap(_mapping(cap)) for cap in (caps if isinstance(caps, list) else [])),
        str(policy.get("zone") or "UTC"),
    )


def _cap(stated: Mapping[str, object]) -> Cap:
    names = (None if stated.get(name) is None else str(stated[name]) for name in ("rule", "action", "tenant"))
    return Cap(int(str(stated["most"])), *names, each=stated.get("each") == "customer")


def _span(text: object) -> int | None:
    if text is None:
        return None
    number, unit = str(text).split()
    return int(number) * {"h": HOUR, "d": DAY}[unit]
