"""The vocabulary of the product: one telling name per class, and the field's terms in identifiers."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = tuple(path for top in ("dataflows", "schemas", "sinks", "sources") for path in sorted((ROOT / top).rglob("*.py")))
RETIRED = frozenset(
    """
    heart house keeper lots parked reckoning room rooms shell shells sighting squeeze tomb tombs told verdict verdicts wakes
    """.split()
)
"""Words that the project once had for watermarks, operators, checkpoints, tombstones and output records."""
FIELDS = {
    "schemas/output_events.py": {"parked"},
    "dataflows/detect/inspection.py": {"verdicts"},
}
"""Names of JSON fields, which do not change; by the file that declares them."""


def declared(tree: ast.AST) -> set[str]:
    """The names that a module gives: to classes, functions, parameters, variables and attributes."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(asname=str(name)):
                names.add(name)
            case _:
                pass
    return names


def words(name: str) -> set[str]:
    """The words that a name is made of, in lower case."""
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def test_each_class_has_a_name_of_its_own() -> None:
    """Whoever reads a name, in a traceback or in a signature, knows which class is meant."""
    names = Counter(
        node.name for path in PRODUCT for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)
    )
    assert len(names) > 200
    assert [name for name, count in names.items() if count > 1] == []


def test_identifiers_use_the_terms_of_the_field() -> None:
    """No name of the product, and no module, has a retired word in it."""
    found: dict[str, set[str]] = {}
    for path in PRODUCT:
        where = path.relative_to(ROOT).as_posix()
        names = declared(ast.parse(path.read_text(encoding="utf-8"))) | {path.stem}
        if wrong := {name for name in names if words(name) & RETIRED} - FIELDS.get(where, set()):
            found[where] = wrong
    assert found == {}


def test_a_retired_word_is_seen_wherever_it_is_given() -> None:
    """The check itself: parameters, attributes, aliases, constants and camel case count; uses and strings do not."""
    tree = ast.parse("import a as tomb_of\nclass OrderShell: pass\ndef f(told): self._room = 1\nMOST_VERDICTS = heart('lots')\n")
    assert {name for name in declared(tree) if words(name) & RETIRED} == {"tomb_of", "OrderShell", "told", "_room", "MOST_VERDICTS"}


def test_reading_orders_name_modules_that_are_there() -> None:
    """Whoever follows the order in a package's docstring finds each module that it names."""
    named = 0
    for path in PRODUCT:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "" if path.name == "__init__.py" else ""
        order = text.partition("Reading order:")[2].partition("\n\n")[0]
        names = re.findall(r"`([a-z_]+)`", order)
        named += len(names)
        missing = [name for name in names if not any((path.parent / entry).exists() for entry in (f"{name}.py", name))]
        assert missing == [], path
    assert named > 50
