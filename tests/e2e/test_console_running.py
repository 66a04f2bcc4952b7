"""What people see in the console of a running installation: `orderwatch up`, its five parts in processes of their own, and a real browser.

One installation for all stories; each has orders of its own, and looks at what is about them.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import PATIENCE_MS, Window, browser, decided, log_in, look_into, press, send, why_not, window
from tests.support.running import RunningSystem, instant, running_shop, told

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

POLICY = """
name: running
zone: Europe/Berlin
emits: [placed, captured, shipped, delivered, scans]
feeds:
  /payments/quiet: {silence: 20 s, owner: PAYTEAM}
rules:
  '*': off
  shipment.delivery_overdue: {switch: on, grace: 0 s, lane: review}
  order.master_data_incomplete: on
  payment.declined_hard: on
  payment.declined_soft: on
  payment.refund_failed: on
"""
MANY = 2_000
AT_ONCE = 50


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """One installation for all."""
    with running_shop(tmp_path_factory.mktemp("shop"), POLICY) as running:
        yield running


def placed(order: str, **more: Any) -> dict[str, object]:
    """An order of now."""
    usual: dict[str, Any] = {
        "total": {"amount": "84.90", "currency": "EUR"},
        "customer": {"id": f"c-{order}", "consents": ["email"]},
        "ship_to": {"country": "NL", "timezone": "Europe/Amsterdam"},
        "lines": [{"line_id": "1", "sku": "MUG", "quantity": 1}],
        "channel": "web",
        "method": "ship",
    }
    return told(order, "order.placed", "/storefront/acme", {**usual, **more})


def on_its_way(order: str, promised_by: str) -> list[dict[str, object]]:
    """An order that is paid, has left, and is promised by some instant."""
    parcel = {"tracking_number": f"T-{order}", "carrier": "dhl"}
    money = {"payment_id": f"p-{order}", "amount": {"amount": "84.90", "currency": "EUR"}, "final": True}
    return [
        placed(order, promised_by=promised_by),
        told(order, "payment.captured", "/payments/adyen", money),
        told(order, "warehouse.shipped", "/warehouse/ams1", {"site": "ams1", "shipment_id": f"s-{order}", **parcel}),
        told(order, "carrier.scan", "/carrier/dhl", {"status": "in_transit", **parcel}),
    ]


def declined(order: str, decline: str) -> list[dict[str, object]]:
    """An order whose payment was declined: a trouble at once."""
    return [placed(order), told(order, "payment.failed", "/payments/adyen", {"payment_id": f"p-{order}", "decline": decline})]


def row_of(page: Page, order: str) -> Locator:
    """The row of an order."""
    return page.get_by_role("row").filter(has_text=order)


def bar(page: Page) -> Locator:
    """What the bar says has come meanwhile."""
    return page.locator("#live-count")


def show(page: Page) -> None:
    """Presses what the bar offers."""
    page.locator("#live-bar").get_by_role("link", name="Show").click()


@pytest.fixture
def seat(chromium: Browser, shop: RunningSystem) -> Iterator[Window]:
    """A window of anna, who has logged in by the form."""
    with window(chromium, shop.url("console")) as made:
        log_in(made, "anna")
        expect(made.page.get_by_role("heading", level=1)).to_have_text("My work")
        yield made


def test_from_a_late_parcel_to_its_resolution(shop: RunningSystem, seat: Window) -> None:
    """The open list says that something has come; Anna reads why, takes it up and closes it; the engine has the word each time."""
    page = seat.open("/exceptions?kind=shipment.delivery_overdue")
    shop.tell(on_its_way("L-1", instant(3)))
    expect(bar(page)).to_have_text("1 new")
    expect(row_of(page, "L-1")).to_have_count(0)
    show(page)
    look_into(page, "L-1")
    expect(page.locator("main")).to_contain_text("had not been delivered by")
    where = page.url
    steps = page.get_by_role("group", name="Decide")
    steps.get_by_role("link", name="Acknowledge", exact=True).click()
    send(page, "Acknowledge")
    expect(decided(page)).to_contain_text("It is acknowledged now")
    page.goto(where)
    steps.get_by_role("link", name="Resolve").click()
    page.get_by_label("Outcome").fill("delivered_late")
    page.get_by_label(re.compile("Why")).fill("The driver has called: it is at the neighbour's.")
    page.get_by_role("button", name="Resolve").click()
    expect(decided(page)).to_contain_text("Done.")
    page.goto(where)
    expect(page.locator("main")).to_contain_text("a person closed the case")
    armed = seat.open("/policy/armed").get_by_role("row").filter(has_text="shipment.delivery_overdue")
    expect(armed).to_contain_text("the policy lists it")
    expect(armed.locator(".pill")).to_have_text("armed")
    read_at = page.locator("main .muted time").first.get_attribute("datetime")
    page.reload()  # whoever looks within a minute gets what was read then: it reads all shards
    expect(page.locator("main .muted time").first).to_have_attribute("datetime", read_at or "")
    seat.open("/exceptions?kind=shipment.delivery_overdue")
    expect(row_of(page, "L-1")).to_have_count(0)


def test_a_retraction_is_seen_where_it_is_looked_at(shop: RunningSystem, seat: Window, chromium: Browser) -> None:
    """A scan that comes late tells that the parcel was there in time: the open page says so, the open list marks the row and keeps it."""
    promise = time.time() + 3
    shop.tell(on_its_way("R-1", instant(3)))
    page = seat.open("/exceptions?kind=shipment.delivery_overdue")
    while not row_of(page, "R-1").count():
        expect(bar(page)).to_have_text(re.compile("new"))
        show(page)
    with window(chromium, shop.url("console")) as other:
        log_in(other, "bob")
        one = other.open("/exceptions?kind=shipment.delivery_overdue")
        look_into(one, "R-1")
        expect(one.locator("main")).to_contain_text("missed")
        parcel = {"tracking_number": "T-R-1", "carrier": "dhl", "status": "delivered"}
        shop.tell([told("R-1", "carrier.scan", "/carrier/dhl", parcel, ago=time.time() - promise + 1)])
        expect(one.locator("main")).to_contain_text("Taken back: evidence that came later shows that it was never so.")
        expect(one.get_by_role("group", name="Decide").get_by_role("link", name="Acknowledge")).to_have_count(0)
        assert other.violations() == []
    expect(row_of(page, "R-1")).to_contain_text("no longer here")
    show(page)
    expect(row_of(page, "R-1")).to_have_count(0)


def rewritten(policy: str, kind: str, **settings: str) -> str:
    """A policy with other settings of a rule."""
    before, head, after = policy.partition(f"\n  {kind}:\n")
    assert head
    for name, value in settings.items():
        after, count = re.subn(rf"(    {name}: ).*", rf"\g<1>{value}", after, count=1)
        assert count == 1
    return before + head + after


def places(page: Page) -> Any:
    """Which rows stand where."""
    return page.evaluate("[...document.querySelectorAll('[data-row]')].map(row => [row.id, row.getBoundingClientRect().top])")


def test_two_thousand_within_a_minute_move_no_row(shop: RunningSystem, seat: Window) -> None:
    """The bar says how many have come; what is read stays where it is, what is chosen stays chosen, and keys go on working."""
    shop.tell([placed(f"F-{number}", ship_to=None) for number in range(3)])
    page = seat.open("/exceptions?kind=order.master_data_incomplete")
    while row_of(page, "F-").count() < 3:
        expect(bar(page)).to_have_text(re.compile("new"))
        show(page)
    press(page, "j", "x")
    before, held = places(page), page.evaluate("document.activeElement.href")
    assert len(before) == 3
    for begin in range(0, MANY, AT_ONCE):
        shop.tell([placed(f"G-{begin + number}", ship_to=None) for number in range(AT_ONCE)])
        assert places(page) == before
    expect(bar(page)).to_have_text("2,000 new")
    assert places(page) == before
    assert page.evaluate("document.activeElement.href") == held
    expect(page.locator("[data-row] input:checked")).to_have_count(1)
    press(page, "j")
    assert page.evaluate("document.activeElement.href") != held
    assert seat.violations() == []
    show(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("2,003")
    expect(page.locator("#live-bar")).to_be_hidden()


def test_a_feed_that_falls_silent_is_told_where_one_is(shop: RunningSystem, seat: Window) -> None:
    """On the open page, whichever it is; `Feeds` says since when, and what is held back; when it speaks again that is told as well."""
    beat = told("", "feed.heartbeat", "/payments/quiet", {})
    beat.pop("subject")
    shop.tell([beat])
    page = seat.open("/exceptions")
    silent = page.locator(".banner").filter(has_text="/payments/quiet").filter(visible=True)
    expect(silent).to_have_count(1)
    silent.get_by_role("link", name="More").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Feeds")
    feed = row_of(page, "/payments/quiet").first
    expect(feed).to_contain_text("silent")
    expect(feed).to_contain_text("PAYTEAM")
    expect(feed.locator("time")).to_have_count(2)
    assert seat.violations() == []
    shop.tell([{**beat, "id": "again", "time": instant(0)}])
    expect(silent).to_have_count(0)
    expect(feed).to_contain_text("fresh")


def test_another_policy_is_tried_and_activated(shop: RunningSystem, seat: Window, chromium: Browser) -> None:
    """Pia's mistake is named; what would become automatic needs a back-test; she activates, and a case that is open ends by it."""
    shop.tell([*declined("P-1", "soft"), *on_its_way("P-2", instant(1))])
    page = seat.open("/exceptions?kind=payment.declined_soft")
    while not row_of(page, "P-1").count():
        expect(bar(page)).to_have_text(re.compile("new"))
        show(page)
    with window(chromium, shop.url("console")) as other:
        log_in(other, "pia")
        mine = other.open("/policy")
        mine.get_by_role("link", name="Another policy").click()
        mine.get_by_role("link", name="Start from the one that holds").click()
        text = mine.get_by_label("Or the text (YAML)")
        wanted = rewritten(text.input_value(), "payment.declined_soft", switch="off")
        wanted = rewritten(wanted, "shipment.delivery_overdue", lane="auto")
        text.fill(wanted.replace("payment.declined_soft:", "payment.declined_sof:"))
        mine.get_by_role("button", name="Check").click()
        expect(mine.locator("main")).to_contain_text("Did you mean payment.declined_soft?")
        expect(mine.get_by_role("button", name="Activate for all tenants")).to_have_count(0)
        assert other.violations() == []
        mine.go_back()
        mine.get_by_label("Or the text (YAML)").fill(wanted)
        mine.get_by_role("button", name="Check").click()
        expect(mine.locator("main")).to_contain_text("It needs a back-test first.")
        assert other.violations() == []
        draft = mine.url
        mine.get_by_role("button", name="Run the back-test").click()
        expect(mine.get_by_role("heading", name="What would have been said otherwise")).to_be_visible(timeout=4 * PATIENCE_MS)
        assert other.violations() == []
        mine.goto(draft)
        mine.get_by_role("button", name="Run it over what is open").click()
        expect(mine.get_by_role("heading", name="What would stand otherwise now")).to_be_visible(timeout=4 * PATIENCE_MS)
        expect(mine.get_by_role("row").filter(has_text="payment.declined_soft").first).to_contain_text("1")
        assert other.violations() == []
        mine.goto(draft)
        expect(mine.locator("main")).to_contain_text("The activation names this back-test")
        mine.get_by_label("Why (needed)").fill("Cards that may work again heal by themselves.")
        mine.get_by_role("button", name="Activate for all tenants").click()
        expect(mine.locator("#activation")).to_contain_text("It is in the log")
        shop.tell([told("P-1", "support.contacted", "/desk", {"intent": "other"})])
        expect(mine.locator("#activation")).to_contain_text("It holds: the engine decides by this version.")
        assert other.violations() == []
    expect(row_of(page, "P-1")).to_contain_text("no longer here")
    look_into(page, "P-1")
    expect(page.locator("main")).to_contain_text("Over:")
    expect(page.locator("main")).to_contain_text("policy")


def test_a_lost_connection_is_said_and_nothing_is_lost(shop: RunningSystem, seat: Window) -> None:
    """The console stands still, goes on, dies, is started again: the page says so, and what came meanwhile; nobody logs in again."""
    seat.offline = True
    page = seat.open("/exceptions?kind=payment.declined_hard")
    stale = page.locator("#live-stale")
    # The stream is up: what comes now is told.
    shop.tell(declined("C-0", "hard"))
    expect(bar(page)).to_have_text("1 new")
    shop.send("console", signal.SIGSTOP)
    shop.tell(declined("C-1", "hard"))
    expect(stale).to_contain_text("Stale: the connection is lost")
    expect(bar(page)).to_have_text("1 new")
    shop.send("console", signal.SIGCONT)
    expect(stale).to_be_hidden()
    expect(bar(page)).to_have_text("2 new")
    shop.send("console", signal.SIGKILL)
    shop.tell(declined("C-2", "hard"))
    expect(bar(page)).to_have_text("3 new")
    expect(stale).to_be_hidden()
    show(page)
    for order in ("C-0", "C-1", "C-2"):
        expect(row_of(page, order)).to_have_count(1)
