"""Paths of routes by their names, taken apart once: a page of a list has several hundred links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
"""A parameter of a path as Starlette writes it: `{id}`, `{offset:int}`."""


class RoutePaths:
    """The paths. Raises KeyError of a route that there is not, and of a parameter that is missing."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._forms = {name: PARAMETER.sub(r"{\1}", path) for name, path in paths.items()}
        self.plain: Final = frozenset(name for name, form in self._forms.items() if "{" not in form)
        """The routes that need nothing in their path."""

    def path(self, name: str, values: Mapping[str, str]) -> str:
        """The path with its parameters, whose values may stand in a URL as they are."""
        return self._forms[name].format_map(values) if values else self._forms[name]
