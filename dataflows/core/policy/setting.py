"""The terms in which a rule meets a policy: what may be set, and how a rule comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

from dataflows.core.clocks.spans import Span

Severity = Literal["low", "medium", "high", "critical"]


Lane = Literal["auto", "review", "block"]


Shape = Literal["timeout", "signal"]


@dataclass(frozen=True, slots=True)
class RuleDefaults:
    """The policy's built-in values for one rule; spans are texts such as `4 bd`, `24 h` or `-24 h`.

    `threshold` is counted from the anchor by `clock`; `steps` are further instants, before it (warnings) or after it (escalations),
    each with its severity; `fallback` is an (anchor, span) used where the rule's date is missing; `feeds` name what the rule waits for.
    """

    owner: str
    severity: Severity
    lane: Lane
    threshold: str = "0 h"
    international: str | None = None
    clock: str = "destination"
    anchor: str | None = None
    grace: str = "0 h"
    fallback: tuple[str, str] | None = None
    suppressed_by: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    steps: tuple[tuple[str, Severity], ...] = ()
    fields: tuple[str, ...] = ()


Switch = Literal["on", "shadow", "off"]


@dataclass(frozen=True, slots=True)
class Step:
    """A further instant (a warning before or an escalation after the threshold), counted from the anchor, and its severity."""

    at: Span
    severity: Severity


@dataclass(frozen=True, slots=True)
class Fallback:
    """What counts where the date that a rule goes by is missing: `threshold` after `anchor`."""

    anchor: str
    threshold: Span


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """One rule as an order sees it.

    Due at `clock`(anchor, `threshold`), raised at due + `grace` with `severity`; `steps` are further instants `clock`(anchor, step.at).
    `clock` is `site`, `carrier`, `destination`, `tenant` or a calendar's name; `international`, where set, replaces the threshold of an
    order that crosses a border; `grace` is elapsed time.
    """

    kind: str
    switch: Switch
    anchor: str | None
    threshold: Span
    international: Span | None
    clock: str
    grace: Span
    fallback: Fallback | None
    suppressed_by: tuple[str, ...]
    feeds: tuple[str, ...]
    steps: tuple[Step, ...]
    severity: Severity
    owner: str
    lane: Lane
    fields: tuple[str, ...]


class Change(TypedDict, total=False):
    """Some fields of a `RuleSetting`, to be replaced."""

    switch: Switch
    anchor: str | None
    threshold: Span
    international: Span | None
    clock: str
    grace: Span
    fallback: Fallback | None
    suppressed_by: tuple[str, ...]
    feeds: tuple[str, ...]
    steps: tuple[Step, ...]
    severity: Severity
    owner: str
    lane: Lane
    fields: tuple[str, ...]


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
    def defaults(self) -> RuleDefaults:
        """Its setting as it comes."""
        ...

    @property
    def anchors(self) -> tuple[str, ...]:
        """The values that `anchor` may take; empty where the anchor is fixed."""
        ...
