"""One rule's setting: the one struct from which a file's form, the defaults, an override's changes and the shown policy derive.

Adding a setting is adding a field here, with its reader; a rule says by its data which settings have an effect on it (`settings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

from dataflows.core.clocks.spans import ZERO, Later, Portion, Span, apart, longer
from schemas.instants import DAY
from schemas.plain import Data

Severity = Literal["low", "medium", "high", "critical"]
Lane = Literal["auto", "review", "block"]
Shape = Literal["timeout", "signal"]
Switch = Literal["on", "shadow", "off"]
SEVERITIES: Final = ("low", "medium", "high", "critical")
LANES: Final = ("auto", "review", "block")
STEP_DATES: Final = ("promised_by", "ship_by")
"""The dates of an order that a step may be counted from."""
STEP_MILESTONES: Final = ("authorized", "captured", "allocated", "released", "picked", "packed", "shipped", "delivered")
"""The milestones of an order that may rule a step out, or that it may be counted from."""
EXPIRY: Final = Span(90 * DAY, "us")
LONGEST_PAUSE: Final = Span(14 * DAY, "us")
ACKNOWLEDGE: Final[dict[str, Span | None]] = {
    "critical": Span(1, "bh"), "high": Span(4, "bh"), "medium": Span(1, "bd"), "low": Span(3, "bd"),
}  # fmt: skip
"""Within what a case is to be acknowledged, by severity. P, but for: seen to by the next working day is what parcelLab's watchlist takes
for not yet an exception."""
RESOLVE: Final[dict[str, Span | None]] = {
    "critical": Span(8, "bh"), "high": Span(1, "bd"), "medium": Span(2, "bd"), "low": Span(10, "bd"),
}  # fmt: skip
"""Within what it is to be resolved. `high`: not cleared by the next working day is what parcelLab escalates (watchlist). `medium`: the two
days after which the alert flows of Shopify and Wonderment tell somebody else. The others: P."""
SCOPES: Final = ("order", "line", "shipment", "payment", "return")
"""What an exception is about, as `owners` names it."""
NORMAL: Final = "normal"
"""In `owners`: whoever has it while it is a warning, before its deadline: the owner of the normal path."""
Change = Mapping[str, Any]
"""Some fields of a `RuleSetting`, to be replaced."""


class Read(NamedTuple):
    """How a policy file states a field: `reader` (see `form.READERS`) makes its value of a text.

    `many`: a list of such values, or one; `table`: values by name; `off`: it may be switched off. Without a reader its parts have theirs.
    `keys`: the reader of a table's names, where not any will do.
    """

    reader: str = ""
    many: bool = False
    table: bool = False
    off: bool = False
    keys: str = ""


ASpan = Annotated[Span, Read("span")]
AName = Annotated[str, Read("name")]
ALane = Annotated[Lane, Read("lane")]
ASeverity = Annotated[Severity, Read("severity")]
Names = Annotated[tuple[str, ...], Read("name", many=True)]


@dataclass(frozen=True, slots=True)
class Step:
    """A further instant (a warning before or an escalation after the threshold), and its severity.

    `at` is counted from the anchor, as the threshold is; a `Later` span from the deadline; a `Portion` comes when so much of the wait for
    the deadline has passed. Each way the step keeps its distance to the deadline, whatever moves that. `since` names a date of the order
    that it is counted from instead, or a milestone, without which it does not come; `unless` a milestone that rules it out if the order has
    reached it by then; `above`, by currency, what the difference of money must exceed that the rule is about, else the order's total. One
    with any of these never comes before the breach. `owner`: whose the exception is from the step on, while `unless` is not reached.
    """

    at: Annotated[Span, Read("step")]
    severity: ASeverity
    since: Annotated[str, Read("step since")] = ""
    unless: Annotated[str, Read("step milestone")] = ""
    above: Annotated[tuple[tuple[str, Decimal], ...], Read("amounts")] = ()
    owner: AName = ""

    @property
    def depends(self) -> bool:
        """Whether it is the order that says if and when it comes."""
        return bool(self.since or self.unless or self.above)


@dataclass(frozen=True, slots=True)
class Fallback:
    """What counts where the date that a rule goes by is missing: `threshold` after `anchor`."""

    anchor: Annotated[str, Read("fallback anchor")]
    threshold: ASpan


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSetting:
    """One rule as an order sees it.

    Due at `clock`(anchor, `threshold`), raised at due + `grace` with `severity`; `steps` are further instants `clock`(anchor, step.at) +
    `grace`, before it (warnings) or after it (escalations), which move with the threshold. `clock` is `site`, `carrier`, `destination`,
    `tenant` or a calendar's name; `international`, where set, replaces the threshold of an order that crosses a border; `grace` is elapsed
    time. `fallback` counts where the rule's date is missing; `feeds` name what the rule waits for; `fields` what an order must state.
    `margin` is how near or far apart counts, `count` how often something must happen: each rule's definition says of what. `owners` are
    those of holds of some kinds, of a scope, or of the normal path, where they are not `owner`'s; `minor_lane` and `minor_severity` hold
    for the reports that a rule takes for less grave. `raise_after`: counted from the anchor, nothing is said of it before that; what is
    over by then is said as over. `expire_after` is how long an exception stands open without news of it or its order.
    `acknowledge`, `resolve`: by severity, within what its case is to be; `ladder`: the one along which an overdue case escalates, if the
    policy has it; `longest_pause`: how long a snooze or a wait of its case lasts at most.
    """

    kind: str
    switch: Annotated[Switch, Read("switch")] = "on"
    anchor: Annotated[str | None, Read("name")] = None
    threshold: ASpan = ZERO
    international: Annotated[Span | None, Read("span", off=True)] = None
    clock: Annotated[str, Read("clock")] = "destination"
    grace: Annotated[Span, Read("elapsed")] = ZERO
    fallback: Annotated[Fallback | None, Read(off=True)] = None
    suppressed_by: Annotated[tuple[str, ...], Read("kind", many=True)] = ()
    feeds: Names = ()
    steps: Annotated[tuple[Step, ...], Read(many=True)] = ()
    severity: ASeverity = "medium"
    owner: AName = "OPS"
    lane: ALane = "review"
    fields: Names = ()
    margin: Annotated[Span, Read("period")] = ZERO
    count: Annotated[int, Read("count")] = 0
    owners: Annotated[dict[str, str], Read("name", table=True, off=True)] = field(default_factory=dict[str, str])
    minor_lane: ALane = "auto"
    minor_severity: ASeverity = "medium"
    expire_after: Annotated[Span | None, Read("period", off=True)] = EXPIRY
    acknowledge: Annotated[dict[str, Span | None], Read("allowed", table=True, keys="severity")] = field(default_factory=ACKNOWLEDGE.copy)
    resolve: Annotated[dict[str, Span | None], Read("allowed", table=True, keys="severity")] = field(default_factory=RESOLVE.copy)
    ladder: Annotated[str | None, Read("ladder", off=True)] = "default"
    longest_pause: Annotated[Span, Read("period")] = LONGEST_PAUSE
    raise_after: ASpan = ZERO


NAMES: Final = tuple(one.name for one in fields(RuleSetting))[1:]
ADDED: Final = NAMES[NAMES.index("margin") :]
"""Settings that came later: at its default such a setting is no part of a policy's version, so that the version stays what it was."""
OF_CASES: Final = frozenset(("acknowledge", "resolve", "ladder", "longest_pause"))
"""Settings of what people make of an exception."""
OF_ALL: Final = frozenset(("switch", "suppressed_by", "severity", "owner", "owners", "lane", "expire_after")) | OF_CASES
"""Settings that have an effect on every rule."""


def changed(setting: RuleSetting, change: Change) -> RuleSetting:
    """A setting with a change. Another `owner` owns everything: the table of owners holds no longer, unless it is stated as well.

    Who states a `threshold` or `steps` states when it is raised.
    """
    if not change:
        return setting
    if setting.raise_after.n and "raise_after" not in change and not change.keys().isdisjoint(("threshold", "steps")):
        change = {**change, "raise_after": ZERO}
    if setting.steps and "threshold" in change and "steps" not in change:
        change = {**change, "steps": moved(setting.steps, setting.threshold, change["threshold"])}
    for name in ("acknowledge", "resolve"):
        if name in change:  # What is said of one severity leaves the others as they are.
            change = {**change, name: {**getattr(setting, name), **change[name]}}
    if setting.owners and "owners" not in change and change.get("owner", setting.owner) != setting.owner:
        change = {**change, "owners": {}}
    return replace(setting, **change)


def moved(steps: tuple[Step, ...], before: Span, after: Span) -> tuple[Step, ...]:
    """The steps of a threshold when there is another: each keeps its distance.

    Left out is a warning for which there is no room, or whose distance cannot be said in the new unit: business time is not counted back.
    """
    found: list[Step] = []
    for step in steps:
        distance = None if isinstance(step.at, (Later, Portion)) or step.since else apart(step.at, before)
        if distance is None:
            found.append(step)
            continue
        at = longer(after, distance)
        if at is None and distance.n > 0:
            at = Later(*distance)
        began_after_anchor = before.n > 0 and step.at.n >= 0
        if at is not None and (distance.n >= 0 or at.n > 0 or (at.unit == "us" and not began_after_anchor)):
            found.append(replace(step, at=at))
    return tuple(found)


class Described(Protocol):
    """A rule, as far as a policy must know it."""

    @property
    def kind(self) -> str:
        """The kind of its exceptions."""
        ...

    @property
    def definition(self) -> str:
        """When it is true, for people."""
        ...

    @property
    def clears(self) -> str:
        """When it ends, for people."""
        ...

    @property
    def source(self) -> str:
        """Where its default threshold comes from."""
        ...

    @property
    def defaults(self) -> RuleSetting:
        """Its setting as it comes."""
        ...

    @property
    def anchors(self) -> tuple[str, ...]:
        """The values that `anchor` may take; empty where the anchor is fixed."""
        ...

    @property
    def settings(self) -> frozenset[str]:
        """The settings that have an effect on it."""
        ...

    @property
    def stated(self) -> Mapping[str, Data] | None:
        """Of a rule of the user: its entry in the policy file."""
        ...

    @property
    def awaits(self) -> tuple[str, ...]:
        """The milestones of which the feeds must emit one for it to say anything; empty where it says what it says without."""
        ...

    @property
    def limits(self) -> Mapping[str, tuple[Span, Span]]:
        """Between what a span that it is set to must lie."""
        ...

    @property
    def waits(self) -> bool:
        """Whether it waits for its feeds although it is reported: it rests on something not having been said."""
        ...

    @property
    def choices(self) -> Mapping[str, tuple[str, ...]]:
        """Of settings whose names must be such as the rule knows: those names."""
        ...

    @property
    def general(self) -> tuple[str, ...]:
        """The settings that hold for all orders alike, so that no override has a say in them."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The delivery methods of which it speaks; empty: of all."""
        ...

    @property
    def terms(self) -> tuple[str, ...]:
        """The payment terms of which it speaks; empty: of all."""
        ...

    @property
    def dated(self) -> bool:
        """Whether it counts from a date that lies ahead, so that a threshold may lie before it."""
        ...

    @property
    def of_money(self) -> bool:
        """Whether it is about a difference of money, which a step may ask for."""
        ...

    @property
    def placeless(self) -> bool:
        """Whether it speaks of events that no order is known for, which have a tenant and a site at most."""
        ...
