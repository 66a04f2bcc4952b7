"""JMESPath over the records of real files: checked when a mapping is read, bounded and refusing when a record is.

What an expression may cost is counted, since work that is harmless for one record can be quadratic in a list of many. The string functions
are those that JMESPath Community adds to the language (`split`, `trim`, `replace`, ...); home-grown codes and order numbers need them.
Functions of our own give what stands beside the record (`header`, `query`, `url`, `received`), so that no field is hidden, and pseudonyms.
"""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NoReturn, cast
from urllib.parse import parse_qsl, urlsplit

import jmespath
import orjson
from jmespath.exceptions import ArityError, JMESPathError, LexerError, ParseError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from schemas.problems import nearest
from sources.adapters.captured import is_secret
from sources.adapters.moments import stamp
from sources.adapters.output import RefuseError
from sources.adapters.payload import Json
from sources.mapping.paths import PathScope, paths_of

LONGEST: Final = 500
"""Longest expression, in characters."""
STEPS: Final = 3_000_000
"""What the expressions of one payload may cost in all, in steps of the interpreter and elements of lists: some seconds."""
TEXT_PER_STEP: Final = 64
DIGEST: Final = "hmac"
"""The function that makes pseudonyms: HMAC-SHA256 (RFC 2104), in hexadecimal digits."""
DIGEST_DIGITS: Final = 32
"""How many of its 64 digits are kept: 128 bits, which no two customers share by chance."""

Node = dict[str, Any]
"""A node of a parsed expression, as `jmespath` makes it: `type`, `children` and `value`."""


class BadExpressionError(ValueError):
    """No expression; the message says why in one line, `suggestion` what may have been meant."""

    def __init__(self, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


@dataclass(frozen=True, slots=True)
class Around:
    """What expressions may know besides the record: the request that brought it, and the key of the mapping's digests."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By lower-case name."""
    url: str | None = None
    """Path and query, without secrets."""
    received: datetime | None = None
    key: bytes | None = field(default=None, repr=False)


class _Functions(Functions):
    """The functions of JMESPath, the string functions of JMESPath Community, and what stands beside the record."""

    def __init__(self, around: Around) -> None:
        self._around = around

    @signature({"types": ["string"]})
    def _func_header(self, name: str) -> str | None:
        return self._around.headers.get(name.lower())

    @signature({"types": ["string"]})
    def _func_query(self, name: str) -> str | None:
        return next((value for key, value in parse_qsl(urlsplit(self._around.url or "").query) if key == name), None)

    @signature()
    def _func_url(self) -> str | None:
        return self._around.url

    @signature()
    def _func_received(self) -> str | None:
        return None if self._around.received is None else stamp(self._around.received)

    @signature({"types": ["string", "number", "null"]})
    def _func_hmac(self, value: str | float | None) -> str | None:
        if value in (None, "") or self._around.key is None:
            return None
        text = value if isinstance(value, str) else orjson.dumps(value).decode()
        return hmac.new(self._around.key, text.encode("utf-8", "surrogatepass"), sha256).hexdigest()[:DIGEST_DIGITS]

    @signature({"types": ["string"]})
    def _func_lower(self, text: str) -> str:
        return text.lower()

    @signature({"types": ["string"]})
    def _func_upper(self, text: str) -> str:
        return text.upper()

    @signature({"types": ["string"]}, {"types": ["string"]})
    def _func_split(self, text: str, separator: str) -> list[str]:
        return text.split(separator) if separator else list(text)

    @signature({"types": ["string"]}, {"types": ["string"]}, {"types": ["string"]})
    def _func_replace(self, text: str, old: str, new: str) -> str:
        if not old or text.count(old) * len(new) > TEXT_PER_STEP * 1_000:
            raise _OverError
        return text.replace(old, new)

    @signature({"types": ["string"], "variadic": True})
    def _func_trim(self, text: str, *characters: object) -> str:
        return text.strip(_set_of(characters))

    @signature({"types": ["string"], "variadic": True})
    def _func_trim_left(self, text: str, *characters: object) -> str:
        return text.lstrip(_set_of(characters))

    @signature({"types": ["string"], "variadic": True})
    def _func_trim_right(self, text: str, *characters: object) -> str:
        return text.rstrip(_set_of(characters))

    @signature({"types": ["string", "number", "boolean", "null"]})
    def _func_to_string(self, value: object) -> str:
        # Unlike JMESPath's own, not of structures: they may hold the same list a thousand times over, which would be written out.
        return value if isinstance(value, str) else orjson.dumps(value).decode()


def _set_of(characters: tuple[object, ...]) -> str | None:
    if not characters:
        return None
    first, *more = characters
    if more or not isinstance(first, str):
        raise TypeError
    return first


class _OverError(Exception):
    """The expressions of a payload cost more than they may."""


class Evaluator:
    """Works out expressions on the records of one payload, within what they may cost together."""

    def __init__(self, steps: int = STEPS, around: Around | None = None) -> None:
        self._interpreter = _Interpreter(steps, around or Around())

    def value(self, expression: Expression, root: Json) -> Json:
        """What an expression gives. Raises RefuseError where it cannot be worked out (types that do not fit) or costs too much."""
        if expression.name is not None:
            return root.get(expression.name) if isinstance(root, dict) else None
        try:
            found = cast("Json", self._interpreter.visit(expression.tree, root))
        except _OverError:
            raise RefuseError("too_large", f"{expression}: takes too long to work out") from None
        except (JMESPathError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError):
            raise RefuseError("wrong_type", f"{expression}: cannot be worked out") from None
        return found


class _Interpreter(TreeInterpreter):
    def __init__(self, steps: int, around: Around) -> None:
        super().__init__(Options(custom_functions=_Functions(around)))
        self.left = steps

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> object:
        found = cast("object", super().visit(node, *args, **kwargs))
        self.left -= 1 + _size(found)
        if self.left < 0:
            raise _OverError
        return found


def _size(value: object) -> int:
    """What it costs to make a value, in steps."""
    if isinstance(value, list):
        return len(cast("list[object]", value))
    return len(value) // TEXT_PER_STEP if isinstance(value, str) else 0


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. `paths` are the fields that it reads, for the coverage report; `name` is its name where it is a mere field.

    `calls` are the functions that it calls.
    """

    text: str
    tree: Node
    paths: frozenset[str]
    name: str | None
    calls: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return self.text

    @property
    def is_literal(self) -> bool:
        """Whether it is a constant."""
        return bool(self.tree["type"] == "literal")

    @property
    def literal(self) -> Json:
        """The constant that it is."""
        return cast("Json", self.tree["value"])


def compiled(text: str, scope: PathScope) -> Expression:
    """The expression of a text, for records at `scope`. Raises BadExpressionError."""
    if len(text) > LONGEST:
        raise BadExpressionError(f"an expression has at most {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PendingDeprecationWarning)
            tree = cast("Node", jmespath.compile(text).parsed)
    except PendingDeprecationWarning:
        raise BadExpressionError("between backticks stands JSON, such as `5`; a text is written 'so'") from None
    except (JMESPathError, IndexError, KeyError, RecursionError, ValueError) as error:
        _refuse(text, error)
    calls = list(_calls(tree))
    for name, arguments in calls:
        _check_call(name, arguments)
    paths = paths_of(tree, scope)
    plain = tree["value"] if tree["type"] == "field" else None
    return Expression(text, tree, paths, plain, frozenset(name for name, _ in calls))


def _refuse(text: str, error: Exception) -> NoReturn:
    quoted = f"'\"{text}\"'"
    hint = f"; a field whose name has other signs than a-z, 0-9 and _ is written {quoted}" if _looks_like_a_name(text) else ""
    match error:
        case ArityError():
            message = "an expression ends too early"
        case LexerError():
            message = f"no expression: column {error.lexer_position + 1}{hint}"
        case ParseError():
            message = f"no expression: column {min(error.lex_position, len(text)) + 1}{hint}"
        case _:
            message = f"no expression{hint}" if text else "an expression is missing"
    raise BadExpressionError(message) from None


def _looks_like_a_name(text: str) -> bool:
    return 0 < len(text) <= 60 and not any(sign in text for sign in "'\"`()[]{}|&=<>!,*@")


def _calls(tree: Node) -> Iterable[tuple[str, list[Node]]]:
    if tree["type"] == "function_expression":
        yield tree["value"], tree["children"]
    for child in tree.get("children", []):
        if isinstance(child, dict):
            yield from _calls(cast("Node", child))


def _check_call(name: str, given: list[Node]) -> None:
    arguments = len(given)
    known: dict[str, dict[str, list[dict[str, object]]]] = _Functions.FUNCTION_TABLE
    if name not in known:
        raise BadExpressionError(f"unknown function {name}(); known: {', '.join(sorted(known))}", nearest(name, known))
    takes = known[name]["signature"]
    if len(takes) > arguments or (len(takes) < arguments and not (takes and takes[-1].get("variadic"))):
        raise BadExpressionError(f"{name}() takes {len(takes)} argument{'s' if len(takes) != 1 else ''}, not {arguments}")
    if name == "header":
        stated = given[0]["value"] if given[0]["type"] == "literal" else None
        if not isinstance(stated, str):
            raise BadExpressionError("header() takes a name in quotes, such as header('x-event')")
        if is_secret(stated):
            raise BadExpressionError(f"header {stated!r} has to do with secrets: no event may hold one")
