"""Which fields an expression reads, worked out from the expression alone: the coverage report shows what a mapping left unread.

A path is written as coverage writes it: `orders[].lines[].sku`. Where the expression cannot say more (`*`), its result counts as far as it
is known; a list that is only counted or passed on counts as read itself, not what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

PARENT: Final = "parent"
"""In a record out of `each`: the record around it."""
ITEM: Final = "item"
"""In a record out of `each`: the record itself, for lists of what are no objects."""

Node = dict[str, Any]


class _ResultPlace(NamedTuple):
    """Where a result stands; `many` says that it is a list whose elements stand there."""

    paths: frozenset[str]
    many: bool = False

    @property
    def elements(self) -> _ResultPlace:
        return _ResultPlace(self.paths if self.many else frozenset(f"{path}[]" for path in self.paths))


_NOWHERE: Final = _ResultPlace(frozenset())
_RECORD: Final = _ResultPlace(frozenset(("",)))
_SAME_LIST: Final = frozenset(("sort_by", "sort", "reverse", "to_array"))
_ONE_OF_LIST: Final = frozenset(("min_by", "max_by", "min", "max"))


class PathScope(NamedTuple):
    """Where records stand in a payload; `around` is that of the record around them, for records out of `each`."""

    path: str = ""
    around: PathScope | None = None

    def absolute(self, path: str) -> str:
        """A path within a record, as a path within the payload."""
        first, _, rest = path.partition(".")
        if self.around is not None and first == PARENT:
            return self.around.absolute(rest)
        if self.around is not None and first == ITEM:
            return self.absolute(rest)
        return f"{self.path}.{path}" if self.path and path and not path.startswith("[") else f"{self.path}{path}"


def paths_of(tree: Node, scope: PathScope) -> frozenset[str]:
    """The paths that an expression reads."""
    walk = _Walk()
    walk.end(walk.place(tree, _RECORD))
    return frozenset(scope.absolute(path) for path in walk.read if path)


def scope_of(tree: Node, scope: PathScope) -> PathScope:
    """The scope of the records in the list that an expression gives: the innermost where they may stand in several places."""
    found = _Walk().place(tree, _RECORD).elements.paths
    return PathScope(scope.absolute(max(found, key=len)) if found else "", scope)


class _Walk:
    """Follows an expression through its tree; `read` collects where values are taken from."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def end(self, place: _ResultPlace) -> None:
        """A value is taken from here."""
        self.read |= place.paths

    def place(self, node: Node, here: _ResultPlace) -> _ResultPlace:
        """Where the result of a node stands."""
        children: list[Any] = node.get("children", [])
        match node["type"]:
            case "field":
                return _ResultPlace(frozenset(f"{path}.{node['value']}" if path else str(node["value"]) for path in here.paths))
            case "current" | "identity" | "slice":
                return here
            case "literal":
                return _NOWHERE
            case "index":
                return _ResultPlace(here.elements.paths)
            case "subexpression" | "index_expression" | "pipe":
                for child in children:
                    here = self.place(cast("Node", child), here)
                return here
            case "flatten":
                base = self.place(children[0], here)
                inner = frozenset(f"{path}[]" for path in base.paths)
                return _ResultPlace(base.paths | inner if base.many else inner, many=True)
            case "projection":
                return _ResultPlace(self.place(children[1], self.place(children[0], here).elements).paths, many=True)
            case "filter_projection":
                elements = self.place(children[0], here).elements
                self.end(self.place(children[2], elements))
                return _ResultPlace(self.place(children[1], elements).paths, many=True)
            case "or_expression":
                return self._either(self.place(child, here) for child in children)
            case "function_expression":
                return self._called(str(node["value"]), children, here)
            case _:  # comparisons and structures of its own making: their parts are taken, the result stands nowhere
                for child in children:
                    if isinstance(child, dict):
                        self.end(self.place(cast("Node", child), here))
                return _NOWHERE

    def _called(self, name: str, arguments: list[Node], here: _ResultPlace) -> _ResultPlace:
        given = [self.place(argument, here) for argument in arguments if argument["type"] != "expref"]
        found = self._either(given)
        for argument in arguments:
            if argument["type"] == "expref":
                place = self.place(argument["children"][0], found.elements)
                self.end(place)
        if name in _SAME_LIST or name == "not_null":
            return found
        if name in _ONE_OF_LIST:
            return _ResultPlace(found.elements.paths)
        self.end(found)
        return _NOWHERE

    @staticmethod
    def _either(places: Iterable[_ResultPlace]) -> _ResultPlace:
        found = list(places)
        return _ResultPlace(frozenset[str]().union(*(place.paths for place in found)), any(place.many for place in found))
