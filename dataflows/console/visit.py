"""One request of one person: what a view is given, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Concatenate, Final, ParamSpec, TypeVar, cast
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from anyio import to_thread
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dataflows.console import render
from dataflows.console.access import NOBODY, Needs, Person
from dataflows.console.assets import asset
from dataflows.console.live.standing import StandingLine, trouble
from dataflows.console.parts import HEAD_OLDEST, ConsoleParts, Head, zero
from dataflows.console.people.sessions import PersonSession
from dataflows.console.text import Language, language, mark, preferred
from dataflows.console.urls import RoutePaths
from sinks.cases.queries.changes import Position, packed_position, position

Given = ParamSpec("Given")
Found = TypeVar("Found")
MOST_FIELDS: Final = 2_000
PLACE: Final = ("after", "at")
"""Parameters of a URL that say where in a list somebody is."""


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place of the navigation: the name of its route, what it is called, the key that goes there after `g`."""

    route: str
    label: str
    key: str
    needs: Needs = Needs.READ


NAVIGATION: Final = (
    NavItem("work", mark("My work"), "w"),
    NavItem("queue", mark("Team queue"), "q"),
    NavItem("exceptions", mark("Exceptions"), "e"),
    NavItem("shipments", mark("Shipments"), "s"),
    NavItem("approvals", mark("Approvals"), "a"),
    NavItem("actions", mark("Actions"), "r"),
    NavItem("messages", mark("Messages"), "m"),
    NavItem("automation", mark("Automation"), "o"),
    NavItem("feeds", mark("Feeds"), "f"),
    NavItem("modes", mark("Failure modes"), "d"),
    NavItem("load", mark("Team load"), "l"),
    NavItem("policy", mark("Policy"), "p"),
    NavItem("rejects", mark("Rejects"), "j"),
    NavItem("audit", mark("Audit"), "u"),
    NavItem("people", mark("People"), "n", Needs.ADMIN),
    NavItem("tokens", mark("Tokens"), "t", Needs.ADMIN),
)
"""The views that have a place in the navigation, in its order; those that there are and that the reader may see are shown."""


class NotHereError(Exception):
    """What was asked for is not there, or the reader may not see it: both are answered alike, by 404."""


class BadRequestError(Exception):
    """What was asked for makes no sense; the message says in one line what to change. Answered by 400."""


class DoneResponse(RedirectResponse):
    """To another page by 303, with a message that it shows once."""

    def __init__(self, url: str, message: str | None) -> None:
        super().__init__(url, 303)
        self.message = message


@dataclass
class Visit:
    """A request. `session` is None and `person` is NOBODY where nobody is logged in."""

    request: Request
    parts: ConsoleParts
    now: datetime
    person: Person = NOBODY
    session: PersonSession | None = None
    head: Head | None = None
    route: str = ""
    message_shown: bool = field(default=False)
    position: Position | None = None
    """How far the store was before the first thing was read of it: what has changed since, an open page is told."""
    rests: bool = False
    """Whether pages of this person follow no changes by themselves."""
    asked: Mapping[str, Sequence[str]] | None = None
    """What of the URL's parameters the page has understood, where it says so: links to the page carry nothing else on."""

    # --- reading ------------------------------------------------------------------------------

    async def read(self, query: Callable[Concatenate[Connection, Given], Found], /, *args: Given.args, **kwargs: Given.kwargs) -> Found:
        """Asks the store on a thread. Raises StoreDownError where it does not answer; the page says so then."""

        def ask(connection: Connection) -> Found:
            if self.position is None:
                self.position = position(connection)
            return query(connection, *args, **kwargs)

        return await self.parts.read(ask)

    async def shared(
        self, what: Hashable, query: Callable[Concatenate[Connection, Given], Found], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Found:
        """As `read`, of what all are shown alike who may see the same (`what`): up to some seconds old, unless something was decided."""
        longest = HEAD_OLDEST.total_seconds()
        return await self.parts.heads.shared.get(what, lambda: self.parts.read(query, *args, **kwargs), longest=longest)

    async def own(self, call: Callable[Given, Found], /, *args: Given.args, **kwargs: Given.kwargs) -> Found:
        """Calls on a thread what blocks, such as what uses the console's own database."""
        return await to_thread.run_sync(lambda: call(*args, **kwargs))

    async def reads(self, what: str, subject: str | None = None, count: int = 1) -> None:
        """Notes that personal data are shown (`console.audited`): before they are."""
        await self.own(self.parts.audit.note, self.person, what, subject, self.now, count)

    async def form(self) -> FormData:
        """The form that was sent. Where it came from was looked at before."""
        return await self.request.form(max_fields=MOST_FIELDS, max_files=4)

    # --- answering ----------------------------------------------------------------------------

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A whole page."""
        self.message_shown = self.session is not None and self.session.message is not None
        return HTMLResponse(render.rendered(self.language.code, template, self._context(context)), status)

    def fragment(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A part of a page, for htmx."""
        return HTMLResponse(render.rendered(self.language.code, template, self._context(context)), status)

    def done(self, url: str, message: str | None = None) -> Response:
        """To another page, which shows the message once."""
        return DoneResponse(url, message)

    @property
    def wants_fragment(self) -> bool:
        """Whether htmx asks, for a part of a page."""
        return self.request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in self.request.headers

    # --- words and places ---------------------------------------------------------------------

    @property
    def language(self) -> Language:
        """The person's, else the browser's."""
        return language(self.person.language or preferred(self.request.headers.get("Accept-Language", "")))

    @property
    def zone(self) -> ZoneInfo:
        """In which times are shown."""
        return ZoneInfo(self.person.zone or self.parts.settings.zone)

    def say(self, message: str, **values: object) -> str:
        """An English text in the reader's language; `%(name)s` in it are filled."""
        found = self.language.text(message)
        return found % values if values else found

    def say_many(self, one: str, many: str, count: int, **values: object) -> str:
        """A text that depends on a count, which it may have in it as `%(count)s`."""
        return self.language.plural(one, many, count) % {"count": self.language.number(count), **values}

    def seconds(self, count: float) -> str:
        """A length of time in words."""
        return self.language.span(timedelta(seconds=max(1, round(count))))

    def url(self, name: str, _query: Mapping[str, object] | Sequence[tuple[str, object]] | None = None, **path: object) -> str:
        """The URL of a route, under the path at which the proxy shows the console."""
        filled = {key: quote(str(value), safe="") for key, value in path.items()}
        found = self.parts.settings.path + self._paths.path(name, filled)
        query = urlencode(_query, doseq=True) if _query else ""
        return f"{found}?{query}" if query else found

    def here(self) -> str:
        """This page from its beginning: without the place in a list."""
        return self._again(())

    def current(self) -> str:
        """This very page, to come back to."""
        return self._again(PLACE)

    def _again(self, places: Sequence[str]) -> str:
        given = self.request.query_params.multi_items()
        query = [(name, value) for name, value in given if name in places or (self.asked is None and name not in PLACE)]
        query = [*((name, value) for name, values in (self.asked or {}).items() for value in values), *query]
        return self.request.url.path + (f"?{urlencode(query)}" if query else "")

    def came_from(self) -> str | None:
        """The page of this console on which the link was that led here, as the browser says."""
        found = urlsplit(self.request.headers.get("Referer", ""))
        if found.netloc.lower() != self.request.url.netloc.lower() or found.path == self.url("login"):
            return None
        return f"{found.path}?{found.query}" if found.query else found.path

    def place(self) -> str:
        """The position as a text; nothing if nothing was read."""
        return "" if self.position is None else packed_position(self.position)

    def trouble(self) -> Sequence[StandingLine]:
        """What the reader is to know of what they see: a stale store, a lagging engine, silent feeds."""
        head = self.head
        return [] if head is None else trouble(head.standing, head.feeds, head.engine, self.now, self)

    def has(self, name: str) -> bool:
        """Whether there is a route of this name that needs nothing in its path."""
        return name in self._paths.plain

    @property
    def _paths(self) -> RoutePaths:
        return cast("RoutePaths", self.request.app.state.paths)

    def asset(self, name: str) -> str:
        """The URL of a file of `static`."""
        return f"{self.parts.settings.path}/static/{asset(name)}"

    def local(self, path: str | None) -> str:
        """A path that somebody has sent, if it is one of this console; else the first page's. Nothing leads elsewhere."""
        home = self.parts.settings.path + "/"
        if not path or not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable():
            return home
        return path if path.startswith(home) else home

    def navigation(self) -> Sequence[tuple[NavItem, str]]:
        """The places that there are and that the reader may see, with their URLs."""
        return [(item, self.url(item.route)) for item in NAVIGATION if self.person.may(item.needs) and self.has(item.route)]

    def may(self, needs: str) -> bool:
        """Whether the person may do what needs this; for templates."""
        return self.person.may(Needs(needs))

    def _context(self, context: Mapping[str, object]) -> dict[str, object]:
        return {
            "visit": self,
            "person": self.person,
            "nav": self.navigation(),
            "head": self.head,
            "counts": (self.head or zero()).counts,
            "standing": (self.head or zero()).standing,
            "shown": render.ShownTo(self.language, self.zone, self.now),
            **context,
        }
