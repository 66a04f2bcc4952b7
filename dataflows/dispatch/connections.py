"""The endpoints of the settings, built; all that is wrong with them is said at once, before anything is called."""

from __future__ import annotations

from dataflows.dispatch.process import Endpoint
from dataflows.dispatch.routing import NOBODY
from dataflows.errors import MisuseError
from dataflows.settings.dispatch import DispatchSettings
from sinks.actions import registry
from sinks.actions.endpoint import EndpointSettings


def endpoints_of(settings: DispatchSettings) -> dict[str, Endpoint]:
    """Executors by the names of their endpoints. They open nothing yet. Raises MisuseError with all that is wrong."""
    problems: list[str] = []
    found: dict[str, EndpointSettings] = {}
    for name, terms in settings.endpoints.items():
        at = f"dispatch.endpoints.{name}"
        try:
            found[name] = registry.settings_of(terms.kind, terms.executor)
        except ValueError as error:
            problems += (f"{at}.{line}" for line in str(error).splitlines())
            continue
        problems += (f"{at}: {line}" for line in registry.unreadable_secrets(found[name]))
        if found[name].timeout_seconds >= settings.takeover_seconds:
            problems.append(f"dispatch.takeover_seconds: not above timeout_seconds of {name}, {found[name].timeout_seconds:g}")
    for number, route in enumerate(settings.routes, 1):
        if route.endpoint == NOBODY or route.endpoint not in found:
            continue
        kind = settings.endpoints[route.endpoint].kind
        for action in route.actions:
            why = registry.cannot(kind, found[route.endpoint], action)
            if why is not None:
                problems.append(f"dispatch.routes: route {number} to {route.endpoint}: {why}")
    if problems:
        raise MisuseError(*problems)
    return {name: Endpoint(registry.build(settings.endpoints[name].kind, made), made.timeout_seconds) for name, made in found.items()}
