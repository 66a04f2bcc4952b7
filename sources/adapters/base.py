"""What an adapter is: a pure function from a payload of one system to what it tells in the contract's words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from typing import Any, Final, TypeAlias, cast

from schemas.places import country_zone, zone
from sources.adapters.coverage import Coverage
from sources.adapters.moments import stamp
from sources.adapters.output import AdapterOutput, Draft, History, Ignored, Refused, RefuseError, Undated
from sources.adapters.payload import MAX_NAME_CHARS, PayloadReader
from sources.adapters.tables import CodeTable, Meaning

SOURCE_ROOTS: Final = {
    "order": "storefront",
    "address": "storefront",
    "payment": "payments",
    "inventory": "warehouse",
    "warehouse": "warehouse",
    "carrier": "carrier",
    "return": "returns",
    "invoice": "finance",
    "support": "support",
}
"""The first part of an event's `source`, by the first part of its type; what a policy's `feeds` and rules name."""

PAYMENTS: Final = (
    "payment.authorized",
    "payment.captured",
    "payment.voided",
    "payment.failed",
    "payment.refunded",
    "payment.disputed",
    "payment.dispute_closed",
)
"""The types that a payment provider tells."""

Headers: TypeAlias = "Mapping[str, str]"
"""HTTP headers by lower-case name."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What came from a system: the bytes, and of the request that brought them its headers, when it was received, and its URL if known.

    `url` is path and query, without any secret.
    """

    body: bytes
    headers: Headers = field(default_factory=dict[str, str])
    received: datetime | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class AdapterConnection:
    """What the operator says about the account that payloads come from.

    `zone`: IANA name, for local times of which neither the source nor the place says where. `order_field`: the path (`PayloadReader.at`) to
    the order's ID in the system's main object, where it is not the adapter's own choice; `order_is_alias`: what stands there is not the ID
    under which the storefront places the order but another name of it. `auto_capture`: the account takes the money as soon as it is
    authorized, and its system says nothing more of it (Adyen). `omit`: types (`payment.*`) of which another system is the record.
    """

    name: str = ""
    tenant: str = "default"
    zone: str = "UTC"
    order_field: str | None = None
    order_is_alias: bool = False
    accept_test: bool = False
    omit: tuple[str, ...] = ()
    auto_capture: bool = False

    def omits(self, type_: str) -> bool:
        """Whether events of this type are left out."""
        return any(type_ == one or (one.endswith("*") and type_.startswith(one[:-1])) for one in self.omit)


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one system's payloads are read.

    `parse` turns bytes into a tree, `read` tells what it says; both are pure and raise nothing but RefuseError. A RefuseError out of
    `read` refuses what has not been told by then; `EventBuilder.each` confines it to one item. `scheme` names how its webhooks are signed
    (`sources.gateway`); `delivery` is the header or, after `$.`, the path in the body that names one delivery: repetitions are known by it.
    """

    system: str
    title: str
    forms: str
    """What it reads, in a few words."""
    parse: Callable[[bytes], PayloadReader]
    read: Callable[[PayloadReader, EventBuilder], Iterator[AdapterOutput]]
    tables: tuple[CodeTable, ...]
    emits: tuple[str, ...]
    """The types that it can tell; tests show that it tells no others."""
    scheme: str = "secret"
    delivery: str | None = None
    ignores: frozenset[str] = frozenset({"auto_capture"})
    """Fields of a connection, and `headers` of a payload, that mean nothing here (`order_is_alias`: without `order_field`); whoever states
    one of them is told so. Tests show which are read."""

    def useless(self, connection: AdapterConnection, stated: Collection[str]) -> dict[str, str]:
        """Which of the `stated` fields have no effect, each with why."""
        why = {
            "zone": f"every time in what {self.system} sends says where it is",
            "order_field": "goes with an adapter; a mapping says itself where the order's ID stands",
            "order_is_alias": f"goes with order_field: {self.system} names no order by itself",
            "accept_test": f"{self.system} marks nothing as a test",
            "auto_capture": f"{self.system} says itself what is captured",
            "headers": f"{self.system} says nothing in headers",
        }
        ignored = {name for name in stated if name in self.ignores and (name != "order_is_alias" or connection.order_field is None)}
        found = {name: why[name] for name in why if name in ignored}
        for pattern in connection.omit:
            if not any(replace(connection, omit=(pattern,)).omits(type_) for type_ in self.emits):
                found["omit"] = f"{pattern}: {self.system} tells no such events"
        return found


class EventBuilder:
    """Builds what is told of one payload; an adapter is handed one for each."""

    def __init__(self, adapter: Adapter, payload: Payload, connection: AdapterConnection, coverage: Coverage) -> None:
        self.system = adapter.system
        self.headers = payload.headers
        self.received = payload.received
        self.url = payload.url
        self.connection = connection
        self.coverage = coverage
        self.account: str | None = None
        """Which of the merchant's accounts the message is about, where the source says so: payments are told with it."""

    @property
    def zone(self) -> tzinfo:
        """The connection's zone."""
        return zone(self.connection.zone)

    def zone_at(self, country: str | None, region: str | None = None) -> tzinfo:
        """The zone of a place (ISO 3166-1 alpha-2 `US`, ISO 3166-2 `CA`); the connection's where the place is not known."""
        name = country_zone(country, region)
        return self.zone if name is None else zone(name)

    def source(self, type_: str) -> str:
        """The `source` of events of a type: `/payments/stripe`, or `/payments/stripe/NAME` where the connection has a name."""
        path = f"/{SOURCE_ROOTS.get(type_.partition('.')[0], 'other')}/{self.system}"
        return f"{path}/{self.connection.name}" if self.connection.name else path

    def event(
        self,
        type_: str,
        id_: str,
        time: datetime,
        data: dict[str, Any],
        *,
        order: str | None = None,
        recorded: datetime | None = None,
    ) -> Draft:
        """A contract event; `time` is when it happened, `recorded` when the source said so (else when it was received, if that is known).

        What is None in `data` is left out, except in an `order.updated`, where it removes. `order` is the order's ID as the source has it.
        """
        data = dict(data) if type_ == "order.updated" else _present(data)
        if self.account is not None and type_ in PAYMENTS:
            data["account"] = self.account
        if order is not None and self.connection.order_is_alias:
            data["order_alias"], order = order, None
        recorded = recorded or self.received
        draft: Draft = {
            "specversion": "1.0",
            # Steps are added to identifiers that may be as long as an ID can be.
            "id": id_ if len(id_) <= MAX_NAME_CHARS else digest(id_),
            # A withdrawal speaks as the source of what it withdraws: it is news of the same feed.
            "source": data["event_source"] if type_ == "evidence.withdrawn" else self.source(type_),
            "type": type_,
            "subject": order,
            "time": stamp(time),
            "recordedtime": None if recorded is None else stamp(recorded),
            "tenant": self.connection.tenant,
            "dataschema": dataschema(type_),
            "data": data,
        }
        return {name: value for name, value in draft.items() if value is not None}

    def withdrawn(
        self, type_: str, id_: str, time: datetime, data: dict[str, Any], *, order: str | None = None, recorded: datetime | None = None
    ) -> Draft | Ignored:
        """Says of an event of this type and ID, as this source tells it, that it did not occur; `data` is what its order is found by.

        Of what the connection leaves out there is nothing to withdraw.
        """
        if self.connection.omits(type_):
            return Ignored("evidence.withdrawn", f"of {type_}, which the connection leaves out")
        named = {"event_id": id_, "event_source": self.source(type_), **data}
        return self.event("evidence.withdrawn", f"withdrawn-{id_}", time, named, order=order, recorded=recorded)

    def code(self, table: CodeTable, code: str | None) -> Meaning | None:
        """What a code means by a table, noted for the coverage report; None if it is absent or in no table."""
        if code is None:
            return None
        meaning = table.get(code)
        self.coverage.code(table.name, table.field, code, known=meaning is not None)
        return meaning

    def kind(self, name: str) -> None:
        """Notes what kind of message this is, in the source's own words (`payment_intent.succeeded`)."""
        self.coverage.kind(name)

    def each(self, payloads: Iterable[PayloadReader], read: Callable[[PayloadReader], Iterator[AdapterOutput]]) -> Iterator[AdapterOutput]:
        """Reads every item; one that cannot be taken is refused by itself, and the others are told."""
        for number, payload in enumerate(payloads):
            try:
                yield from read(payload)
            except RefuseError as error:
                detail = f"{error.detail} (item {number})"
                yield Refused(error.reason, detail) if error.day is None else Undated.of(error.reason, detail, error.day)

    def test_mode(self, *, is_test: bool | None) -> None:
        """Raises RefuseError for what comes from a system's test mode, unless the connection accepts it."""
        if is_test and not self.connection.accept_test:
            raise RefuseError("test_mode", "from the system's test mode; accept_test takes it")

    def order_of(self, payload: PayloadReader, *default: str) -> str | None:
        """The order's ID: at the connection's `order_field`, else at the adapter's `default` path; None if there is none."""
        path = self.connection.order_field
        if path is None:
            return payload.id(*default) if default else None
        found = payload.at(path).id()
        self.coverage.sought("order_field", path, found=found is not None)
        return found


def dataschema(type_: str) -> str:
    """The `dataschema` of events of a type."""
    return f"https://orderwatch.dev/schemas/v1/{type_}"


def _present(data: dict[str, Any]) -> dict[str, Any]:
    """Without what is None, at any depth."""
    return {name: _without_none(value) for name, value in data.items() if value is not None}


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return _present(cast("dict[str, Any]", value))
    if isinstance(value, list):
        return [_without_none(item) for item in cast("list[object]", value)]
    return value


def digest(*parts: object) -> str:
    """An ID made from what is said: the same parts give the same text, in every run. None and "" are different parts."""
    hashed = blake2b(digest_size=15)
    for part in parts:
        text = b"\x00" if part is None else stamp(part.astimezone(UTC)).encode() if isinstance(part, datetime) else str(part).encode()
        hashed.update(b"%d:%s" % (len(text), text))
    return hashed.hexdigest()


__all__ = [
    "PAYMENTS",
    "SOURCE_ROOTS",
    "Adapter",
    "AdapterConnection",
    "EventBuilder",
    "History",
    "Ignored",
    "Payload",
    "RefuseError",
    "Refused",
    "digest",
]
