"""The shortest history that still shows something: events, fields and parts of the policy that do not matter are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

Lines = list[dict[str, object]]
Form = dict[str, object]


def shortest(lines: Lines, form: Form, shows: Callable[[Lines, Form], bool]) -> tuple[Lines, Form]:
    """Leaves out of lines and policy what can be left out one by one while `shows` is true of the rest."""
    form = _policy(lines, form, shows)
    lines = _events(lines, form, shows)
    return _fields(lines, form, shows), form


def _policy(lines: Lines, form: Form, shows: Callable[[Lines, Form], bool]) -> Form:
    for name in list(form):
        if name not in ("calendars", "emits"):
            without = {key: value for key, value in form.items() if key != name}
            form = without if shows(lines, without) else form
    for kind in list(cast("Form", form.get("rules", {}))):
        rules = cast("Form", form["rules"])
        without = {**form, "rules": {key: value for key, value in rules.items() if key != kind}}
        form = without if shows(lines, without) else form
    return form


def _events(lines: Lines, form: Form, shows: Callable[[Lines, Form], bool]) -> Lines:
    before = len(lines) + 1
    while len(lines) < before:
        before = len(lines)
        for index in reversed(range(len(lines))):
            fewer = lines[:index] + lines[index + 1 :]
            if fewer and shows(fewer, form):
                lines = fewer
    return lines


def _fields(lines: Lines, form: Form, shows: Callable[[Lines, Form], bool]) -> Lines:
    for index, line in enumerate(lines):
        data = cast("Form", line["data"])
        for name in list(data):
            rest = {key: value for key, value in data.items() if key != name}
            plainer: Lines = [*lines[:index], {**line, "data": rest}, *lines[index + 1 :]]
            if shows(plainer, form):
                lines, data = plainer, rest
    return lines
