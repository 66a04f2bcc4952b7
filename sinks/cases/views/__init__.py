"""The views of the contract: what reports and the console show of the store, with the same rows on PostgreSQL and on SQLite.

Each is one file: what it is, what its columns hold and in which unit, and the expression that it is made of, which takes the instant of
looking. Created in a database it looks by the database's clock. Views leave out what rules in shadow say.

Reading order: `base`, `clocks`, `opened`, `ageing`, `workload`, `sla`, `durations`, `rework`, `recurrence`, `said`, `approvals`, `create`.
"""

from sinks.cases.views.ageing import AGEING
from sinks.cases.views.approvals import APPROVALS
from sinks.cases.views.base import View
from sinks.cases.views.durations import TIME_TO
from sinks.cases.views.opened import OPEN
from sinks.cases.views.recurrence import RECURRENCE
from sinks.cases.views.rework import REWORK
from sinks.cases.views.said import MESSAGES
from sinks.cases.views.sla import SLA
from sinks.cases.views.workload import WORKLOAD

VIEWS: tuple[View, ...] = (OPEN, AGEING, WORKLOAD, SLA, TIME_TO, REWORK, RECURRENCE, MESSAGES, APPROVALS)
"""All of them; none rests on another."""

__all__ = ["AGEING", "APPROVALS", "MESSAGES", "OPEN", "RECURRENCE", "REWORK", "SLA", "TIME_TO", "VIEWS", "WORKLOAD", "View"]
