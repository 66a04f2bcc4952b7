"""The tables of roles that documents show: written from the table that the gateway asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from schemas.roles import DECIDERS, ROLES

Row = tuple[str, ...]
Table = Callable[[Row, Iterable[Row]], str]


def deciders(table: Table) -> str:
    """Which roles may make which decisions."""
    columns = [role for role in ROLES if any(role in found for found in DECIDERS.values())]
    head = ("decision", *(f"`{role}`" for role in columns))
    return table(head, ((f"`{type_}`", *("yes" if role in found else "" for role in columns)) for type_, found in DECIDERS.items()))


def roles(table: Table) -> str:
    """What each role is for."""
    return table(("role", "is for"), ((f"`{role}`", about) for role, about in ROLES.items()))
