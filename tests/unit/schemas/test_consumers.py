"""Within version 1 fields and types are only added: whoever read or wrote events of the release before goes on to.

`v1-0.1.0.json` holds, flat, what that release's exported schemas say: of every type the fields with their types, and which must be there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from schemas.export import schema as schema_of

PINNED: dict[str, dict[str, dict[str, list[str]]]] = json.loads((Path(__file__).parent / "data" / "v1-0.1.0.json").read_text())
Schema = dict[str, Any]
WIDENED = {
    # A person may initiate an action that is about no exception (contract, part 2, "Decisions in").
    ("action.proposed", "data.exception_id"),
    ("action.requested", "data.exception_id"),
    ("action.withdrawn", "data.exception_id"),
}
"""Fields that may be null now, by decision of the contract."""


def flat(schema: Schema) -> dict[str, list[str]]:
    """The fields of a schema by their path, each with its types and `required` if it must be there."""
    found: dict[str, list[str]] = {}
    _walk(schema, schema.get("$defs", {}), "", found, ())
    return dict(sorted(found.items()))


def _walk(one: Schema, defs: Schema, path: str, found: dict[str, list[str]], above: tuple[str, ...]) -> None:
    for part in _parts(one, defs):
        name = part.get("title", "")
        if "properties" not in part or name in above:
            continue
        needed = part.get("required", [])
        for field, value in cast("Schema", part["properties"]).items():
            here = f"{path}.{field}" if path else field
            words = sorted({str(each) for each in _types(value, defs)}) + (["required"] if field in needed else [])
            found[here] = sorted({*found.get(here, []), *words})
            _walk(value, defs, here, found, (*above, name))
        if "items" in part:
            _walk(part["items"], defs, f"{path}[]", found, above)
    for part in _parts(one, defs):
        if "items" in part:
            _walk(part["items"], defs, f"{path}[]", found, above)


def _parts(one: Schema, defs: Schema) -> list[Schema]:
    """A schema, or those of which it is any."""
    if "$ref" in one:
        return _parts(defs[str(one["$ref"]).rpartition("/")[2]], defs)
    if "anyOf" in one:
        return [part for each in one["anyOf"] for part in _parts(each, defs)]
    return [one]


def _types(one: Schema, defs: Schema) -> set[str]:
    return {str(part.get("type", "any")) for part in _parts(one, defs)}


@pytest.mark.parametrize("type_", PINNED["out"])
def test_what_consumers_read_is_still_there(type_: str) -> None:
    """Every field, of no other type, and always where it always was."""
    now = flat(schema_of(type_))
    for field, words in PINNED["out"][type_].items():
        assert field in now, field
        if (type_, field) in WIDENED:
            assert {*now[field]} == {"null", *words} - {"required"}
            continue
        assert {*now[field]} <= {*words, "required"}, field
        assert "required" in now[field] or "required" not in words, field


@pytest.mark.parametrize("type_", PINNED["in"])
def test_what_producers_write_is_still_taken(type_: str) -> None:
    """No field is refused that was taken, and none is asked for that was not."""
    now = flat(schema_of(type_))
    for field, words in PINNED["in"][type_].items():
        assert {*words} - {"required"} <= {*now.get(field, [])}, field
    asked = {field for field, words in now.items() if "required" in words}
    before = {field for field, words in PINNED["in"][type_].items() if "required" in words}
    known = {field.rpartition(".")[0] for field in PINNED["in"][type_]}
    assert not {field for field in asked - before if field.rpartition(".")[0] in known}
