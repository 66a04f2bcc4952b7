"""The way of a decision: from a terminal by the gateway into the log, through the engine, into the store, and back to the terminal."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.deciding import DecidingShop, order, shown

if TYPE_CHECKING:
    from collections.abc import Generator

PATIENCE = 60.0


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[DecidingShop]:
    """A gateway that runs; each test has orders and tokens of its own."""
    found = DecidingShop(tmp_path_factory.mktemp("shop"))
    found.gateway.start()
    try:
        yield found
    finally:
        found.gateway.destroy()


def posted(shop: DecidingShop, route: str, token: str, body: object) -> tuple[int, dict[str, object]]:
    """Sends something to the gateway."""
    url = f"http://127.0.0.1:{shop.gateway.port}/{route}"
    request = Request(url, json.dumps(body).encode(), {"authorization": f"Bearer {token}"}, method="POST")
    try:
        with urlopen(request, timeout=PATIENCE) as reply:
            return reply.status, json.loads(reply.read())
    except HTTPError as error:
        return error.code, json.loads(error.read())


def test_a_case_from_its_events_to_its_end(shop: DecidingShop) -> None:
    """Listed, shown, taken up, noted, closed; refused where it has changed meanwhile, by the engine and by the gateway."""
    now = datetime.now(UTC)
    sender = shop.token("shop", "--source", "/storefront/*")
    anna = shop.token("anna", "--user", "anna", "--role", "operator")
    assert posted(shop, "events", sender, [order("SO-1", now), order("SO-2", now)])[0] == 200
    shop.engine()
    rows = shown(shop.command("cases", "list", "--order", "SO-1", "--order", "SO-2", "--json").stdout)
    assert {row["order_id"] for row in rows} == {"SO-1", "SO-2"}
    first = next(row for row in rows if row["order_id"] == "SO-1")
    id_ = str(first["exception_id"])

    # It waits until the engine has spoken.
    taken_up = shop.awaited("cases", "ack", id_, "--note", "Jane will call", "--wait", "--json", token=anna)
    assert taken_up.code == 0, taken_up.stderr
    (fate,) = shown(taken_up.stdout)
    assert fate["status"] == "decided"
    assert "case acknowledged" in str(fate["detail"])

    page = shop.command("cases", "show", id_[:8])
    assert page.code == 0, page.stderr
    for words in (first["summary"], "acknowledged", "user:anna", "Jane will call", "Evidence", "What now"):
        assert str(words) in page.stdout
    assert "Jane" not in (shop.folder / "order-decisions.jsonl").read_text(encoding="utf-8")

    # Bulk by a filter: nobody is there to agree, so it is agreed to beforehand.
    asked = shop.command("cases", "label", "--all", "--kind", "fulfilment", "--as", "real", token=anna)
    assert (asked.code, asked.stdout) == (2, "")
    assert "--yes" in asked.stderr
    both = shop.command(
        "cases",
        "label",
        "--all",
        "--kind",
        "fulfilment",
        "--order",
        "SO-1",
        "--order",
        "SO-2",
        "--as",
        "real",
        "--yes",
        "--json",
        token=anna,
    )
    assert (both.code, [one["status"] for one in shown(both.stdout)]) == (0, ["accepted"] * 2)
    shop.engine()

    # Two decide about what both read.
    boris = shop.token("boris", "--user", "boris", "--role", "operator")
    taken = shop.command("cases", "assign", id_, "--to", "user:boris", token=boris)
    assert taken.code == 0, taken.stderr
    late = shop.command("cases", "resolve", id_, "--outcome", "called", token=anna)
    assert late.code == 1
    assert "changed: user:boris has just decided about it" in late.stdout
    shop.engine()
    closed = shop.command("cases", "resolve", id_, "--outcome", "called", token=anna)
    assert closed.code == 0, closed.stdout
    shop.engine()
    assert id_ not in shop.command("cases", "list").stdout
    # The engine refuses what the gateway cannot know: the case is over.
    over = shop.awaited("cases", "ack", id_, "--wait", "--json", token=anna)
    (fate,) = shown(over.stdout)
    assert (over.code, fate["status"], fate["reason"]) == (1, "rejected", "case_resolved")
    lines = [json.loads(line) for line in (shop.folder / "audit.jsonl").read_text(encoding="utf-8").splitlines()]
    ours = [line for line in lines if line.get("subject") in ("SO-1", "SO-2")]
    assert {line["by"] for line in ours} == {"user:anna", "user:boris"}
    assert [line["reason"] for line in ours if line["outcome"] == "refused"] == ["changed"]


def test_an_action_is_approved_as_it_was_shown(shop: DecidingShop) -> None:
    """Asked for by one, approved by another: what was read is what is agreed to. Automation is paused and goes on."""
    now = datetime.now(UTC)
    sender = shop.token("shop9", "--source", "*")
    anna = shop.token("anna9", "--user", "anna", "--role", "operator", "--role", "approver", "--tenant", "*")
    boris = shop.token("boris9", "--user", "boris", "--role", "approver", "--tenant", "*")
    clerk = shop.token("clerk9", "--user", "clerk", "--role", "operator")
    posted(shop, "events", sender, order("SO-9", now))
    shop.engine()
    short = shop.command("actions", "initiate", "approve_refund", "--order", "SO-9", "--yes", token=anna)
    assert (short.code, "needs amount" in short.stderr) == (2, True)
    money = '{"amount": "19.90", "currency": "EUR"}'
    asked = shop.command("actions", "initiate", "approve_refund", "--order", "SO-9", "-p", f"amount={money}", "--yes", token=anna)
    assert asked.code == 0, asked.stderr
    shop.engine()
    waiting = [
        row
        for row in shown(shop.command("actions", "list", "--waiting", "--json").stdout)
        if row["order_id"] == "SO-9" and row["action"] == "approve_refund"
    ]
    (row,) = waiting
    id_ = str(row["action_id"])
    page = shop.command("actions", "show", id_).stdout
    for words in ("approve refund of order SO-9", "cannot be undone", "19.90", "user:anna", str(row["payload_hash"])):
        assert words in page
    refused = shop.command("actions", "approve", id_, "--yes", token=clerk)
    assert (refused.code, "role_missing" in refused.stdout) == (1, True)
    agreed = shop.command("actions", "approve", id_, "--yes", "--note", "small", token=boris)
    assert agreed.code == 0, agreed.stdout + agreed.stderr
    assert "19.90" in agreed.stderr
    assert shop.decisions()[-1]["data"]["payload_hash"] == row["payload_hash"]
    paused = shop.command("automation", "pause", "action:notify_customer", "--reason", "wrong text", "--yes", token=clerk)
    assert (paused.code, "tenant_not_allowed" in paused.stdout) == (1, True)
    assert shop.command("automation", "pause", "action:notify_customer", "--reason", "wrong text", "--yes", token=boris).code == 0
    shop.engine()
    assert shown(shop.command("actions", "list", "--order", "SO-9", "--action", "approve_refund", "--json").stdout)[0]["approved_by"] == [
        "user:boris"
    ]
    assert "action:notify_customer" in shop.command("automation", "state").stdout
    assert shop.command("automation", "resume", "action:notify_customer", "--yes", token=boris).code == 0
    shop.engine()
    assert shop.command("automation", "state").stdout == "automation is paused nowhere\n"


def test_what_is_misused_is_said_in_one_line(shop: DecidingShop) -> None:
    """Exit code 2, and nothing is sent."""
    token = shop.token("anna5", "--user", "anna", "--role", "operator")
    posted(shop, "events", shop.token("shop5", "--source", "*"), order("SO-5", datetime.now(UTC)))
    shop.engine()
    id_ = shown(shop.command("cases", "list", "--order", "SO-5", "--json").stdout)[0]["exception_id"]
    before = len(shop.decisions())
    for arguments, given, words in (
        (("cases", "ack", id_), None, "no token to decide with"),
        (("cases", "ack", id_), "ow_000000000000_" + "x" * 43, "does not take the token"),
        (("cases", "ack"), token, "say which"),
        (("cases", "ack", "ffff"), token, "no exception ffff"),
        (("cases", "ack", id_, "--all"), token, "leave one of them out"),
        (("cases", "ack", id_, "--api", "http://example.com"), token, "unencrypted"),
        (("cases", "snooze", id_), token, "until when"),
        (("cases", "snooze", id_, "--until", "2020-01-01T00:00:00Z"), token, "has passed"),
        (("cases", "wait", id_, "--on", "godot"), token, "--on godot"),
        (("cases", "label", id_, "--as", "bad"), token, "--as bad"),
        (("cases", "list", "--breached", "never"), token, "--breached never"),
        (("cases", "list", "--severity", "hgh"), token, "did you mean high?"),
        (("cases", "ack", "--all", "--kind", "addres.risk"), token, "did you mean address.risk?"),
        (("cases", "assign", id_, "--to-team", "FULFF"), token, "no open case is with a team FULFF"),
        (("actions", "list", "--state", "propsed"), token, "did you mean proposed?"),
        (("actions", "initiate", "dance", "--order", "SO-1"), token, "ACTION dance"),
        (("automation", "pause", "everything"), token, "no scope"),
        (("tokens", "create", "anna5", "--user", "x", "--role", "operator"), None, "there is a token anna5"),
    ):
        done = shop.command(*arguments, token=given)
        assert (done.code, done.stdout) == (2, ""), (arguments, done.stderr)
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert len(shop.decisions()) == before


def test_the_gateway_takes_a_token_at_once_and_refuses_it_at_once(shop: DecidingShop) -> None:
    """Made, rotated and revoked beside the running gateway; the file of tokens holds none."""
    token = shop.token("anna7", "--user", "anna", "--role", "operator")
    body = {"type": "case.acknowledged", "subject": "SO-1", "data": {"exception_id": "x"}}
    assert posted(shop, "decisions", token, body)[0] == 200
    fresh = shop.command("tokens", "rotate", "anna7", "--grace", "0s").stdout.strip()
    assert (posted(shop, "decisions", token, body)[0], posted(shop, "decisions", fresh, body)[0]) == (401, 200)
    assert shop.command("tokens", "revoke", "anna7").code == 0
    assert posted(shop, "decisions", fresh, body)[0] == 401
    listed = next(one for one in json.loads(shop.command("tokens", "list", "--json").stdout) if one["name"] == "anna7")
    assert (listed["name"], listed["state"], bool(listed["used"])) == ("anna7", "revoked", True)
    files = b"".join(path.read_bytes() for path in shop.folder.rglob("*") if path.is_file())
    said = shop.gateway.said().encode()
    for one in (token, fresh):
        secret = one.partition("_")[2].partition("_")[2].encode()
        assert secret not in files
        assert secret not in said
    modes = {path.stat().st_mode & 0o777 for path in shop.folder.glob("tokens*")}
    assert modes == {0o640}
    with sqlite3.connect(shop.folder / "tokens.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM tokens WHERE length(digest) <> 32").fetchone() == (0,)
