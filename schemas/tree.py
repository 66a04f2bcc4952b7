"""A YAML file as plain data with positions: every value is a text, a list, a mapping or None.

Scalars stay texts on purpose. YAML 1.1 would turn the country `NO` into false, the cut-off `16:00` into 960 and a date into an object;
here each field reads its own text. Aliases, tags, deep nesting and huge files are refused: no policy and no settings file needs them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.plain import Data

GREATEST_SIZE: Final = 256 * 1024
GREATEST_DEPTH: Final = 16

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a value: where (line and column count from 1, path of keys and indexes), what, and what may have been meant."""

    line: int
    column: int
    path: Path
    message: str
    suggestion: str | None = None
    warning: bool = False
    """It can be used as it is, though hardly as it was meant."""


@dataclass(slots=True)
class Tree:
    """The data of a file, where each value (`values`) and each key (`keys`) stands, and what is wrong with the YAML itself."""

    data: Data = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict[Path, tuple[int, int]])
    faults: list[Fault] = field(default_factory=list[Fault])

    def at(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """The line and column of a value, or of its key; of the nearest one around it where it is not in the file."""
        while path:
            found = (self.keys.get(path) if key else None) or self.values.get(path)
            if found:
                return found
            path = path[:-1]
        return self.values.get((), (1, 1))

    def fault(self, path: Path, message: str, suggestion: str | None = None, *, key: bool = False, warning: bool = False) -> Fault:
        """A fault at a value or at its key."""
        return Fault(*self.at(path, key=key), path, message, suggestion, warning)


_next_event: Final[Callable[[yaml.BaseLoader], yaml.Event]] = methodcaller("peek_event")  # its own signature has no types


class _RefusedError(Exception):
    """The next event of a loader is more than such a file may hold."""

    def __init__(self, loader: yaml.BaseLoader, message: str) -> None:
        mark = _next_event(loader).start_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        super().__init__(message)
        self.fault = Fault(*place, (), message)


class _Loader(yaml.BaseLoader):
    """Composes nodes; refuses aliases and depth before they cost anything."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.AliasEvent):
            raise _RefusedError(self, "aliases (*name) are not allowed here")
        if self.depth >= GREATEST_DEPTH:
            raise _RefusedError(self, "nested too deeply")
        self.depth += 1
        node: Node | None = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read(text: str) -> Tree:
    """The tree of a YAML text; what is wrong with it stands in `faults`, and nothing is raised."""
    tree = Tree()
    if len(text) > GREATEST_SIZE:
        tree.faults.append(Fault(1, 1, (), f"the file is larger than {GREATEST_SIZE // 1024} KiB"))
        return tree
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except _RefusedError as refused:
        tree.faults.append(refused.fault)
        return tree
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        tree.faults.append(Fault(line, column, (), f"not valid YAML: {error.problem or error.context}"))
        return tree
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = before.count("\n") + 1, len(before) - before.rfind("\n")
        tree.faults.append(Fault(*place, (), f"not valid YAML: {error.reason}"))
        return tree
    if node is not None:
        tree.data = _data(node, (), tree)
    return tree


def _data(node: Node, path: Path, tree: Tree) -> Data:
    tree.values[path] = _place(node)
    if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
        tree.faults.append(tree.fault(path, f"tags are not allowed here: {node.tag}"))
        return None
    if isinstance(node, ScalarNode):
        value = str(node.value)
        return None if node.style is None and value in {"", "~", "null"} else value
    if isinstance(node, SequenceNode):
        return [_data(item, (*path, i), tree) for i, item in enumerate(node.value)]
    if not isinstance(node, MappingNode):
        raise TypeError(f"unknown YAML node {node!r}")
    found: dict[str, Data] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            tree.faults.append(Fault(*_place(key), path, "a key must be a plain text"))
            continue
        name = str(key.value)
        if name in found:
            line = tree.keys[*path, name][0]
            tree.faults.append(Fault(*_place(key), (*path, name), f"the key occurs twice; it was set in line {line}"))
            continue
        tree.keys[*path, name] = _place(key)
        found[name] = _data(value, (*path, name), tree)
    return found


def _place(node: Node) -> tuple[int, int]:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
