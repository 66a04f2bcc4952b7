"""Where a customer is reached. No event has an address: it is looked up when a message goes out, and nothing of it is kept or logged."""

from __future__ import annotations

import asyncio
import csv
import sqlite3
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Protocol, cast
from urllib.parse import quote

import jmespath

from dataflows.settings.dispatch import ContactSettings
from sinks.actions.endpoint import HttpEndpointSettings
from sinks.actions.executor import Contact
from sinks.actions.outbound import NoAnswerError, NotAllowedError, NotSentError, Outbound
from sinks.actions.secrets import SecretSource, SecretUnreadableError

SECRET: Final = "{secret}"  # noqa: S105 - what stands for it


class NoContactsError(Exception):
    """The addresses cannot be read now; a later try may succeed. The message is a word."""


class Addressee(Protocol):
    """Whose address is wanted."""

    @property
    def tenant(self) -> str:
        """The tenant."""
        ...

    @property
    def order(self) -> str:
        """The order that the message is about."""
        ...


class Lookup(Protocol):
    """A place where addresses stand."""

    async def find(self, tenant: str, order: str, customer: str, channel: str) -> str | None:
        """The address; None if there is none. Raises NoContactsError."""
        ...


class Contacts:
    """All places of the settings: the first that is for the tenant is asked."""

    def __init__(self, settings: Sequence[ContactSettings]) -> None:
        self._places = [(each.tenants, _place(each)) for each in settings]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._places)

    async def find(self, asked: Addressee, customer: str, channel: str) -> Contact | None:
        """Where a customer is reached by a channel; None if nobody knows. Raises NoContactsError."""
        for tenants, place in self._places:
            if not tenants or any(fnmatchcase(asked.tenant, each) for each in tenants):
                address = await place.find(asked.tenant, asked.order, customer, channel)
                return Contact(channel, address) if address else None
        return None


class CsvContacts:
    """A CSV file with a header, read again when it changes. Without a column of tenants it is everybody's."""

    def __init__(self, file: Path, fields: Mapping[str, str]) -> None:
        self._file, self._fields = file, fields
        self._stamp: tuple[int, int, int] | None = None
        self._rows: dict[tuple[str, str], dict[str, str]] = {}

    async def find(self, tenant: str, order: str, customer: str, channel: str) -> str | None:
        """The address in the customer's row."""
        del order
        try:
            await asyncio.to_thread(self._read)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise NoContactsError("contacts_unreadable") from error
        row = self._rows.get((tenant, customer)) or self._rows.get(("", customer)) or {}
        return (row.get(self._fields.get(channel, channel)) or "").strip() or None

    def _read(self) -> None:
        stat = self._file.stat()
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if stamp == self._stamp:
            return
        customer, tenant = self._fields.get("customer", "customer_id"), self._fields.get("tenant", "tenant")
        with self._file.open(encoding="utf-8-sig", newline="") as file:
            self._rows = {((row.get(tenant) or "").strip(), (row.get(customer) or "").strip()): row for row in csv.DictReader(file)}
        self._stamp = stamp


class SqliteContacts:
    """A query of an SQLite database, which is opened to be read only."""

    def __init__(self, file: Path, query: str, fields: Mapping[str, str]) -> None:
        self._file, self._query, self._fields = file, query, fields

    async def find(self, tenant: str, order: str, customer: str, channel: str) -> str | None:
        """The address in the first row."""
        try:
            row = await asyncio.to_thread(self._ask, {"tenant": tenant, "order": order, "customer": customer})
        except sqlite3.Error as error:
            raise NoContactsError("contacts_unreadable") from error
        found = row.get(self._fields.get(channel, channel))
        return str(found) if found else None

    def _ask(self, names: Mapping[str, str]) -> dict[str, object]:
        db = sqlite3.connect(f"file:{quote(str(self._file))}?mode=ro", uri=True, timeout=5)
        try:
            cursor = db.execute(self._query, names)
            row = cursor.fetchone()
            return {} if row is None else dict(zip((each[0] for each in cursor.description), row, strict=True))
        finally:
            db.close()


class RestContacts:
    """A service that answers a GET with JSON; 404 says that it knows no such customer."""

    def __init__(self, settings: ContactSettings) -> None:
        assert settings.url is not None
        self._url, self._headers, self._fields = settings.url, settings.headers, settings.fields
        self._secret = None if settings.secret is None else SecretSource(env=settings.secret.env, file=settings.secret.file)
        timeout = settings.timeout_seconds
        self._outbound = Outbound(
            HttpEndpointSettings.model_validate(
                {
                    "allow_networks": settings.allow_networks,
                    "allow_http": settings.allow_http,
                    "timeout_seconds": timeout,
                    "connect_timeout_seconds": min(5.0, timeout),
                }
            )
        )

    async def find(self, tenant: str, order: str, customer: str, channel: str) -> str | None:
        """The address in the answer."""
        names = {"customer": customer, "tenant": tenant, "order": order}
        url = self._url
        for name, value in names.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        try:
            secret = "" if self._secret is None else self._secret.read()
            headers = {"accept": "application/json"} | {name: text.replace(SECRET, secret) for name, text in self._headers.items()}
            answer = await self._outbound.send("GET", url, headers=headers)
        except SecretUnreadableError as error:
            raise NoContactsError("contacts_secret_unreadable") from error
        except (NotAllowedError, NotSentError, NoAnswerError) as error:
            raise NoContactsError(f"contacts_{error.code}") from None
        if answer.status == 404:
            return None
        content = answer.json()
        if answer.status != 200 or content is None:
            raise NoContactsError(f"contacts_http_{answer.status}")
        found: Any = jmespath.search(self._fields.get(channel, channel), content)
        return found if isinstance(found, str) and found else None


def _place(settings: ContactSettings) -> Lookup:
    match settings.kind:
        case "rest":
            return RestContacts(settings)
        case "sqlite":
            return SqliteContacts(cast("Path", settings.file), cast("str", settings.query), settings.fields)
        case "csv":
            return CsvContacts(cast("Path", settings.file), settings.fields)
