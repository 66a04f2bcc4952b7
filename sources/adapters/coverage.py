"""What occurred in payloads and what became of it: kinds of messages, fields and codes, each with how often and a sample."""

from __future__ import annotations

from dataclasses import dataclass, field

from sources.adapters.payload import Json, PayloadReader

UNKNOWN = "unknown"
"""The kind of a payload whose adapter did not get as far as to say it."""
LONGEST_SAMPLE = 40
MOST = 10_000
"""Most different fields, kinds or codes that are kept: payloads of an unknown shape cannot fill the memory."""


@dataclass(slots=True)
class FieldCoverage:
    """A field: in how many places it stood, in how many of these it was read, and the first value."""

    count: int = 0
    read: int = 0
    sample: str = ""


@dataclass(slots=True)
class Code:
    """A code in a field: how often it occurred, and whether a table has it."""

    count: int = 0
    known: bool = False


@dataclass(slots=True)
class Sought:
    """A field that the operator configured: in how many payloads it was looked for, and in how many of them it was found."""

    count: int = 0
    found: int = 0


@dataclass(slots=True)
class Kind:
    """A kind of message: how often it occurred, and what became of it: events by type, refusals by reason, `ignored`."""

    count: int = 0
    became: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(slots=True)
class Coverage:
    """Adds up over payloads. Samples are payload values: show them to who holds the payloads, never log them."""

    kinds: dict[str, Kind] = field(default_factory=dict[str, Kind])
    codes: dict[tuple[str, str, str], Code] = field(default_factory=dict[tuple[str, str, str], Code])
    """By table, field and code."""
    fields: dict[str, FieldCoverage] = field(default_factory=dict[str, FieldCoverage])
    configured: dict[tuple[str, str], Sought] = field(default_factory=dict[tuple[str, str], Sought])
    """By setting and what it names (`order_field`, `metadata.order`)."""
    current: str = UNKNOWN
    """The kind of the message that is being read."""
    looked: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    """What was looked for in the payload that is being read, and whether it was found."""

    def began(self) -> None:
        """A new payload, of a kind that is not known yet."""
        self.current = UNKNOWN
        self.looked.clear()

    def kind(self, name: str) -> None:
        """Notes the kind of a message; a payload may hold several, one after another."""
        self.current = name
        kind = self._kind()
        if kind is not None:
            kind.count += 1

    def produced(self, what: str) -> None:
        """Notes what became of the message that is being read: an event's type, the reason of a refusal, `ignored`."""
        kind = self._kind()
        if kind is not None:
            kind.became[what] = kind.became.get(what, 0) + 1

    def ended(self) -> None:
        """The payload is read."""
        for key, found in self.looked.items():
            sought = self.configured.setdefault(key, Sought())
            sought.count += 1
            sought.found += found
        if self.current == UNKNOWN:
            self.kind(UNKNOWN)

    def _kind(self) -> Kind | None:
        if self.current not in self.kinds and len(self.kinds) >= MOST:
            return None
        return self.kinds.setdefault(self.current, Kind())

    def code(self, table: str, at: str, code: str, *, known: bool) -> None:
        """Notes a code that was looked up."""
        key = (table, at, code)
        if key in self.codes or len(self.codes) < MOST:
            found = self.codes.setdefault(key, Code())
            found.count += 1
            found.known = known

    def sought(self, setting: str, name: str, *, found: bool) -> None:
        """Notes that a configured field was looked for; a payload has it if any part of it has."""
        self.looked[setting, name] = self.looked.get((setting, name), False) or found

    def missing(self) -> dict[tuple[str, str], int]:
        """The configured fields that no payload had, and in how many they were looked for."""
        return {key: one.count for key, one in self.configured.items() if not one.found}

    def unmapped(self) -> dict[tuple[str, str, str], int]:
        """The codes that no table has, and how often each occurred."""
        return {key: code.count for key, code in self.codes.items() if not code.known}

    def looked_over(self, payload: PayloadReader) -> None:
        """Notes every field of a payload that has a value, and whether it was read."""
        for path, value in _leaves(payload.value, ""):
            if path not in self.fields and len(self.fields) >= MOST:
                continue
            found = self.fields.setdefault(path, FieldCoverage())
            found.count += 1
            found.read += path in payload.read
            if not found.sample:
                found.sample = str(value)[:LONGEST_SAMPLE]


def _leaves(value: Json, path: str) -> list[tuple[str, Json]]:
    if isinstance(value, dict):
        return [leaf for name, below in value.items() for leaf in _leaves(below, f"{path}.{name}" if path else name)]
    if isinstance(value, list):
        return [leaf for below in value for leaf in _leaves(below, f"{path}[]")]
    return [] if value in (None, "") else [(path, value)]
