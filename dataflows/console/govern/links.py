"""Links to the pages of what an entry is about; none where there is no such page."""

from __future__ import annotations

from starlette.routing import NoMatchFound

from dataflows.console.visit import Visit


class Links:
    """For templates."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit

    def order(self, tenant: str, order_id: str) -> str | None:
        """The page of an order."""
        return self._url("order", tenant=tenant, order=order_id)

    def exception(self, exception_id: str) -> str | None:
        """The page of an exception."""
        return self._url("exception", id=exception_id)

    def action(self, action_id: str) -> str | None:
        """The page of an action."""
        return self._url("action", id=action_id)

    def _url(self, name: str, **path: object) -> str | None:
        try:
            return self._visit.url(name, None, **path)
        except NoMatchFound:
            return None
