"""Addresses are found where the settings say, and nowhere else."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dataflows.dispatch.contacts import Contacts, NoContactsError
from dataflows.dispatch.model import PendingAction
from dataflows.settings.dispatch import ContactSettings
from sinks.actions.executor import Contact
from tests.support.endpoints.faults import FaultServer, served
from tests.support.endpoints.wire import Reply

ORDER = PendingAction("a1", "acme", "SO-1", "notify_customer", 0)


def found(settings: dict[str, Any], customer: str = "c1", channel: str = "email") -> Contact | None:
    """What a place says."""
    return asyncio.run(Contacts([ContactSettings.model_validate(settings)]).find(ORDER, customer, channel))


def test_a_csv_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    """A customer of another tenant is not meant; columns may have names of their own."""
    file = tmp_path / "contacts.csv"
    file.write_text("tenant,customer_id,email,mobile\nacme,c1,a@example.com,+4930\nother,c2,b@example.com,\n")
    assert found({"kind": "csv", "file": file}) == Contact("email", "a@example.com")
    assert found({"kind": "csv", "file": file, "fields": {"sms": "mobile"}}, channel="sms") == Contact("sms", "+4930")
    assert found({"kind": "csv", "file": file}, "c2") is None
    contacts = Contacts([ContactSettings(kind="csv", file=file)])
    assert asyncio.run(contacts.find(ORDER, "c3", "email")) is None
    file.write_text("customer_id,email\nc3,c@example.com\n")
    assert asyncio.run(contacts.find(ORDER, "c3", "email")) == Contact("email", "c@example.com")
    file.unlink()
    with pytest.raises(NoContactsError, match=r"^contacts_unreadable$"):
        asyncio.run(contacts.find(ORDER, "c3", "email"))


def test_a_query_of_sqlite_finds_the_address(tmp_path: Path) -> None:
    """The database is only read."""
    file = tmp_path / "shop.sqlite3"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE customers (id TEXT, shop TEXT, email TEXT)")
        db.execute("INSERT INTO customers VALUES ('c1', 'acme', 'a@example.com')")
    db.close()
    query = "SELECT email FROM customers WHERE id = :customer AND shop = :tenant"
    assert found({"kind": "sqlite", "file": file, "query": query}) == Contact("email", "a@example.com")
    assert found({"kind": "sqlite", "file": file, "query": query}, "c2") is None
    with pytest.raises(NoContactsError):
        found({"kind": "sqlite", "file": file, "query": "DELETE FROM customers"})


def test_a_service_is_asked_with_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """404: nobody. Anything else that is no answer: later. A private address only where it is allowed."""
    monkeypatch.setenv("CRM", "s3cret")
    server = FaultServer(reply=lambda _: Reply(200, {"contact": {"email": "a@example.com"}}))
    with served(server):
        given = {
            "kind": "rest",
            "url": server.url + "/customers/{customer}?shop={tenant}",
            "headers": {"authorization": "Bearer {secret}"},
            "secret": {"env": "CRM"},
            "fields": {"email": "contact.email"},
            "allow_http": True,
            "allow_networks": ["127.0.0.0/8"],
        }
        assert found(given, "c/1") == Contact("email", "a@example.com")
        asked = server.taken[0].request
        assert asked.headers["authorization"] == "Bearer s3cret"
        assert "c%2F1" in asked.target
        with pytest.raises(NoContactsError, match=r"^contacts_address_refused$"):
            found({**given, "allow_networks": []})
    with pytest.raises(NoContactsError, match=r"^contacts_"):
        found(given)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"kind": "rest", "url": "https://crm.example.com/all"}, "needs a url"),
        ({"kind": "csv"}, "needs a file"),
        ({"kind": "csv", "file": __file__, "url": "https://x"}, "leave out url"),
        ({"kind": "csv", "file": __file__, "query": "SELECT 1"}, "query goes with kind sqlite"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], problem: str) -> None:
    """What has no effect is not accepted."""
    with pytest.raises(ValidationError, match=problem):
        ContactSettings.model_validate(settings)
