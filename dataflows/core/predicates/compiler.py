"""Compiles the tree of a predicate to a function: the names and types of every node are checked, and each mistake has its place."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, ge, gt, le, lt, ne
from typing import Final, cast

from dataflows.core.history.facts import Facts
from dataflows.core.predicates.closures import Ask, added, all_of, any_of, each_of, money_test, one_of
from dataflows.core.predicates.event_fields import event_fields
from dataflows.core.predicates.fields import KNOWN_FIELDS
from dataflows.core.predicates.parts import PART_INPUTS, PARTS, ParcelPart
from dataflows.core.predicates.syntax import FieldName, Junction, Literal, Mistake, Negation, Node, Operand, Quantified, Sum, Test
from dataflows.core.predicates.types import ORDERED, Field, Getter, Part, Type
from schemas.problems import nearest

_PLURALS: Final = {part.plural: part for part in PARTS}
_NAMES: Final = {part.value: part for part in PARTS}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_COMPARE: Final[dict[str, Callable[[object, object], bool]]] = {
    "==": eq,
    "!=": ne,
    "<": cast("Callable[[object, object], bool]", lt),
    "<=": cast("Callable[[object, object], bool]", le),
    ">": cast("Callable[[object, object], bool]", gt),
    ">=": cast("Callable[[object, object], bool]", ge),
}
_TEXT_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "contains": str.__contains__,
    "starts with": str.startswith,
    "ends with": str.endswith,
}
_SUMS: Final = {
    (Type.INSTANT, "-", Type.INSTANT): Type.SPAN,
    (Type.INSTANT, "-", Type.SPAN): Type.INSTANT,
    (Type.INSTANT, "+", Type.SPAN): Type.INSTANT,
    (Type.SPAN, "-", Type.SPAN): Type.SPAN,
    (Type.SPAN, "+", Type.SPAN): Type.SPAN,
    (Type.NUMBER, "-", Type.NUMBER): Type.NUMBER,
    (Type.NUMBER, "+", Type.NUMBER): Type.NUMBER,
}


def known_fields(part: Part, events: tuple[str, ...] = ()) -> dict[str, Field]:
    """What can be asked of a part without `any`, `all` or `no`, by name: it, what it belongs to, and the order."""
    prefixes = {Part.ORDER, part} | ({Part.SHIPMENT} if part is Part.PARCEL else set[Part]())
    found = {name: each for name, each in KNOWN_FIELDS.items() if name.partition(".")[0] in prefixes}
    if part is Part.EVENT:
        found |= {each.name: each for each in event_fields(events).values()}
    return found


class PredicateCompiler:
    """Compiles one tree; `mistakes` are what is wrong with it, and then what it returned is of no use."""

    def __init__(self, part: Part, events: tuple[str, ...]) -> None:
        self._part = part
        self._fields = known_fields(part, events)
        self._inside: Part | None = None
        self.inputs: set[str] = set(events)
        self.mistakes: list[Mistake] = []

    def node(self, node: Node, *, negated: bool) -> Ask:
        """The function of a node, or of its negation."""
        match node:
            case Negation():
                return self.node(node.body, negated=not negated)
            case Junction():
                asks = tuple(self.node(body, negated=negated) for body in node.bodies)
                return all_of(asks) if (node.word == "and") != negated else any_of(asks)
            case Quantified():
                return self._quantified(node, negated=negated)
            case Test():
                return self._test(node, negated=negated)

    # --- any, all, no ----------------------------------------------------------------------------

    def _quantified(self, node: Quantified, *, negated: bool) -> Ask:
        part = _NAMES.get(node.part) or _PLURALS.get(node.part)
        if part is None:
            known = ", ".join(_NAMES)
            return self._wrong(node.at, f"unknown part {node.part!r} after `{node.quantifier}`; known: {known}", nearest(node.part, _NAMES))
        if self._inside is not None:
            return self._wrong(node.at, f"`{node.quantifier} {node.part}` inside of `{self._inside}`: one cannot stand in the other")
        outer, self._fields = self._fields, known_fields(part)
        self._inside = part
        # Negations end up in the body: "no line is X" is "all lines are not X", and "not all are X" is "any is not X".
        exists = negated if node.quantifier == "all" else (node.quantifier == "any") != negated
        body = self.node(node.body, negated=negated if node.quantifier == "all" else not exists)
        self._fields, self._inside = outer, None
        self.inputs.update(PART_INPUTS[part])
        parts = PARTS[part]
        return one_of(body, parts) if exists else each_of(body, parts, empty=node.quantifier != "all")

    # --- tests -----------------------------------------------------------------------------------

    def _test(self, node: Test, *, negated: bool) -> Ask:
        left = self._operand(node.left)
        if left is None:
            return _never
        type_, get = left
        match node.operator:
            case "known":
                return self._known(node, get, negated=negated)
            case "flag":
                return self._flag(node, type_, get, negated=negated)
            case "in":
                return self._in(node, type_, get, negated=negated)
            case "has":
                return self._has(node, type_, get, negated=negated)
            case "contains" | "starts with" | "ends with":
                return self._text_test(node, type_, get, negated=negated)
            case _:
                return self._comparison(node, type_, get, negated=negated)

    def _known(self, node: Test, get: Getter, *, negated: bool) -> Ask:
        if not isinstance(node.left, FieldName):
            return self._wrong(node.at, "only a field such as order.total can be known or unknown")
        if negated:
            return lambda facts, part: get(facts, part) is None
        return lambda facts, part: get(facts, part) is not None

    def _flag(self, node: Test, type_: Type, get: Getter, *, negated: bool) -> Ask:
        if type_ is not Type.FLAG:
            said = _said(node.left)
            return self._wrong(
                node.at, f"{said} is {type_}: compare it with something, or ask whether it `is known`", self._meant(node.left)
            )
        if negated:
            return lambda facts, part: get(facts, part) is False
        return lambda facts, part: get(facts, part) is True

    def _in(self, node: Test, type_: Type, get: Getter, *, negated: bool) -> Ask:
        items = cast("tuple[Literal, ...]", node.right)
        if type_ is Type.TEXTS:
            return self._wrong(node.at, f"{_said(node.left)} is a list: ask whether it `has` a text")
        for item in items:
            if item.type is not type_:
                return self._wrong(item.at, f"{_said(node.left)} is {type_}, and {_said(item)} is {item.type}")
            self._word(node.left, item)
        values = frozenset(item.value for item in items)
        if negated:
            return lambda facts, part: (value := get(facts, part)) is not None and value not in values
        # None is in no such set.
        return lambda facts, part: get(facts, part) in values

    def _has(self, node: Test, type_: Type, get: Getter, *, negated: bool) -> Ask:
        item = cast("Operand", node.right)
        if type_ is not Type.TEXTS:
            return self._wrong(node.at, f"{_said(node.left)} is {type_}, and only a list `has` something")
        if not isinstance(item, Literal) or item.type is not Type.TEXT:
            return self._wrong(item.at, f"a text is expected after `has`, and {_said(item)} is none")
        word = cast("str", item.value)
        if negated:
            return lambda facts, part: (value := get(facts, part)) is not None and word not in cast("tuple[str, ...]", value)
        return lambda facts, part: (value := get(facts, part)) is not None and word in cast("tuple[str, ...]", value)

    def _text_test(self, node: Test, type_: Type, get: Getter, *, negated: bool) -> Ask:
        item = cast("Operand", node.right)
        if type_ is not Type.TEXT:
            hint = ": ask whether it `has` a text" if type_ is Type.TEXTS else ""
            return self._wrong(node.at, f"{_said(node.left)} is {type_}, and only a text {node.operator} something{hint}")
        if not isinstance(item, Literal) or item.type is not Type.TEXT:
            return self._wrong(item.at, f"a text is expected after `{node.operator}`; write it in quotes")
        test, word, wanted = _TEXT_TESTS[node.operator], cast("str", item.value), not negated
        return lambda facts, part: (value := get(facts, part)) is not None and test(cast("str", value), word) is wanted

    def _comparison(self, node: Test, type_: Type, get: Getter, *, negated: bool) -> Ask:
        other = cast("Operand", node.right)
        right = self._operand(other)
        if right is None:
            return _never
        if right[0] is not type_:
            return self._unlike(node, type_, right[0])
        if isinstance(node.left, Literal) and isinstance(other, Literal):
            return self._wrong(node.at, "two constants are compared, and no field: it is always or never true", self._meant(node.left))
        if node.operator not in ("==", "!=") and type_ not in ORDERED:
            return self._wrong(node.at, f"{_said(node.left)} is {type_}: it can be == or != to another, not less or more")
        for one, two in ((node.left, other), (other, node.left)):
            if isinstance(two, Literal):
                self._word(one, two)
        compare = _COMPARE[_OPPOSITE[node.operator] if negated else node.operator]
        get_other = right[1]
        if type_ is Type.MONEY:
            return money_test(get, get_other, compare)
        if isinstance(other, Literal):
            value = other.value
            return lambda facts, part: (known := get(facts, part)) is not None and compare(known, value)
        return lambda facts, part: (
            (known := get(facts, part)) is not None and (value := get_other(facts, part)) is not None and compare(known, value)
        )

    def _unlike(self, node: Test, left: Type, right: Type) -> Ask:
        sides = (node.left, cast("Operand", node.right))
        meant = next((name for side in sides if (name := self._meant(side)) is not None), None)
        hint = ""
        if {left, right} == {Type.MONEY, Type.NUMBER}:
            hint = "; an amount needs its currency, such as `500 EUR`"
        elif {left, right} == {Type.INSTANT, Type.SPAN}:
            hint = "; count from an instant, such as `order.placed_at + 2 d`"
        return self._wrong(node.at, f"{_said(sides[0])} is {left}, and {_said(sides[1])} is {right}{hint}", meant)

    def _word(self, one: Operand, constant: Literal) -> None:
        """Sees to it that a field with a fixed set of words is compared with one of them."""
        known = self._fields.get(one.name) if isinstance(one, FieldName) else None
        if known is not None and known.words and constant.value not in known.words:
            message = f"{known.name} is never {constant.value!r}; known: {', '.join(known.words)}"
            self.mistakes.append(Mistake(constant.at + 1, message, nearest(str(constant.value), known.words)))

    # --- operands --------------------------------------------------------------------------------

    def _operand(self, operand: Operand) -> tuple[Type, Getter] | None:
        match operand:
            case Literal():
                value = operand.value
                return operand.type, lambda _facts, _part: value
            case FieldName():
                return self._field(operand)
            case Sum():
                return self._sum(operand)

    def _field(self, operand: FieldName) -> tuple[Type, Getter] | None:
        known = self._fields.get(operand.name)
        if known is None:
            self._unknown(operand)
            return None
        self.inputs.update(known.inputs)
        get = known.get
        if known.name.startswith("shipment.") and self._part is Part.PARCEL and self._inside is None:
            return known.type, lambda facts, part: get(facts, cast("ParcelPart", part).shipment)
        return known.type, get

    def _unknown(self, operand: FieldName) -> None:
        prefix = operand.name.partition(".")[0]
        if operand.name in KNOWN_FIELDS:
            about = self._inside or self._part
            what = f"{_article(about)} {about}" if about is not Part.EVENT else "an event"
            meant = None if self._inside else f"any {prefix} (...)"
            self._wrong(operand.at, f"{operand.name} is unknown here: this speaks of {what}; say which {prefix}s are meant", meant)
            return
        known = sorted(name for name in self._fields if name.startswith(f"{prefix}.")) or sorted(
            {f"{name.partition('.')[0]}." for name in self._fields}
        )
        near = nearest(operand.name, self._fields) or nearest(operand.name, KNOWN_FIELDS)
        near = near or next((each for each in (f"{prefix}.{operand.name.rpartition('.')[2]}",) if each in self._fields), None)
        hint = "" if near else f"; known here: {', '.join(known)}"
        self._wrong(operand.at, f"unknown field {operand.name!r}{hint}", near)

    def _sum(self, operand: Sum) -> tuple[Type, Getter] | None:
        left, right = self._operand(operand.left), self._operand(operand.right)
        if left is None or right is None:
            return None
        type_ = _SUMS.get((left[0], operand.sign, right[0]))
        if type_ is None:
            done = "added to" if operand.sign == "+" else "taken from"
            self._wrong(operand.at, f"{_said(operand.right)} ({right[0]}) cannot be {done} {_said(operand.left)} ({left[0]})")
            return None
        return type_, added(left[1], right[1], 1 if operand.sign == "+" else -1)

    # --- mistakes --------------------------------------------------------------------------------

    def _wrong(self, at: int, message: str, suggestion: str | None = None) -> Ask:
        self.mistakes.append(Mistake(at + 1, message, suggestion))
        return _never

    def _meant(self, operand: Operand) -> str | None:
        """The field that a bare word without its prefix probably means."""
        if not isinstance(operand, Literal) or not operand.bare:
            return None
        return next((name for name in (f"{self._part}.{operand.value}", f"order.{operand.value}") if name in self._fields), None)


def _never(_facts: Facts, _part: object) -> bool:
    """Stands for what could not be compiled."""
    return False


def _article(part: Part) -> str:
    return "an" if part.value[0] in "aeiou" else "a"


def _said(operand: Operand) -> str:
    match operand:
        case Literal():
            return repr(operand.value) if isinstance(operand.value, str) else "that constant"
        case FieldName():
            return operand.name
        case Sum():
            return "that sum"
