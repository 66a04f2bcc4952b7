"""Every view in a real browser, in both themes and narrow: readable by all (axe), within its policy, from its own host, not too wide.

And each by keys alone: what has the focus is seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import WIDE, Served, Window, browser, why_not, window
from tests.support.console import ConsoleHost, console, deciding
from tests.support.views import EVERY_VIEW, MADE, MAKERS, VIEWS, MadeView, shown_views

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]

NARROW = (320, 640)
"""The narrowest window that WCAG 1.4.10 asks for."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHost]:
    """A console over a filled store, without an engine behind it."""
    folder = tmp_path_factory.mktemp("console")
    with console(folder, orders=60, settings={"cookie": "plain"}, decisions=deciding, trials=("sleep", "600")) as found:
        yield found


@pytest.fixture(scope="module")
def views(host: ConsoleHost) -> dict[str, str]:
    """The paths of all views that need nothing to be made, by name."""
    return shown_views(host)


@pytest.fixture(scope="module")
def served(host: ConsoleHost) -> Iterator[Served]:
    """It at a port."""
    found = Served(host.app)
    yield found
    found.stop()


@pytest.fixture(scope="module")
def shared(chromium: Browser, host: ConsoleHost, served: Served) -> Iterator[Window]:
    """One window for all views: a new one costs as much as a view."""
    with window(chromium, served.url, host, "ada") as shown:
        yield shown


def test_every_view_is_looked_at() -> None:
    """What has no example is missing here, not passed over."""
    assert EVERY_VIEW - set(VIEWS) - {name.partition("-")[0] for name in MADE} == set()


@pytest.mark.parametrize("view", [*VIEWS, *MADE])
def test_a_view_is_for_everybody(view: str, shared: Window, host: ConsoleHost, views: dict[str, str]) -> None:
    """Axe finds nothing in either theme; a narrow window has all of it; no error, nothing that the policy forbids, no other host."""
    made = MadeView(views[view]) if view in views else MAKERS[view](host)
    page = shared.page
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.emulate_media(color_scheme="light")
    shared.open(made.path) if made.form is None else shared.post(made.path, made.form)
    assert page.get_by_role("heading", level=1).count() == 1
    assert shared.overflow() <= 0, "wider than 1280 pixels"
    assert shared.violations() == []
    assert shared.unseen_focus() == []
    page.emulate_media(color_scheme="dark")
    assert shared.violations() == [], "dark"
    page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert shared.overflow() <= 0, "wider than 320 pixels"
    wrongs, shared.wrongs = shared.wrongs, []
    assert wrongs == []


def test_a_series_is_looked_at_closer(shared: Window) -> None:
    """Zoom puts a chart in the place of the picture; a part over which somebody drags fills it, two clicks show all again."""
    page = shared.page
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    shared.open("/modes?days=90")
    page.get_by_role("button", name="Zoom").click()
    chart = page.locator("#flow canvas")
    expect(chart).to_be_visible()
    expect(page.locator("figure:has(#flow) .frame")).to_be_hidden()
    over = page.locator("#flow .u-over")
    box = over.bounding_box()
    assert box is not None
    drawn = "document.querySelector('#flow canvas').toDataURL()"
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    whole = page.evaluate(drawn)
    across = [box["x"] + box["width"] * part for part in (0.3, 0.6)]
    page.mouse.move(across[0], box["y"] + 40)
    page.mouse.down()
    page.mouse.move(across[1], box["y"] + 40, steps=4)
    page.mouse.up()
    page.wait_for_function(f"before => {drawn} !== before", arg=whole)
    over.dblclick()
    page.wait_for_function(f"before => {drawn} === before", arg=whole)
    page.get_by_role("button", name="Zoom").click()
    expect(chart).to_be_hidden()
    assert shared.violations() == []


def test_a_page_that_breaks_the_policy_is_seen(chromium: Browser, host: ConsoleHost, served: Served, tmp_path: Path) -> None:
    """What these tests rest on: an inline script, a request to another host and an error are noticed, and so is what axe looks for."""
    with pytest.raises(AssertionError), window(chromium, served.url, host, "ada") as shown:  # noqa: PT012 - the whole visit is one
        page = shown.open("/settings")
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
        page.evaluate("fetch('http://127.0.0.1:1/').catch(() => 0)")
        page.evaluate("document.querySelector('main').append(document.createElement('button'))")
        assert page.evaluate("window.ran") is None
        assert any("button-name" in one for one in shown.violations())
        page.evaluate("document.querySelector('main button').style.outline = 'none'")
        assert len(shown.unseen_focus()) == 1
        with page.expect_event("pageerror"):
            page.evaluate("setTimeout(() => { throw new Error('broken') })")
        assert {one.partition(":")[0] for one in shown.wrongs} >= {"console", "error", "asks another host"}
        assert shown.picture(tmp_path / "page.png").stat().st_size > 1_000
