"""What PostgreSQL and SQLite say differently: expressions that mean the same on both."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    FromClause,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeEngine

from sinks.cases.tables import Instants

Expression = ColumnElement[Any]
SQLITE = "sqlite"


class Clock(GenericFunction[datetime]):
    """The instant of asking, by the database's clock; the same all through one statement."""

    name = "orderwatch_clock"
    inherit_cache = True
    type = Instants()


class Seconds(GenericFunction[int]):
    """An instant in whole seconds since 1970-01-01T00:00:00Z, what is less left out."""

    name = "orderwatch_seconds"
    inherit_cache = True
    type = BigInteger()


class Micros(GenericFunction[int]):
    """An instant in µs since 1970-01-01T00:00:00Z."""

    name = "orderwatch_micros"
    inherit_cache = True
    type = BigInteger()


class Larger(GenericFunction[int]):
    """The larger of two numbers."""

    name = "orderwatch_larger"
    inherit_cache = True
    type = BigInteger()


class Lesser(GenericFunction[int]):
    """The lesser of two numbers."""

    name = "orderwatch_lesser"
    inherit_cache = True
    type = BigInteger()


class Bytewise(GenericFunction[str]):
    """A text that is compared by its characters' numbers, whatever the language of the database."""

    name = "orderwatch_bytewise"
    inherit_cache = True
    type = Text()


def at(now: datetime) -> Expression:
    """An instant as an expression."""
    return literal(now, Instants())


def between(begin: Expression, end: Expression) -> Expression:
    """How long it took, in whole seconds."""
    return Seconds(end) - Seconds(begin)


def counted(condition: Expression) -> Expression:
    """How many rows of a group fulfil a condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def listed(dialect: str, name: str, columns: Mapping[str, TypeEngine[Any]]) -> FromClause:
    """A table of the objects of a list that a parameter of this name holds as JSON: so a statement for any number of rows is one."""
    given = bindparam(name, None, type_=Text())
    if dialect != SQLITE:
        rows = func.json_to_recordset(cast(given, JSON)).table_valued(*(column(each, type_) for each, type_ in columns.items()))
        return rows.render_derived(name, with_types=True)
    each = func.json_each(given).table_valued("value", name=f"{name}_each").c.value
    fields = [func.json_extract(each, literal_column(f"'$.{one}'"), type_=type_).label(one) for one, type_ in columns.items()]
    return select(*fields).subquery(name)


@compiles(Clock)
def _clock(_element: Clock, compiler: SQLCompiler, **_more: Any) -> str:
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')" if compiler.dialect.name == SQLITE else "now()"


@compiles(Seconds)
def _seconds(element: Seconds, compiler: SQLCompiler, **more: Any) -> str:
    inner = compiler.process(element.clauses, **more)
    return f"CAST(strftime('%s', {inner}) AS INTEGER)" if compiler.dialect.name == SQLITE else f"floor(extract(epoch FROM {inner}))::bigint"


@compiles(Micros)
def _micros(element: Micros, compiler: SQLCompiler, **more: Any) -> str:
    inner = compiler.process(element.clauses, **more)
    if compiler.dialect.name == SQLITE:
        return f"(CAST(strftime('%s', {inner}) AS INTEGER) * 1000000 + CAST(substr({inner}, 21) AS INTEGER))"
    return f"round(date_part('epoch', {inner}) * 1e6)::bigint"


@compiles(Larger)
def _larger(element: Larger, compiler: SQLCompiler, **more: Any) -> str:
    return f"{'max' if compiler.dialect.name == SQLITE else 'greatest'}({compiler.process(element.clauses, **more)})"


@compiles(Lesser)
def _lesser(element: Lesser, compiler: SQLCompiler, **more: Any) -> str:
    return f"{'min' if compiler.dialect.name == SQLITE else 'least'}({compiler.process(element.clauses, **more)})"


@compiles(Bytewise)
def _bytewise(element: Bytewise, compiler: SQLCompiler, **more: Any) -> str:
    inner = compiler.process(element.clauses, **more)
    return f"({inner})" if compiler.dialect.name == SQLITE else f'(({inner}) COLLATE "C")'
