"""What browsers report: that a page was kept from doing something by its Content-Security-Policy. Counted, never kept."""

from __future__ import annotations

from typing import Final, cast

import orjson
from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.metrics import OTHER
from dataflows.console.routes import Route
from dataflows.console.visit import Visit

LARGEST: Final = 16_384
MOST_A_MINUTE: Final = 120
"""More are not looked at: they come from outside, and nobody has to be logged in."""


class ReportRate:
    """How many reports the present minute has had."""

    def __init__(self) -> None:
        self._minute, self._count = 0, 0

    def takes(self, at: float) -> bool:
        """Whether one more is looked at."""
        minute = int(at // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= MOST_A_MINUTE


async def report(visit: Visit) -> Response:
    """Counts a report by its directive."""
    rate = cast("ReportRate", visit.parts.more.setdefault("reports", ReportRate()))
    if rate.takes(visit.now.timestamp()):
        body = b""
        async for chunk in visit.request.stream():
            body += chunk
            if len(body) > LARGEST:
                return Response(status_code=413)
        visit.parts.metrics.reported(directive(body))
    return Response(status_code=204)


def directive(body: bytes) -> str:
    """The directive that a report names."""
    try:
        said: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return OTHER
    inner: object = cast("dict[str, object]", said).get("csp-report") if isinstance(said, dict) else None
    if not isinstance(inner, dict):
        return OTHER
    fields = cast("dict[str, object]", inner)
    return str(fields.get("effective-directive") or fields.get("violated-directive") or OTHER).split(" ")[0]


ROUTES: Final = (Route("csp", "/csp", report, Needs.OPEN, ("POST",)),)
