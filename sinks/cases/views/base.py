"""What a view is: a name, what it says, its columns, and the expression that it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CompoundSelect, Dialect, Select

from sinks.cases.expressions import Clock, Expression

Selected = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class View:
    """A view. `columns`: what each holds, with its unit, in their order; `select`: its rows as of an instant."""

    name: str
    about: str
    columns: Mapping[str, str]
    select: Callable[[Expression], Selected]

    def at(self, now: Expression) -> Selected:
        """Its rows as of an instant. Raises ValueError if a column is not described, or described and not there."""
        found = self.select(now)
        names = [column.name for column in found.selected_columns]
        if names != list(self.columns):
            raise ValueError(f"{self.name} has the columns {', '.join(names)}; described are {', '.join(self.columns)}")
        return found

    def text(self, dialect: Dialect) -> str:
        """Its SQL for a database, looking by that database's clock."""
        return str(self.at(Clock()).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
