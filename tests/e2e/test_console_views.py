"""Every view in a real browser, in both themes and on a phone: readable by all (axe), within its policy, from its own host, not too wide."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from dataflows.console.routes import every_route
from tests.support.browser import PHONE, Served, browser, why_not, window
from tests.support.console import ConsoleHost, console

pytestmark = [pytest.mark.slow, pytest.mark.skipif(why_not() is not None, reason=str(why_not()))]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleHost]:
    """A console over a filled store."""
    with console(tmp_path_factory.mktemp("console"), orders=60, settings={"cookie": "plain"}) as found:
        yield found


@pytest.fixture(scope="module")
def served(host: ConsoleHost) -> Iterator[Served]:
    """It at a port."""
    found = Served(host.app)
    yield found
    found.stop()


def test_x(chromium: Browser, host: ConsoleHost, served: Served) -> None:
    print([r.path for r in every_route()])
    with window(chromium, served.url, host, "ada", size=PHONE) as w:
        w.open("/settings")
        print(w.violations(), w.overflow())
        from pathlib import Path
        w.picture(Path("/tmp/browser/x.png"))
