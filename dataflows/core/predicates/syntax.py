"""The grammar of predicates: from a text to a tree in which every node knows the character where it begins.

    predicate  = and { "or" and }
    and        = not { "and" not }
    not        = "not" not | "(" predicate ")" | quantified | test
    quantified = ("any" | "all" | "no") PART "(" predicate ")"
    test       = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=") sum
                     | ["not"] "in" list
                     | ["not"] ("has" | "contains" | "starts" "with" | "ends" "with") value
                     | "is" ("known" | "unknown") ]
    sum        = value { ("+" | "-") SPAN }  |  FIELD "-" FIELD
    value      = FIELD | TEXT | NUMBER | NUMBER CURRENCY | SPAN | DATE | "true" | "false"

A FIELD has a dot in its name (`order.total`). A TEXT stands in quotes, or bare if it is one word without a dot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from dataflows.core.clocks import span
from dataflows.core.predicates.types import Amount, Type
from schemas.instants import micros
from schemas.values import FIRST_YEAR, LAST_YEAR

LONGEST: Final = 1_000
"""Longest predicate, in characters."""
DEEPEST: Final = 30
"""Most parentheses and negations inside each other."""
QUANTIFIERS: Final = ("any", "all", "no")
COMPARISONS: Final = ("==", "!=", "<=", ">=", "<", ">")
_FOREIGN: Final = {"&&": "and", "||": "or", "!": "not", "=": "==", "<>": "!=", "===": "=="}
_RESERVED: Final = frozenset(("and", "or", "not", "in", "is"))
"""Words that are no text unless they stand in quotes."""
_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<date>\d{4}-\d\d-\d\d(?:[Tt][\d:.]+(?:[Zz]|[+-]\d\d:\d\d))?)
    |(?P<money>\d+(?:\.\d+)?\ ?[A-Z]{3}\b)
    |(?P<span>\d+\ ?(?:bd|bh|s|m|h|d|w)\b)
    |(?P<number>\d+(?:\.\d+)?(?![\w.]))
    |(?P<field>[A-Za-z_]\w*(?:\.\w+)+)
    |(?P<quoted>'[^']*'|"[^"]*")
    |(?P<word>[A-Za-z_][\w-]*|\d[\w-]*)
    |(?P<sign>===|==|!=|<>|<=|>=|&&|\|\||[-+<>=!()\[\],])
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong with a predicate: at which character (from 1), what, and what was probably meant."""

    at: int
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        return f"character {self.at}: {self.message}"


class SyntaxMistakeError(ValueError):
    """A text that is no predicate."""

    def __init__(self, at: int, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.mistake = Mistake(at + 1, message, suggestion)


class Literal(NamedTuple):
    """A constant of the text."""

    at: int
    type: Type
    value: str | int | Decimal | bool | Amount
    bare: bool = False


class FieldName(NamedTuple):
    """The name of something to be asked."""

    at: int
    name: str


class Sum(NamedTuple):
    """Two operands added, or the second taken from the first."""

    at: int
    sign: str
    left: Operand
    right: Operand


class Test(NamedTuple):
    """A question about operands: `right` is None for `is known`, a tuple for `in`, and nothing for a field that is a flag by itself."""

    at: int
    operator: str
    left: Operand
    right: Operand | tuple[Literal, ...] | None


class Negation(NamedTuple):
    """Not."""

    at: int
    body: Node


class Junction(NamedTuple):
    """All (`and`) or one (`or`) of several."""

    at: int
    word: str
    bodies: tuple[Node, ...]


class Quantified(NamedTuple):
    """Any, all or no part of a kind."""

    at: int
    quantifier: str
    part: str
    body: Node


Operand: TypeAlias = "Literal | FieldName | Sum"
Node: TypeAlias = "Test | Negation | Junction | Quantified"


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse(text: str) -> Node:
    """The tree of a predicate. Raises SyntaxMistakeError."""
    if len(text) > LONGEST:
        raise SyntaxMistakeError(LONGEST, f"a predicate has at most {LONGEST} characters")
    return _Parser(_tokens(text), len(text)).whole()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            quote = text[at] in "'\""
            raise SyntaxMistakeError(at, "the text that begins here has no closing quote" if quote else f"{text[at]!r} is unexpected here")
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, tokens: Sequence[_Token], length: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0
        self._end = _Token("end", "", length)

    def whole(self) -> Node:
        node = self._either()
        if self._here.kind != "end":
            self._unexpected("`and`, `or` or the end")
        return node

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next] if self._next < len(self._tokens) else self._end

    def _take(self) -> _Token:
        token = self._here
        self._next += 1
        return token

    def _takes(self, *texts: str) -> _Token | None:
        """The next token if it is one of these words or signs."""
        return self._take() if self._here.kind in ("word", "sign") and self._here.text in texts else None

    def _expect(self, text: str) -> None:
        if self._takes(text) is None:
            self._unexpected(f"`{text}`")

    def _unexpected(self, expected: str) -> None:
        token = self._here
        if token.kind == "end":
            raise SyntaxMistakeError(token.at, f"it ends too early: {expected} is expected")
        meant = _FOREIGN.get(token.text) if token.kind == "sign" else None
        raise SyntaxMistakeError(token.at, f"{token.text!r} is unexpected: {expected} is expected", meant)

    def _junction(self, word: str, inner: list[Node], at: int) -> Node:
        return inner[0] if len(inner) == 1 else Junction(at, word, tuple(inner))

    def _either(self) -> Node:
        at, found = self._here.at, [self._both()]
        while self._takes("or"):
            found.append(self._both())
        return self._junction("or", found, at)

    def _both(self) -> Node:
        at, found = self._here.at, [self._single()]
        while self._takes("and"):
            found.append(self._single())
        return self._junction("and", found, at)

    def _single(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise SyntaxMistakeError(self._here.at, f"more than {DEEPEST} levels of parentheses and negations")
        at = self._here.at
        if self._takes("not"):
            node: Node = Negation(at, self._single())
        elif self._takes("("):
            node = self._either()
            self._expect(")")
        elif quantifier := self._takes(*QUANTIFIERS):
            node = self._quantified(at, quantifier.text)
        else:
            node = self._test()
        self._depth -= 1
        return node

    def _quantified(self, at: int, quantifier: str) -> Node:
        if self._here.kind != "word":
            self._unexpected("a part of the order, such as `line`,")
        part = self._take()
        self._expect("(")
        body = self._either()
        self._expect(")")
        return Quantified(at, quantifier, part.text, body)

    def _test(self) -> Node:
        left = self._sum()
        at = self._here.at
        if comparison := self._takes(*COMPARISONS):
            return Test(at, comparison.text, left, self._sum())
        if self._takes("is"):
            word = self._takes("known", "unknown")
            if word is None:
                self._unexpected("`known` or `unknown`")
            return Test(at, "known", left, None) if word and word.text == "known" else Negation(at, Test(at, "known", left, None))
        negated = self._takes("not") is not None
        test = self._membership(at, left)
        if test is None:
            if negated or (self._here.kind not in ("end", "word") and self._here.text != ")"):
                self._unexpected("a comparison such as `==`, `in` or `has`")
            return Test(left.at, "flag", left, None)
        return Negation(at, test) if negated else test

    def _membership(self, at: int, left: Operand) -> Node | None:
        if self._takes("in"):
            return Test(at, "in", left, self._list())
        for word in ("starts", "ends"):
            if self._takes(word):
                self._expect("with")
                return Test(at, f"{word} with", left, self._value())
        found = self._takes("has", "contains")
        return None if found is None else Test(at, found.text, left, self._value())

    def _list(self) -> tuple[Literal, ...]:
        self._expect("[")
        found: list[Literal] = []
        while not self._takes("]"):
            if found:
                self._expect(",")
            value = self._value()
            if not isinstance(value, Literal):
                raise SyntaxMistakeError(value.at, "a list holds constants only")
            found.append(value)
        if not found:
            raise SyntaxMistakeError(self._tokens[self._next - 1].at, "an empty list: nothing is in it")
        return tuple(found)

    def _sum(self) -> Operand:
        left: Operand = self._value()
        while sign := self._takes("+", "-"):
            left = Sum(sign.at, sign.text, left, self._value())
        return left

    def _value(self) -> Literal | FieldName:
        token = self._here
        match token.kind:
            case "field":
                self._take()
                return FieldName(token.at, token.text)
            case "quoted":
                self._take()
                return Literal(token.at, Type.TEXT, token.text[1:-1])
            case "word" if token.text in ("true", "false"):
                self._take()
                return Literal(token.at, Type.FLAG, token.text == "true")
            case "word" if token.text not in _RESERVED:
                self._take()
                return Literal(token.at, Type.TEXT, token.text, bare=True)
            case "date" | "money" | "span" | "number":
                self._take()
                return _constant(token)
            case _:
                self._unexpected("a field such as order.total, or a value,")
                raise AssertionError  # not reached: the line above raises


def _constant(token: _Token) -> Literal:
    match token.kind:
        case "date":
            return Literal(token.at, Type.INSTANT, _instant(token))
        case "money":
            return Literal(token.at, Type.MONEY, Amount(Decimal(token.text[:-3].strip()), token.text[-3:]))
        case "span":
            try:
                found = span(token.text)
            except ValueError as error:
                raise SyntaxMistakeError(token.at, str(error)) from None
            if found.unit != "us":
                raise SyntaxMistakeError(token.at, f"{token.text!r}: a predicate counts elapsed time (s, m, h, d, w), no business time")
            return Literal(token.at, Type.SPAN, found.n)
        case _:
            return Literal(token.at, Type.NUMBER, Decimal(token.text) if "." in token.text else int(token.text))


def _instant(token: _Token) -> int:
    """A date (its midnight, UTC) or an instant with its offset."""
    try:
        if len(token.text) == 10:
            day = date.fromisoformat(token.text)
            found = datetime(day.year, day.month, day.day, tzinfo=UTC)
        else:
            found = datetime.fromisoformat(token.text.upper())
    except ValueError:
        raise SyntaxMistakeError(token.at, f"{token.text!r} is no date such as 2026-12-24, nor an instant with an offset") from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise SyntaxMistakeError(token.at, f"{token.text!r} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return micros(found)
