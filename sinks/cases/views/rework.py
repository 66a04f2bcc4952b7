"""`v_rework`: what had to be done again, and what was said in vain."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from sinks.cases.expressions import Expression, counted
from sinks.cases.tables import cases, exceptions
from sinks.cases.views.base import Selected, View
from sinks.cases.views.clocks import COUNTS

_E, _C = exceptions.c, cases.c


def _select(_now: Expression) -> Selected:
    keys = (_E.tenant, _E.team, _E.kind)
    return (
        select(
            *keys,
            func.count().label("exceptions"),
            counted(_E.status == "resolved").label("resolved"),
            counted(_E.status == "retracted").label("retracted"),
            counted(_C.reopenings > 0).label("reopened"),
            func.sum(_C.reopenings).label("reopenings"),
            counted(_C.flaps > 0).label("flapped"),
            func.sum(_C.flaps).label("flaps"),
            counted(_C.reassignments > 0).label("handed_on"),
            func.sum(_C.reassignments).label("reassignments"),
            counted(_E.episode > 1).label("recurred"),
            counted(_C.label == "noise").label("noise"),
            counted(_C.label == "wrong_owner").label("wrong_owner"),
        )
        .join_from(exceptions, cases, _C.exception_id == _E.exception_id)
        .where(COUNTS)
        .group_by(*keys)
    )


REWORK: Final = View(
    "v_rework",
    "What had to be done again, and what was said in vain: counts by team and kind.",
    {
        "tenant": "Whose.",
        "team": "The team that has or had them.",
        "kind": "What is or was wrong.",
        "exceptions": "How many there were.",
        "resolved": "How many are over.",
        "retracted": "How many were never true, as came out later.",
        "reopened": "How many somebody opened again.",
        "reopenings": "How often, in all.",
        "flapped": "How many came back by themselves under the same ID.",
        "flaps": "How often, in all.",
        "handed_on": "How many went from one person to another.",
        "reassignments": "How often, in all.",
        "recurred": "How many are a second or later episode of the same condition.",
        "noise": "How many somebody labelled noise.",
        "wrong_owner": "How many somebody said had gone to the wrong team.",
    },
    _select,
)
