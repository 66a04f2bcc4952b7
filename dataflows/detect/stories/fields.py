"""Fields of what is said, as stories expect them: `{case.state: acknowledged, case.ack_by: +5h, guardrails.name: [high_value]}`.

A name with dots leads into what is within; through a list it leads to what stands in each of its items. A list must be the same in any
order; where a single value is expected of a list, one of its items must be it. `null` is nothing: no value, no items. In texts `*` stands
for anything; `300..500`, `300..` and `..500` are ranges of numbers; `not X` is anything but X.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, cast, get_args

from pydantic import BaseModel

from schemas.problems import nearest
from schemas.values import micros

_RANGE: Final = re.compile(r"(\d*)\.\.(\d*)")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*(?:Z|[+-]\d\d:\d\d)")
_NOT: Final = "not "


def misspelt(model: type[BaseModel], fields: Mapping[str, object], at: str = "") -> Iterator[tuple[str, str | None]]:
    """The names that what is said cannot have, each with the nearest that it can."""
    for name, value in fields.items():
        path = f"{at}{name}"
        found = _annotation(model, name)
        if isinstance(found, str):
            yield path, found or None
        elif found is not None and isinstance(value, Mapping):
            yield from misspelt(found, cast("Mapping[str, object]", value), f"{path}.")


def _annotation(model: type[BaseModel], path: str) -> type[BaseModel] | str | None:
    """The model that a path leads to, None where anything may be within; a text (what was meant, or nothing) if it leads nowhere."""
    name, _, rest = path.partition(".")
    field = model.model_fields.get(name)
    if field is None:
        return nearest(name, model.model_fields) or ""
    inner = next(_models(field.annotation), None)
    if not rest or inner is None:
        return inner
    return _annotation(inner, rest)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def otherwise(fields: Mapping[str, object], data: Mapping[str, object]) -> list[str]:
    """What of the fields is otherwise, in words."""
    found: list[str] = []
    for name, wanted in fields.items():
        known = at_path(data, name)
        inner = _mapping(wanted)
        if inner is not None and set(inner) != {"amount", "currency"}:
            found += [f"{name}.{wrong}" for wrong in otherwise(inner, cast("Mapping[str, object]", known or {}))]
        elif not equal(wanted, known):
            found.append(f"{name} expected {words(wanted)}, is {words(known)}")
    return found


def at_path(data: object, path: str) -> object:
    """What stands at a path; None where nothing does."""
    if not path:
        return data
    if isinstance(data, list):
        inner = [at_path(item, path) for item in cast("list[object]", data)]
        return [each for item in inner for each in (cast("list[object]", item) if isinstance(item, list) else [item]) if each is not None]
    if not isinstance(data, Mapping):
        return None
    within = cast("Mapping[str, object]", data)
    if path in within:
        return within[path]
    name, _, rest = path.partition(".")
    return at_path(within.get(name), rest)


def equal(wanted: object, known: object) -> bool:
    """Whether what is said is what was expected."""
    if isinstance(wanted, str) and wanted.startswith(_NOT):
        return not equal(wanted.removeprefix(_NOT), known)
    if wanted is None or wanted == "null":
        return known is None or known in ("", [], {})
    if isinstance(wanted, list):
        return isinstance(known, list) and _same_items(cast("list[object]", wanted), cast("list[object]", known))
    if isinstance(known, list):
        return any(equal(wanted, item) for item in cast("list[object]", known))
    inner, within = _mapping(wanted), _mapping(known)
    if inner is not None and within is not None:
        return not _unlike(inner, within)
    if isinstance(wanted, bool) or isinstance(known, bool):
        return wanted is known
    return _scalar(wanted, known)


def _same_items(wanted: Sequence[object], known: Sequence[object]) -> bool:
    left = list(known)
    for one in wanted:
        fitting = next((each for each in left if equal(one, each)), None)
        if fitting is None:
            return False
        left.remove(fitting)
    return not left


def _unlike(wanted: Mapping[str, object], known: Mapping[str, object]) -> bool:
    return any(not equal(value, at_path(known, name)) for name, value in wanted.items())


def _scalar(wanted: object, known: object) -> bool:
    if known is None:
        return False
    text, is_ = str(wanted), str(known)
    if (match := _RANGE.fullmatch(text)) and any(match.groups()) and isinstance(known, int | float):
        return (not match[1] or known >= int(match[1])) and (not match[2] or known <= int(match[2]))
    if _INSTANT.fullmatch(text) and _INSTANT.fullmatch(is_):
        return micros(datetime.fromisoformat(text)) == micros(datetime.fromisoformat(is_))
    if "*" in text:
        return re.fullmatch(".*".join(map(re.escape, text.split("*"))), is_, re.DOTALL) is not None
    return text == is_ or _number(text) == _number(is_) is not None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _mapping(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def words(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, list):
        return f"[{', '.join(map(words, cast('list[object]', value)))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {words(each)}" for name, each in cast("Mapping[str, object]", value).items()) + "}"
    return "nothing" if value is None or value == "null" else str(value)
