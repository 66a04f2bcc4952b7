"""Where one can go: all places, the views of lists, and what is found by a name. As a page, and as the palette that a key opens."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.own_lists import views_of
from dataflows.console.routes import Route
from dataflows.console.standard_views import standard
from dataflows.console.text import mark
from dataflows.console.visit import Visit

PLACES: Final = mark("Pages")
VIEWS: Final = mark("Views of exceptions")
SAVED: Final = mark("Saved views")


async def show_places(visit: Visit) -> Response:
    """All that one can go to, by what it is called."""
    kept = await visit.own(views_of, visit.parts.own, visit.person)
    own = [(visit.url("settings"), visit.say(mark("Settings"))), (visit.url("views"), visit.say(mark("All views")))]
    groups = {
        visit.say(PLACES): [*((url, visit.say(item.label)) for item, url in visit.navigation()), *own],
        visit.say(VIEWS): [(url, name) for name, url in standard(visit)],
        visit.say(SAVED): [(f"{visit.url(view.route)}?{view.query}", view.name) for view in kept],
    }
    shown = {name: places for name, places in groups.items() if places}
    if visit.wants_fragment:
        return visit.fragment("places/options.html", groups=shown)
    return visit.page("places/places.html", groups=shown)


ROUTES: Final = (Route("places", "/places", show_places, Needs.READ),)
