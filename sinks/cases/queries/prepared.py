"""Statements that are asked again and again, made once for each filter and database: to make a large one takes longer than to ask it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, TextualSelect, bindparam, column, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

KEPT = 256
"""Statements that are kept at most."""


def asked(name: str, type_: TypeEngine[Any]) -> BindParameter[Any]:
    """A parameter that has its value each time anew."""
    return bindparam(name, None, type_=type_)


def prepared(connection: Connection, make: Callable[..., Select[*tuple[Any, ...]]], *given: Hashable) -> TextualSelect:
    """What `make` says of `given`, as text with its columns and parameters. What is looked for each time anew are parameters by name."""
    return _made(connection.dialect.name, make, *given)


@lru_cache(KEPT)
def _made(dialect: str, make: Callable[..., Select[*tuple[Any, ...]]], *given: Hashable) -> TextualSelect:
    statement = make(*given)
    of = sqlite.dialect if dialect == "sqlite" else postgresql.dialect
    compiled = statement.compile(dialect=of(paramstyle="named"), compile_kwargs={"render_postcompile": True})
    words = re.sub(r"(?<!:)(:\w+)::", r"\1 ::", str(compiled))  # a parameter ends where a cast begins: `text` does not see it
    types = {name: bind.type for bind, name in compiled.bind_names.items()}
    # Of a list of values each is a parameter of its own, which has the type of the list's.
    parameters = [
        bindparam(name, value, type_=types.get(name) or types.get(name.rpartition("_")[0]))
        for name, value in compiled.params.items()
        if re.search(rf":{name}\b", words)
    ]
    columns = [column(each.name, each.type) for each in statement.selected_columns]
    return text(words).bindparams(*parameters).columns(*columns)
