"""What people do in the console, in a real browser, and what they see: over an engine that speaks when it is asked to (`DeskConsole`).

A story says what somebody presses, by its words or by keys; the store is looked at only where a page cannot show it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import func, select

from sinks.cases.tables import exceptions
from tests.support.browser import PHONE, Served, Window, browser, log_in, look_into, press, why_not, window
from tests.support.console import console
from tests.support.desk_console import START, DeskConsole, desk_console, event, late
from tests.support.governed import SentRecords, reject, rejected, scan

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as running:
        yield running


class Floor:
    """A console at a port, its engine, and windows on it."""

    def __init__(self, desk: DeskConsole, served: Served, chromium: Browser) -> None:
        self.desk, self.served, self._chromium = desk, served, chromium

    @contextmanager
    def seat(self, name: str | None = None, **more: Any) -> Generator[Window]:
        """A window of somebody who is logged in."""
        with window(self._chromium, self.served.url, self.desk.host, name, **more) as made:
            yield made


@contextmanager
def floor(folder: Path, chromium: Browser, events: Sequence[Mapping[str, Any]]) -> Generator[Floor]:
    """A console over an engine that has read some events."""
    with desk_console(folder, events, settings={"cookie": "plain"}) as desk:
        served = Served(desk.host.app)
        try:
            yield Floor(desk, served, chromium)
        finally:
            served.stop()


def unshipped(order: str) -> dict[str, Any]:
    """An order that should have left two days ago."""
    return late(order, ship_to={"country": "NL"}, customer={"id": f"c-{order}", "consents": ["email"]})


def said(page: Page) -> Locator:
    """What became of a decision, as the page says it."""
    return page.locator("#outcome")


def test_from_a_late_parcel_to_its_resolution(chromium: Browser, tmp_path: Path) -> None:
    """Anna logs in, finds the order, reads why, takes it up, resolves it; each time it was taken in first, then it has an effect."""
    with floor(tmp_path, chromium, [unshipped("SO-1"), unshipped("SO-2")]) as shop, shop.seat() as seat:
        page = log_in(seat, "anna")
        expect(page.get_by_role("heading", level=1)).to_have_text("My work")
        page.get_by_role("navigation", name="Views").get_by_role("link", name="Exceptions").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Exceptions")
        look_into(page, "SO-1")
        expect(page.get_by_text("The order had not left by Mon 2026-05-25 12:00").first).to_be_visible()
        place = page.url
        page.get_by_role("link", name="Acknowledge").click()
        expect(said(page)).to_contain_text("Taken in.")
        shop.desk.speak()
        expect(said(page)).to_contain_text("It is acknowledged now")
        assert page.url == place
        steps = page.get_by_role("group", name="Decide")
        expect(steps.get_by_role("link", name="Acknowledge", exact=True)).to_have_count(0)
        steps.get_by_role("link", name="Resolve").click()
        page.get_by_label("Outcome").fill("shipped_late")
        page.get_by_label(re.compile("Why")).fill("The warehouse has found the parcel.")
        page.get_by_role("button", name="Resolve").click()
        expect(said(page)).to_contain_text("Taken in.")
        shop.desk.speak()
        expect(said(page)).to_contain_text("Done.")
        seat.open("/exceptions")
        expect(page.get_by_role("row").filter(has_text="SO-1")).to_have_count(0)
        expect(page.get_by_role("row").filter(has_text="SO-2")).to_have_count(1)


def test_an_approval_by_a_second_person(chromium: Browser, tmp_path: Path) -> None:
    """Anna asks for a mail to the customer and cannot agree to it herself; Bob sees what it would say and whom, and agrees."""
    with floor(tmp_path, chromium, [unshipped("SO-1")]) as shop:
        with shop.seat("anna") as seat:
            page = seat.open("/exceptions")
            look_into(page, "SO-1")
            page.get_by_role("link", name="Ask for an action").click()
            page.get_by_role("dialog").get_by_label("Action").select_option("notify_customer")
            expect(page.get_by_role("dialog").get_by_label("Channel")).to_be_visible()
            page.get_by_role("button", name="Ask for it").click()
            expect(said(page).or_(page.get_by_role("heading", name=re.compile("^Confirm")))).to_be_visible()
            if page.get_by_role("heading", name=re.compile("^Confirm")).count():
                page.get_by_role("button", name="Ask for it").click()
            expect(said(page)).to_contain_text("Taken in.")
            shop.desk.speak()
            expect(said(page)).to_contain_text("Done.")
            seat.open("/approvals")
            asked = page.get_by_role("article").filter(has_text="notify customer")
            expect(asked).to_have_count(1)
            expect(asked.get_by_role("link", name="Approve")).to_have_count(0)
        with shop.seat("bob") as seat:
            page = seat.open("/approvals")
            asked = page.get_by_role("article").filter(has_text="notify customer")
            expect(asked).to_contain_text("anna")
            asked.get_by_role("link", name="Approve").click()
            page.get_by_role("dialog").get_by_role("button", name=re.compile("Approve|Go on")).click()
            expect(said(page).or_(page.get_by_role("heading", name=re.compile("^Confirm")))).to_be_visible()
            if page.get_by_role("heading", name=re.compile("^Confirm")).count():
                page.get_by_role("dialog").get_by_role("button", name="Approve").click()
            expect(said(page)).to_contain_text("Taken in.")
            shop.desk.speak()
            expect(said(page)).to_contain_text("Done.")


def test_automation_is_paused_and_goes_on(chromium: Browser, tmp_path: Path) -> None:
    """Bob pauses one action, with a reason, and lets it go on; the page says each time where it is paused, since when and by whom."""
    with floor(tmp_path, chromium, [unshipped("SO-1")]) as shop, shop.seat("bob") as seat:
        page = seat.open("/automation")
        expect(page.locator("main")).to_contain_text("Automation is paused nowhere.")
        page.get_by_role("link", name="Pause automation").click()
        page.get_by_label("One action").check()
        page.get_by_label("Which one").fill("notify_customer")
        page.get_by_label(re.compile("^Why")).fill("the text is wrong")
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(said(page)).to_contain_text("Taken in.")
        shop.desk.speak()
        expect(said(page)).to_contain_text("It is paused now.")
        paused = seat.open("/automation").get_by_role("row").filter(has_text="action:notify_customer")
        expect(paused).to_contain_text("bob")
        expect(paused).to_contain_text("the text is wrong")
        paused.get_by_role("link", name="Resume").click()
        page.get_by_label(re.compile("^Why")).fill("the text is right again")
        page.get_by_role("button", name="Resume", exact=True).click()
        expect(said(page)).to_contain_text("Taken in.")
        shop.desk.speak()
        expect(said(page)).to_contain_text("Done.")
        expect(seat.open("/automation").locator("main")).to_contain_text("Automation is paused nowhere.")


def test_two_hundred_are_acknowledged_at_once(chromium: Browser, tmp_path: Path) -> None:
    """All that the filter leaves, also what stands on other pages; each has a result of its own."""
    with floor(tmp_path, chromium, [unshipped(f"SO-{number}") for number in range(200)]) as shop, shop.seat("anna") as seat:
        page = seat.open("/exceptions?kind=fulfilment.ship_overdue")
        page.get_by_label("All 200 that the filter leaves").check()
        page.locator("#bulk").get_by_role("button", name="Acknowledge").click()
        chosen = page.get_by_role("dialog")
        expect(chosen).to_contain_text("200 are chosen:")
        chosen.get_by_role("button", name="Acknowledge").click()
        expect(said(page)).to_contain_text("200 are taken in")
        shop.desk.speak()
        expect(said(page)).to_contain_text("200 of 200 are decided.")
        expect(page.get_by_role("region", name="What became of each").get_by_role("row")).to_have_count(201)
        taken = select(func.count()).where(exceptions.c.kind == "fulfilment.ship_overdue", exceptions.c.acknowledged_at.is_not(None))
        assert shop.desk.rows(taken) == [(200,)]


def test_a_decision_on_what_has_changed_meanwhile_is_refused_with_what_changed(chromium: Browser, tmp_path: Path) -> None:
    """Two people open the same case; the second is told what the first has done, and may go on from there."""
    with floor(tmp_path, chromium, [unshipped("SO-1")]) as shop, shop.seat("anna") as first, shop.seat("bob") as second:
        for seat in (first, second):
            look_into(seat.open("/exceptions"), "SO-1")
            seat.page.get_by_role("link", name="Resolve").click()
            expect(seat.page.get_by_role("dialog")).to_contain_text("What it would do")
        first.page.get_by_role("button", name="Resolve").click()
        expect(said(first.page)).to_contain_text("Taken in.")
        shop.desk.speak()
        second.page.get_by_role("button", name="Resolve").click()
        expect(second.page.get_by_role("dialog")).to_contain_text("Somebody was quicker")
        expect(second.page.get_by_role("dialog")).to_contain_text("anna")
        expect(said(second.page)).to_have_count(0)


def test_a_rejected_record_is_mended(chromium: Browser, tmp_path: Path) -> None:
    """Ada sees it masked, asks for all of it, is told what is still wrong, and sends what is right as a new event."""
    with console(tmp_path, orders=None, settings={"cookie": "plain"}) as host:
        reject(host, rejected(scan()))
        sent = SentRecords(host)
        served = Served(host.app)
        try:
            with window(chromium, served.url, host, "ada") as seat:
                page = seat.open("/rejects")
                page.get_by_role("region", name="Rejected records").get_by_role("link").first.click()
                expect(page.locator("main")).not_to_contain_text("Mustermann")
                page.get_by_role("button", name="Show all of it, and mend it").click()
                field = page.get_by_label("Mend it")
                assert "Erika Mustermann" in field.input_value()
                page.get_by_role("button", name="Check it").click()
                expect(page.get_by_role("list", name="What is wrong with it")).to_contain_text("data.status")
                field.fill(field.input_value().replace("delivred", "delivered"))
                page.get_by_role("button", name="Check it").click()
                expect(page.get_by_text("nothing is wrong with it now")).to_be_visible()
                page.get_by_role("button", name="Send it as a new event").click()
                expect(page.locator("main")).to_contain_text("It was sent again by ada")
                assert seat.violations() == []
        finally:
            served.stop()
        assert [one["data"]["status"] for one in sent.events] == ["delivered"]


def test_who_may_only_look_is_offered_nothing_and_can_do_nothing(chromium: Browser, tmp_path: Path) -> None:
    """Vera has no buttons; what she sends all the same is refused; pages of the administration are not there for her."""
    with floor(tmp_path, chromium, [unshipped("SO-1")]) as shop, shop.seat("vera") as seat:
        page = seat.open("/exceptions")
        look_into(page, "SO-1")
        expect(page.get_by_role("link", name=re.compile("Acknowledge|Resolve|Snooze"))).to_have_count(0)
        views = page.get_by_role("navigation", name="Views")
        expect(views.get_by_role("link", name="Exceptions")).to_have_count(1)
        expect(views.get_by_role("link", name=re.compile("People|Tokens"))).to_have_count(0)
        answer = page.request.post(f"{seat.url}/decide", form={"do": "acknowledge", "step": "send"}, headers={"Origin": seat.url})
        assert answer.status == 403
        refused = page.goto(f"{seat.url}/people")
        assert refused is not None
        assert refused.status in (403, 404)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert seat.violations() == []
        assert shop.desk.written.all() == []


def test_a_dark_phone(chromium: Browser, tmp_path: Path) -> None:
    """Everything fits, is readable, and can be pressed with a thumb."""
    with (
        floor(tmp_path, chromium, [unshipped("SO-1"), unshipped("SO-2")]) as shop,
        shop.seat("anna", size=PHONE, dark=True) as seat,
    ):
        page = seat.open("/exceptions")
        look_into(page, "SO-1")
        for step in ("exception", "form"):
            assert seat.overflow() <= 0, step
            assert seat.violations() == [], step
            if step == "exception":
                button = page.get_by_role("link", name="Snooze")
                box = button.bounding_box()
                assert box is not None
                assert min(box["width"], box["height"]) >= 24
                button.click()
                expect(page.get_by_role("dialog")).to_contain_text("until the next business morning")
        page.get_by_label("for four hours").check()
        page.get_by_role("button", name="Snooze").click()
        expect(said(page)).to_contain_text("Taken in.")
        shop.desk.speak()
        expect(said(page)).to_contain_text("It is snoozed now")
        assert (seat.overflow(), seat.violations()) == (0, [])


def test_keyboard_only(chromium: Browser, tmp_path: Path) -> None:
    """From the log-in to an acknowledgement of two and its undoing without a pointer; where one is, is always seen."""
    with floor(tmp_path, chromium, [unshipped("SO-1"), unshipped("SO-2")]) as shop, shop.seat() as seat:
        page = seat.open("/login")
        while page.evaluate("document.activeElement?.name") != "name":
            press(page, "Tab")
        page.keyboard.type("anna")
        press(page, "Tab")
        page.keyboard.type("orderwatch-demo")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("My work")
        press(page, "g")
        expect(page.locator("body[data-going]")).to_have_count(1)
        press(page, "Escape")
        expect(page.locator("body[data-going]")).to_have_count(0)
        press(page, "g", "e")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Exceptions")
        press(page, "j", "x", "j", "x")
        expect(page.locator("[data-row] input:checked")).to_have_count(2)
        focused = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert focused not in ("none", "hidden")
        press(page, "e")
        expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(re.compile("Acknowledge"))
        reach(page, page.get_by_role("dialog").get_by_role("button", name="Acknowledge", exact=True))
        press(page, "Enter")
        expect(said(page)).to_contain_text("2 are taken in")
        shop.desk.speak()
        expect(said(page)).to_contain_text("2 of 2 are decided.")
        press(page, "u")
        expect(said(page)).to_contain_text("2 are taken in")
        shop.desk.speak()
        expect(said(page)).to_contain_text("2 of 2 are decided.")
        taken = select(func.count()).where(exceptions.c.acknowledged_at.is_not(None))
        assert shop.desk.rows(taken) == [(0,)]
        press(page, "?")
        expect(page.get_by_role("dialog")).to_be_visible()
        press(page, "Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        press(page, "Control+k")
        offered = page.get_by_role("dialog").get_by_role("option")
        expect(offered).not_to_have_count(0)
        page.keyboard.type("to appr")
        expect(offered).to_have_count(0)
        for _ in range(7):
            press(page, "Backspace")
        page.keyboard.type("approv")
        expect(page.get_by_role("dialog").get_by_role("option", selected=True)).to_contain_text("Approvals")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Approvals")


def reach(page: Page, wanted: Locator) -> None:
    """Presses Tab until something has the focus."""
    for _ in range(80):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        press(page, "Tab")
    raise AssertionError(f"{wanted} is not reached by Tab")


def test_without_javascript_all_of_it_is_done_by_links_and_forms(chromium: Browser, tmp_path: Path) -> None:
    """A browser that runs no script acknowledges a case."""
    with floor(tmp_path, chromium, [unshipped("SO-1")]) as shop, shop.seat("anna", script=False) as seat:
        page = seat.open("/exceptions")
        look_into(page, "SO-1")
        page.get_by_role("link", name="Acknowledge").click()
        page.get_by_role("button", name="Acknowledge").click()
        expect(said(page)).to_contain_text("Taken in.")
        shop.desk.speak()
        page.get_by_role("link", name="Look again").click()
        expect(said(page)).to_contain_text("It is acknowledged now")


def test_a_case_that_was_no_case_is_shown_as_taken_back(chromium: Browser, tmp_path: Path) -> None:
    """A scan that comes late tells that the parcel had left in time: the exception is drawn as taken back, not erased."""
    with floor(tmp_path, chromium, [unshipped("SO-1")]) as shop, shop.seat("anna") as seat:
        page = seat.open("/exceptions?kind=fulfilment.ship_overdue")
        look_into(page, "SO-1")
        place = page.url
        shipment = {"site": "ams1", "shipment_id": "S-1", "carrier": "ups", "tracking_number": "1Z1"}
        left = event("SO-1", "warehouse.shipped", START - timedelta(days=3), "/warehouse/ams1", **shipment)
        with (tmp_path / "events.jsonl").open("ab") as file:
            file.write(orjson.dumps({**left, "recordedtime": (START + timedelta(seconds=1)).isoformat()}) + b"\n")
        shop.desk.speak()
        page.goto(place)
        expect(page.locator("main")).to_contain_text("Taken back: evidence that came later shows that it was not so.")
        expect(page.get_by_role("img").first.or_(page.locator("svg").first)).to_be_visible()
        seat.open("/exceptions?kind=fulfilment.ship_overdue")
        expect(page.get_by_role("row").filter(has_text="SO-1")).to_have_count(0)
