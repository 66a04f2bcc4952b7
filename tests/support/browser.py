"""A real Chromium for tests of the console: windows in which somebody is logged in, and what a page must not do in them.

Debian's Chromium, or what `ORDERWATCH_CHROMIUM` names, or Chrome; driven by Playwright. One browser for a module of tests, one window for
each test. A page that has a JavaScript error, breaks the content security policy, or asks another host for something fails its test.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect, sync_playwright
from starlette.applications import Starlette

from dataflows.console.cookies import cookie_of
from tests.support.console import PASSWORD, ConsoleHost
from tests.support.kafka.process import free_port

UNPACKED: Final = Path(__file__).parents[2] / ".uv" / "tools"
"""Where `.ci/run` unpacks Debian's packages."""
NAMES: Final = ("chromium", "google-chrome", "google-chrome-stable")
WIDE: Final = (1280, 860)
PHONE: Final = (360, 740)
PATIENCE_MS: Final = 60_000
"""After which a test gives up what it waits for. Nothing is measured by it."""
expect.set_options(timeout=PATIENCE_MS)
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
AXE: Final = """async rules => (await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})).violations.flatMap(
    found => found.nodes.map(node => `${found.id}: ${node.target.join(" ")}: ${node.failureSummary.replaceAll("\\n", " ")}`))"""
SUBMIT: Final = """([path, fields]) => { const form = document.createElement("form"); form.method = "post"; form.action = path;
    for (const [name, given] of Object.entries(fields)) for (const value of [given].flat())
        form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
    document.body.append(form); form.submit(); }"""
FOCUSED: Final = """() => {
    const wanted = "a[href], button, input, select, textarea, summary, [tabindex]";
    // What is folded away, or keeps its place without being seen, has a box too.
    const shown = one => one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0;
    const look = one => { const said = getComputedStyle(one);
        return [said.outlineStyle, said.outlineWidth, said.outlineColor, said.boxShadow, said.borderColor, said.stroke].join(); };
    const unseen = [];
    for (const one of [...document.querySelectorAll(wanted)].filter(shown)) {
        document.activeElement?.blur();
        const marked = one.querySelector("rect") ?? one;
        const before = [look(one), look(marked)].join();
        one.focus();
        if (document.activeElement !== one) { unseen.push(`no focus: ${one.outerHTML.slice(0, 120)}`); continue; }
        const place = one.getBoundingClientRect(), header = document.querySelector("header.top")?.getBoundingClientRect();
        const fixed = header && getComputedStyle(document.querySelector("header.top")).position !== "static";
        if ([look(one), look(marked)].join() === before) unseen.push(`not seen: ${one.outerHTML.slice(0, 120)}`);
        else if (fixed && !one.closest("header.top") && place.bottom <= header.bottom && place.bottom > 0 && place.width > 1
            && document.elementFromPoint(place.x + place.width / 2, place.y + place.height / 2)?.closest("header.top"))
            unseen.push(`under the header: ${one.outerHTML.slice(0, 120)}`);
    }
    document.activeElement?.blur();
    window.scrollTo(0, 0);
    return unseen; }"""
"""What can have the focus, and does not look otherwise when it has it or lies under the header (WCAG 2.4.7, 2.4.11)."""
STEADY: Final = """() => document.readyState === "complete"
    && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")"""
"""A page that listens: its scripts have run, and what came in place is wired."""
NO_FAULT: Final = ("Failed to load resource", "htmx:sendAbort", "htmx:afterRequest")
"""Logged as errors, and none: an answer that is refused on purpose, which `_answered` judges; a preview that a decision overtakes."""
REPORTING: Final = """document.addEventListener("securitypolicyviolation",
    event => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`));"""


def program() -> Path | None:
    """The browser's program; None where there is none."""
    if given := os.environ.get("ORDERWATCH_CHROMIUM"):
        return Path(given)
    found = next(filter(None, map(shutil.which, NAMES)), None)
    unpacked = UNPACKED / "usr/lib/chromium/chromium"
    return Path(found) if found else unpacked if unpacked.is_file() else None


def surroundings(chromium: Path) -> dict[str, str]:
    """The environment of a program: one that was unpacked and not installed finds its libraries and fonts beside it."""
    if not chromium.is_relative_to(UNPACKED):
        return dict(os.environ)
    found = ("usr/lib/chromium", "usr/lib/*-linux-gnu", "lib/*-linux-gnu", "usr/lib/*-linux-gnu/pulseaudio")
    libraries = [str(folder) for pattern in found for folder in UNPACKED.glob(pattern)]
    fonts = UNPACKED / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{UNPACKED}/usr/share/fonts</dir><cachedir>{UNPACKED}/fonts-cache</cachedir></fontconfig>")
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(fonts)}


def why_not() -> str | None:
    """Why there is no browser here; None if there is."""
    return None if program() else f"no browser: neither ORDERWATCH_CHROMIUM, nor {' nor '.join(NAMES)} on the path, nor in {UNPACKED.name}"


@contextmanager
def browser() -> Generator[Browser]:
    """A headless browser while inside; only where `why_not` finds nothing."""
    chromium = program()
    assert chromium is not None
    # A container's root has no sandbox; the pages are our own.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=chromium, env=cast("dict[str, str | float | bool]", surroundings(chromium)), args=[*options, "--disable-gpu"]
        )
        try:
            yield running
        finally:
            running.close()


class Served:
    """A server of an application, in a thread of this process, at a port of its own. `stop` and `start` are a lost connection."""

    def __init__(self, app: Starlette) -> None:
        self._app, self.port = app, free_port()
        self._server: uvicorn.Server | None = None
        self.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        # Streams of events never end: what is open when it stops is cut off.
        config = uvicorn.Config(self._app, "127.0.0.1", self.port, lifespan="off", log_level="critical", timeout_graceful_shutdown=0)
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(server.serve()), name="console", daemon=True)
        self._thread.start()
        give_up = time.monotonic() + PATIENCE_MS / 1_000
        while not server.started:
            assert self._thread.is_alive(), "the console does not start"
            assert time.monotonic() < give_up, "the console does not listen"
            time.sleep(0.01)

    def stop(self) -> None:
        """Stops it."""
        if self._server is not None:
            self._server.should_exit = self._server.force_exit = True
            self._thread.join(PATIENCE_MS / 1_000)
            self._server = None


@dataclass
class Window:
    """A page, and what it did that no page may do."""

    page: Page
    url: str
    wrongs: list[str] = field(default_factory=list[str])
    offline: bool = False
    """A connection is cut on purpose: what cannot be loaded is no fault."""

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.wrongs.append(f"error: {error}"))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def open(self, path: str) -> Page:
        """Opens a path of the console; the page."""
        self.page.goto(self.url + path)
        return self.page

    def post(self, path: str, fields: Mapping[str, object]) -> Page:
        """Sends a form to a path of the console, from the page that is open; the page that answers."""
        with self.page.expect_navigation():
            self.page.evaluate(SUBMIT, [self.url + path, dict(fields)])
        return self.page

    def unseen_focus(self) -> Sequence[str]:
        """What can have the focus by keys, and of which nobody sees that it has it."""
        self.page.keyboard.press("Tab")  # from now on the browser shows the focus
        return cast("list[str]", self.page.evaluate(FOCUSED))

    def violations(self) -> Sequence[str]:
        """What axe finds on the page as it stands."""
        if self.page.evaluate("typeof axe") == "undefined":
            self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
        return cast("list[str]", self.page.evaluate(AXE, list(RULES)))

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return cast("int", self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, path: Path, *, whole: bool = True) -> Path:
        """Takes a picture of the page."""
        self.page.screenshot(path=path, full_page=whole, animations="disabled")
        return path

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(NO_FAULT) and not self.offline:
            self.wrongs.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        where = urlsplit(request.url)
        if where.scheme not in ("data", "about", "blob") and f"{where.scheme}://{where.netloc}" != self.url:
            self.wrongs.append(f"asks another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500 or (response.status == 404 and "/static/" in response.url):
            self.wrongs.append(f"{response.status} {response.url}")


@contextmanager
def window(
    browser: Browser,
    url: str,
    host: ConsoleHost | None = None,
    name: str | None = None,
    *,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    locale: str = "en-GB",
    script: bool = True,
) -> Generator[Window]:
    """A window while inside, in which `name` is logged in at `host` (None: nobody); fails at its end if its pages did what they may not."""
    with ExitStack() as stack:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale=locale,
            timezone_id="Europe/Berlin",
            reduced_motion="reduce",
            java_script_enabled=script,
        )
        stack.callback(context.close)
        context.add_init_script(REPORTING)
        if host is not None and name is not None:
            admit(context, url, host, name)
        found = Window(context.new_page(), url)
        yield found
        assert found.wrongs == [], found.wrongs


def admit(context: BrowserContext, url: str, host: ConsoleHost, name: str) -> None:
    """Logs somebody in, without the form."""
    parts = host.parts
    cookie = parts.sessions.begin(name, "password", "test", host.clock())
    context.add_cookies([{"name": cookie_of(parts.settings), "value": cookie, "url": url}])


def log_in(window: Window, name: str, password: str = PASSWORD) -> Page:
    """Logs somebody in by the form, as people do."""
    page = window.open("/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    return page


def steady(page: Page) -> Page:
    """The page, once what is pressed on it does what it is there for: what is seen may not listen yet."""
    page.wait_for_function(STEADY)
    return page


def press(page: Page, *keys: str) -> None:
    """Presses keys, each once the page listens."""
    for key in keys:
        steady(page).keyboard.press(key)


def look_into(page: Page, order: str) -> Page:
    """Opens the first row that names an order; the page that it leads to, once it listens."""
    with page.expect_navigation():
        page.get_by_role("row").filter(has_text=order).locator("[data-open]").first.click()
    return steady(page)


def decided(page: Page) -> Locator:
    """What became of a decision, as the page says it."""
    return page.locator("#outcome")


def send(page: Page, name: str) -> None:
    """Sends the form of a decision, where pressing its link has not sent it at once."""
    form = page.get_by_role("button", name=name, exact=True)
    expect(decided(page).or_(form).first).to_be_visible()
    if not decided(page).count():
        form.click()
