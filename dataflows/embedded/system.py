"""Runs an embedded installation: its parts under one supervisor, one answer to how it is, one stream of what they say."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from dataflows.embedded.plan import SystemPlan, stopping
from dataflows.embedded.retention import LogRetention
from dataflows.embedded.status import Wellness
from dataflows.errors import MisuseError, RunError
from dataflows.observe import Observer
from dataflows.observe.http import PortError, serving
from dataflows.runtime.stop import Stop
from dataflows.runtime.supervisor import GivenUpError, Supervisor


@dataclass(frozen=True, slots=True)
class Shown:
    """Where what happens is shown: a line of a part, and a line of the whole (`ready` says whether all parts are)."""

    line: Callable[[str, str], None]
    started: Callable[[str, int], None]
    died: Callable[[str, str, float], None]
    ready: Callable[[], None]


class _Listener:
    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def started(self, part: str, pid: int) -> None:
        self._shown.started(part, pid)

    def died(self, part: str, how: str, again_in: float) -> None:
        self._shown.died(part, how, again_in)

    def said(self, part: str, line: str) -> None:
        self._shown.line(part, line)


def run_system(plan: SystemPlan, handle: int, stop: Stop, shown: Shown, on_turn: Callable[[], None] = lambda: None) -> None:
    """Runs all parts until `stop` is asked for. `handle` holds the data directory; it is given free at the end.

    Raises MisuseError if a part refuses its settings, RunError if one does not stay up; all are stopped by then.
    """
    observer = Observer()
    parts = plan.parts()
    with ExitStack() as stack:
        stack.callback(os.close, handle)
        supervisor = Supervisor(parts, stopping(parts), plan.logs, _Listener(shown))
        http = plan.settings.http
        wellness = stack.enter_context(Wellness(http.host, plan.ports(), supervisor.standing))
        wellness.join(observer)
        stack.enter_context(LogRetention(plan, supervisor.standing))
        observer.runs(lambda: "none")
        if http.enabled:
            try:
                stack.enter_context(serving(http.host, plan.settings.embedded.http_port, observer))
            except PortError as error:
                raise MisuseError(str(error).replace("http.port", "embedded.http_port", 1)) from error
        observer.health.resumed()
        said = False

        def turn() -> None:
            nonlocal said
            if not said and not wellness.missing():
                said = True
                shown.ready()
            on_turn()

        try:
            supervisor.run(stop, turn)
        except GivenUpError as error:
            raise (MisuseError if error.unusable else RunError)(str(error)) from error
