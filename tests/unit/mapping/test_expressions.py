"""Expressions: what they may cost, what they refuse, their string functions, and which fields they are said to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from sources.adapters.output import RefuseError
from sources.mapping.expressions import BadExpressionError, Evaluator, compiled
from sources.mapping.paths import PathScope, scope_of
from tests.unit.mapping.support import PLAIN, adapted

if TYPE_CHECKING:
    from sources.adapters.payload import Json


def value(text: str, root: Json, steps: int = 100_000) -> Json:
    """What an expression gives."""
    return Evaluator(steps).value(compiled(text, PathScope()), root)


@pytest.mark.parametrize(
    ("text", "root", "found"),
    [
        ("trim_left(a, '0')", {"a": "000123"}, "123"),
        ("trim(a)", {"a": " x "}, "x"),
        ("trim_right(a, '-x')", {"a": "ab-x"}, "ab"),
        ("split(a, '/')[0]", {"a": "1001/2"}, "1001"),
        ("split(a, '')", {"a": "ab"}, ["a", "b"]),
        ("replace(a, 'SO-', '')", {"a": "SO-7"}, "7"),
        ("lower(a)", {"a": "BER"}, "ber"),
        ("upper(a)", {"a": "ber"}, "BER"),
        ("to_string(a)", {"a": 7}, "7"),
        ("to_string(a)", {"a": True}, "true"),
        ("a || b", {"b": 1}, 1),
        ('"Order No."', {"Order No.": 1}, 1),
        ("a.b[0]", {"a": {"b": [1]}}, 1),
        ("a", [1], None),
    ],
)
def test_expressions_give_what_they_say(text: str, root: Json, found: Json) -> None:
    """JMESPath, and the string functions of JMESPath Community."""
    assert value(text, root) == found


@pytest.mark.parametrize(
    "text",
    [
        "join('', a)", "abs(a)", "a[::0]", "sum(a)", "contains('abc', a)", "sort(a)", "ceil(to_number('1e999'))",
        "to_string(@)", "trim(b, 'a', 'b')", "trim(b, a)", "replace(b, '', 'x')", "max_by(a, &c)", "map(&lower(@), a)",
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_is_refused_without_its_value(text: str) -> None:
    """The library raises many sorts of errors, some of which quote values."""
    with pytest.raises(RefuseError) as refused:
        value(text, {"a": [1, "secret", None], "b": "secret"})
    assert "secret" not in refused.value.detail
    assert refused.value.reason in ("wrong_type", "too_large")


def test_what_doubles_with_each_step_is_stopped() -> None:
    """Lists, texts, and lists of the same list: an expression of a few characters could fill the memory."""
    for text in (" | ".join(["@"] + ["[@, @][]"] * 40), "a | " + " | ".join(["join('', [@, @])"] * 22)):
        with pytest.raises(RefuseError, match="too long to work out"):
            value(text, {"a": "x"})
    shared = " | ".join(["[@, @]"] * 40)
    assert value(shared, {"a": 1}) is not None
    with pytest.raises(RefuseError):
        value(f"{shared} | to_string(@)", {"a": 1})


def test_what_is_quadratic_in_a_list_of_many_is_stopped() -> None:
    """Each item looks through all: the records of one payload share what they may cost."""
    text = PLAIN.format(format="json").replace("order: order", "each: items\n    order: to_string(sum(parent.items[].n))")
    body = orjson.dumps({"at": "2026-11-20T12:00:00Z", "items": [{"n": n, "at": "2026-11-20T12:00:00Z"} for n in range(20_000)]})
    refused = adapted(text, body).refused
    assert refused
    assert {one.reason for one in refused} == {"too_large"}


def test_deep_and_long_expressions_are_refused_when_the_file_is_read() -> None:
    """Not when a record is."""
    for text in ("(" * 400 + "a" + ")" * 90, "!" * 499 + "a", "[" * 300, "a" * 501):
        with pytest.raises(BadExpressionError):
            compiled(text, PathScope())


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("a", {"a"}),
        ("a.b.c", {"a.b.c"}),
        ("a[0].b", {"a[].b"}),
        ("a[].b", {"a[].b"}),
        ("a[*].b[*].c", {"a[].b[].c"}),
        ("a[].b[].c", {"a[].b.c", "a[].b[].c"}),
        ("a[?b == 'x'].c | [0]", {"a[].b", "a[].c"}),
        ("a || b.c", {"a", "b.c"}),
        ("not_null(a, b)", {"a", "b"}),
        ("join('-', [a, b.c])", {"a", "b.c"}),
        ("sort_by(a, &b)[0].c", {"a[].b", "a[].c"}),
        ("max_by(a, &b).c", {"a[].b", "a[].c"}),
        ("length(a)", {"a"}),
        ("a && b == `1`", {"a", "b"}),
        ("[a, b][0]", {"a", "b"}),
        ("{x: a}", {"a"}),
        ("a[1:3].b", {"a[].b"}),
        ("@", set[str]()),
        ("'x'", set[str]()),
    ],
)
def test_the_fields_that_an_expression_reads(text: str, paths: set[str]) -> None:
    """As coverage writes them."""
    assert compiled(text, PathScope()).paths == paths


def test_the_fields_of_items_and_of_what_is_around_them() -> None:
    """`parent` is the record around, `item` the item itself."""
    outside = PathScope("[]")
    inside = scope_of(compiled("orders[].lines", outside).tree, outside)
    for text, path in (("sku", ".sku"), ("item.sku", ".sku")):
        assert compiled(text, inside).paths == {f"[].orders[].lines[]{path}"} or compiled(text, inside).paths == {
            f"[].orders[].lines{path}"
        }
    assert compiled("parent.no", inside).paths == {"[].no"}
    assert compiled("parent", outside).paths == {"[].parent"}
