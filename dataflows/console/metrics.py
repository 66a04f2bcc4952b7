"""What the console tells becomes metrics and lines of the log. Neither has a name, an ID or anything of a page in it."""

from __future__ import annotations

from typing import Final

from dataflows.observe import catalogue
from dataflows.observe.observer import Observer

DIRECTIVES: Final = frozenset(
    """
    default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src connect-src form-action
    frame-ancestors base-uri font-src media-src object-src frame-src worker-src manifest-src
    """.split()
)
"""What a report may name: it comes from outside, and must not make labels."""
OTHER: Final = "other"


class ConsoleObserver:
    """Counts requests, log-ins and failures."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer
        self._metrics, self._log = observer.metrics, observer.log

    def answered(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._metrics.count(catalogue.CONSOLE_REQUESTS, route, str(status))
        self._metrics.observe(catalogue.CONSOLE_SECONDS, seconds, route)

    def logged_in(self, way: str, outcome: str) -> None:
        """Somebody has tried to log in."""
        self._metrics.count(catalogue.CONSOLE_LOG_INS, way, outcome)

    def refused_by_provider(self, failure: str, why: str) -> None:
        """Somebody could not log in with the provider; `failure`: it is the provider's."""
        if failure:
            self._metrics.count(catalogue.CONSOLE_FAILURES, failure)
        self._log.warning("log-in with the provider refused", reason=why)

    def reported(self, directive: str) -> None:
        """A browser has kept a page from doing something."""
        self._metrics.count(catalogue.CONSOLE_REPORTS, directive if directive in DIRECTIVES else OTHER)

    def failed(self, what: str, event: str, **values: str) -> None:
        """Something has failed that nobody but us can mend."""
        self._metrics.count(catalogue.CONSOLE_FAILURES, what)
        self._log.error(event, **values)
