"""One rule's setting: the one struct from which a file's form, the defaults, an override's changes and the shown policy derive.

Adding a setting is adding a field here, with its reader; a rule says by its data which settings have an effect on it (`settings`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Protocol, get_type_hints

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainValidator

from dataflows.core.clocks.spans import ZERO, Span
from dataflows.core.policy import values as read
from dataflows.core.policy.fields import (
    LANES,
    AnySpan,
    Elapsed,
    Fallback,
    Kinds,
    Lane,
    Name,
    Names,
    OptionalSpan,
    Period,
    Severity,
    SeverityName,
    Step,
    removable,
    table,
)
from dataflows.core.policy.values import Switch

Shape = Literal["timeout", "signal"]
Change = Mapping[str, object]
"""Some fields of a `RuleSetting`, to be replaced."""


class RuleSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as an order sees it.

    Due at `clock`(anchor, `threshold`), raised at due + `grace` with `severity`; `steps` are further instants `clock`(anchor, step.at),
    before it (warnings) or after it (escalations). `clock` is `site`, `carrier`, `destination`, `tenant` or a calendar's name;
    `international`, where set, replaces the threshold of an order that crosses a border; `grace` is elapsed time. `fallback` counts where
    the rule's date is missing; `feeds` name what the rule waits for; `fields` what an order must state. `margin` is how near or far apart
    counts, `count` how often something must happen: each rule's definition says of what. `owners` are those of holds of some kinds, where
    they are not `owner`'s; `minor_lane` and `minor_severity` hold for the reports that a rule takes for less grave.
    """

    kind: str
    switch: Annotated[Switch, PlainValidator(read.switch)] = "on"
    anchor: Name | None = None
    threshold: AnySpan = ZERO
    international: OptionalSpan = None
    clock: Annotated[str, PlainValidator(read.clock)] = "destination"
    grace: Elapsed = ZERO
    fallback: Annotated[Fallback | None, BeforeValidator(removable)] = None
    suppressed_by: Kinds = ()
    feeds: Names = ()
    steps: tuple[Step, ...] = ()
    severity: SeverityName = "medium"
    owner: Name = "OPS"
    lane: Annotated[Lane, PlainValidator(read.choice("lane", LANES))] = "review"
    fields: Names = ()
    margin: Period = ZERO
    count: Annotated[int, PlainValidator(read.count)] = 0
    owners: Annotated[dict[str, Name], BeforeValidator(removable), AfterValidator(table)] = msgspec.field(default_factory=dict)
    minor_lane: Annotated[Lane, PlainValidator(read.choice("lane", LANES))] = "auto"
    minor_severity: SeverityName = "medium"


NAMES: Final = RuleSetting.__struct_fields__[1:]
ADDED: Final = NAMES[NAMES.index("margin") :]
"""Settings that came later: at its default such a setting is no part of a policy's version, so that the version stays what it was."""
OF_ALL: Final = frozenset(("switch", "suppressed_by", "severity", "owner", "lane"))
"""Settings that have an effect on every rule."""


def _fields() -> dict[str, Any]:
    """The fields of a setting in a policy file: type with reader, and what stands where the file states none."""
    hints, plain = get_type_hints(RuleSetting, include_extras=True), RuleSetting(kind="")
    return {name: (hints[name], getattr(plain, name)) for name in NAMES}


FIELDS: Final = _fields()


def change_of(form: BaseModel) -> Change:
    """What a file changes of a setting."""
    return {name: getattr(form, name) for name in form.model_fields_set}


def changed(setting: RuleSetting, change: Change) -> RuleSetting:
    """A setting with a change. Another `owner` owns everything: the table of owners holds no longer, unless it is stated as well."""
    if not change:
        return setting
    if setting.owners and "owners" not in change and change.get("owner", setting.owner) != setting.owner:
        change = {**change, "owners": {}}
    return msgspec.structs.replace(setting, **change)


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
    def awaits(self) -> tuple[str, ...]:
        """The milestones of which the feeds must emit one for it to say anything; empty where it says what it says without."""
        ...

    @property
    def limits(self) -> Mapping[str, tuple[Span, Span]]:
        """Between what a span that it is set to must lie."""
        ...

    @property
    def general(self) -> tuple[str, ...]:
        """The settings that hold for all orders alike, so that no override has a say in them."""
        ...


__all__ = ["Fallback", "Lane", "RuleSetting", "Severity", "Shape", "Span", "Step", "Switch"]
