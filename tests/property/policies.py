"""Random policies: switches, thresholds, steps, grace, clocks, suppression, overrides, feeds, and what the feeds emit.

A policy is drawn as the data of a policy file. What the policy checker refuses of it (a limit that cannot fire, a setting without an
effect) is left out, so every drawn policy is a valid one.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import TYPE_CHECKING, cast

import orjson
from hypothesis import strategies as st

from dataflows.core.policy.build import build
from dataflows.core.policy.check import examine_text
from dataflows.core.policy.setting import STEP_DATES, STEP_MILESTONES
from dataflows.core.rules import RULES

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from dataflows.core.policy import Policy
    from dataflows.core.rules.model import Rule

Form = dict[str, object]
MILESTONES = (
    *("placed", "captured", "authorized", "shipped", "scans", "allocated", "released", "picked", "packed"),
    *("invoiced", "return_shipped", "inspected", "refunded"),
)
BUILT_IN = ("placed", "captured", "shipped", "scans")
SPANS = ("0 s", "15 m", "1 h", "4 h", "12 h", "24 h", "2 d", "8 d", "30 d", "4 bh", "8 bh", "24 bh", "1 bd", "3 bd", "10 bd")
SHARES = ("50 %", "80 %", "99 %")
"""Of the wait for a deadline: only steps of what waits come so."""
EARLY = ("-24 h", "-12 h", "-48 h")
"""Before a date; only rules that go by a date have such thresholds and steps."""
DATED = frozenset(("fulfilment.release_overdue", "fulfilment.ship_overdue", "payment.auth_expiring", "shipment.delivery_overdue"))
RESTING = ("conflict.shipped_unpaid", "conflict.delivered_without_ship", "payment.amount_mismatch", "payment.refund_exceeds_capture")
"""No deadlines, but they rest on what was not said, and so take grace."""
GRACES = ("15 m", "2 h", "1 d")
SEVERITIES = ("low", "medium", "high", "critical")
DIMENSIONS: Form = {"site": "w1", "country": ["DE", "NL"], "carrier": "ups", "service": "express", "channel": "web", "tier": "gold"}
PREFIXES = ("/payments", "/payments/adyen", "/carrier", "/carrier/ups", "/warehouse/w1", "/storefront")
CALENDARS: Form = {
    "six": {"zone": "Europe/Berlin", "hours": {"mon-fri": "08:00-18:00", "sat": "09:00-12:00"}, "holidays": "DE"},
    "early": {"zone": "America/New_York", "hours": {"mon-fri": "06:00-14:00"}, "holidays": "US", "cutoff": "11:00"},
}


def yaml_of(form: Form) -> str:
    """The policy file of a form: JSON is YAML."""
    return orjson.dumps(form).decode()


def policy_of(form: Form) -> Policy:
    """The policy that a form states. Raises ValueError with what is wrong if it is refused."""
    read, faults = examine_text(yaml_of(form), RULES)
    if read is None:
        raise ValueError(faults)
    return build(read, RULES)


@cache
def _kinds() -> tuple[str, ...]:
    return tuple(rule.kind for rule in RULES)


@st.composite
def _asking(draw: DrawFn, rule: Rule) -> Form:
    """What a step asks of the order: mostly nothing."""
    if rule.placeless or draw(st.integers(0, 2)):
        return {}
    found = cast("Form", {})
    if draw(st.booleans()):
        found |= {"since": draw(st.sampled_from(STEP_DATES)), "at": draw(st.sampled_from((*SPANS, *EARLY)))}
    elif draw(st.booleans()):
        found["since"] = draw(st.sampled_from(STEP_MILESTONES))
    if draw(st.booleans()):
        found["unless"] = draw(st.sampled_from(STEP_MILESTONES))
    if draw(st.booleans()):
        found["above"] = draw(st.sampled_from(("0", "5", {"*": "20", "EUR": "1"}, "80")))
    return found


@st.composite
def _setting(draw: DrawFn, kind: str) -> Form:
    """Some fields of one rule."""
    rule = next(rule for rule in RULES if rule.kind == kind)
    defaults, setting = rule.defaults, cast("Form", {})
    waits = rule.shape == "timeout"
    maybe = st.integers(0, 1)
    spans = (*SPANS, *EARLY) if kind in DATED else SPANS
    if waits and draw(maybe):
        setting["threshold"] = draw(st.sampled_from(spans))
    if defaults.raise_after.n and draw(maybe):
        setting["raise_after"] = draw(st.sampled_from(SPANS))
    if (waits or kind in RESTING) and draw(st.integers(0, 3)) == 0:
        setting["grace"] = draw(st.sampled_from(GRACES))
    if (waits or bool(defaults.steps)) and draw(st.integers(0, 2)) == 0:
        steps = st.tuples(st.sampled_from((*spans, *SHARES) if waits else spans), st.sampled_from(SEVERITIES))
        stated = [{"at": at, "severity": severity} for at, severity in draw(st.lists(steps, max_size=2))]
        setting["steps"] = [step | draw(_asking(rule)) for step in stated]
    if (waits or bool(defaults.steps)) and draw(st.integers(0, 3)) == 0:
        setting["clock"] = draw(st.sampled_from(("site", "carrier", "destination", "tenant", *CALENDARS)))
    if defaults.international is not None and draw(maybe):
        setting["international"] = draw(st.sampled_from(("off", *SPANS)))
    if defaults.fallback is not None and draw(maybe):
        fallback = {"anchor": draw(st.sampled_from(("captured", "placed"))), "threshold": draw(st.sampled_from(SPANS))}
        setting["fallback"] = draw(st.sampled_from(("off", fallback)))
    if bool(rule.anchors) and draw(maybe):
        setting["anchor"] = draw(st.sampled_from(rule.anchors))
    if bool(defaults.fields) and draw(maybe):
        setting["fields"] = draw(st.lists(st.sampled_from(("total", "ship_to.country", "ship_to.region", "customer.id")), unique=True))
    if defaults.suppressed_by and draw(st.integers(0, 2)) == 0:
        setting["suppressed_by"] = draw(st.lists(st.sampled_from(defaults.suppressed_by), unique=True))
    if draw(st.integers(0, 3)) == 0:
        setting["severity"] = draw(st.sampled_from(SEVERITIES))
    if draw(st.integers(0, 3)) == 0:
        setting["lane"] = draw(st.sampled_from(("auto", "review", "block")))
    if not setting or draw(st.integers(0, 3)) == 0:
        setting["switch"] = draw(st.sampled_from(("on", "on", "shadow", "off")))
    return setting


@st.composite
def _rules(draw: DrawFn, most: int) -> Form:
    chosen = draw(st.lists(st.sampled_from(_kinds()), unique=True, max_size=most))
    return {kind: draw(_setting(kind)) for kind in chosen}


@st.composite
def _override(draw: DrawFn) -> Form:
    names = draw(st.lists(st.sampled_from(sorted(DIMENSIONS)), unique=True, min_size=1, max_size=2))
    # The switch is set, so that no override tunes a rule which nothing switches on.
    rules = {kind: {"switch": "on", **cast("Form", setting)} for kind, setting in draw(_rules(4)).items()}
    return {"when": {name: DIMENSIONS[name] for name in names}, "rules": rules or {"order.stalled": {"switch": "off"}}}


@st.composite
def policies(draw: DrawFn) -> Form:
    """A policy file's data."""
    form: Form = {"emits": draw(st.sampled_from((MILESTONES, MILESTONES, BUILT_IN))), "calendars": CALENDARS, "rules": draw(_rules(12))}
    if draw(st.integers(0, 3)) == 0:
        form["emits"] = draw(st.lists(st.sampled_from(MILESTONES), unique=True, min_size=1))
    if draw(st.integers(0, 3)) == 0:
        form["rules"] = {"*": {"suppressed_by": []}, **cast("Form", form["rules"])}
    if draw(st.booleans()):
        form["sites"] = {"w1": draw(st.sampled_from(({"country": "DE"}, {"calendar": "six"}, {"zone": "Asia/Tokyo"})))}
    if draw(st.booleans()):
        form["carriers"] = {"ups": {"calendar": draw(st.sampled_from(sorted(CALENDARS)))}}
    if draw(st.booleans()):
        form["countries"] = {"DE": {"calendar": "six"}}
    if draw(st.integers(0, 3)) == 0:
        form["tolerance"] = {draw(st.sampled_from(("EUR", "*"))): draw(st.sampled_from(("0.00", "0.05", "1")))}
    if draw(st.integers(0, 3)) == 0:
        form["retention"] = {"close_after": "9 d", "expire_unknown": "5 d"}
    if draw(st.booleans()):
        form["overrides"] = _apart(draw(st.lists(_override(), min_size=1, max_size=3)))
    if draw(st.integers(0, 2)) == 0:
        prefixes = draw(st.lists(st.sampled_from(PREFIXES), unique=True, min_size=1, max_size=3))
        form["feeds"] = {
            prefix: {"silence": draw(st.sampled_from(("4 h", "2 d", "9 d"))), "delay": draw(st.sampled_from(("0 s", "30 m", "1 d")))}
            for prefix in prefixes
        }
    return valid(form)


def judged(form: Form) -> Form:
    """The policy without what the judge in `oracle` does not know: overrides, feeds, times of keeping, weeks of two sorts of days."""
    left_out = ("overrides", "feeds", "retention")
    plain = {name: value for name, value in form.items() if name not in left_out}
    hours = {"six": {**cast("Form", CALENDARS["six"]), "hours": {"mon-sat": "08:00-18:00"}}}
    rules = {kind: _judged(cast("Form", setting)) for kind, setting in cast("Form", form["rules"]).items()}
    return valid(plain | {"calendars": CALENDARS | hours, "rules": {kind: setting for kind, setting in rules.items() if setting}})


def _judged(setting: Form) -> Form:
    """A fallback counts from what the catalogue says."""
    return {name: value for name, value in setting.items() if name != "fallback" or value == "off"}


def valid(form: Form) -> Form:
    """The form without what is refused of it. Raises ValueError if that does not end."""
    for _ in range(10):
        read, faults = examine_text(yaml_of(form), RULES)
        if read is not None:
            return form
        form = copy.deepcopy(form)
        for fault in faults:
            _leave_out(form, fault.path)
    raise ValueError(form)


def _leave_out(form: Form, path: tuple[str | int, ...]) -> None:
    """Leaves out the rule's setting, the override or the section that a path of a file leads to."""
    parts = list(path)
    where: Form = form
    if parts[0] == "overrides":
        overrides = cast("list[Form]", form.get("overrides", []))
        index = cast("int", parts[1])
        if len(parts) < 4 or index >= len(overrides) or len(cast("Form", overrides[index]["rules"])) < 2:
            form["overrides"] = [one for number, one in enumerate(overrides) if number != index]
            return
        where, parts = overrides[index], parts[2:]
    if parts[0] == "rules" and len(parts) > 1:
        where, parts = cast("Form", where["rules"]), parts[1:]
    where.pop(str(parts[0]), None)


def _apart(overrides: list[Form]) -> list[Form]:
    """Those with a `when` of their own: of two with the same one, the first might never count."""
    return list({str(override["when"]): override for override in overrides}.values())
