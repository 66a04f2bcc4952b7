"""What a view declares: its name, its path, its function and what it needs. `every_route` finds all of them."""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Final, NamedTuple

from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.visit import Visit

VIEWS: Final = "dataflows.console.views"


class Route(NamedTuple):
    """A page or a form. `path` as Starlette writes it, such as `/exceptions/{id}`."""

    name: str
    path: str
    view: Callable[[Visit], Awaitable[Response]]
    needs: Needs
    methods: tuple[str, ...] = ("GET",)


@lru_cache(1)
def every_route() -> Sequence[Route]:
    """The `ROUTES` of all modules of `views`, in the order of their modules' names. Raises ValueError of a name given twice."""
    found: list[Route] = []
    for module in sorted(pkgutil.iter_modules(import_module(VIEWS).__path__), key=lambda one: one.name):
        routes: Sequence[Route] = getattr(import_module(f"{VIEWS}.{module.name}"), "ROUTES", ())
        found += routes
    names = [route.name for route in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"routes named twice: {', '.join(twice)}")
    return found
