"""What follows changes and what asks the engine, made once for a console."""

from __future__ import annotations

from dataflows.console.engine import EngineWatch
from dataflows.console.live.hub import LiveHub
from dataflows.console.parts import ConsoleParts
from dataflows.observe import catalogue
from dataflows.observe.observer import Observer
from dataflows.settings import Settings
from dataflows.settings.values import reached

NAME = "live"


def hub_of(parts: ConsoleParts) -> LiveHub:
    """The one that looks at the store for all pages."""
    found = parts.more.get(NAME)
    if not isinstance(found, LiveHub):
        found = LiveHub(parts.store, parts.clock, parts.threads, lambda error: parts.metrics.failed(NAME, NAME, error=type(error).__name__))
        parts.more[NAME] = found
    return found


def engine_of(settings: Settings) -> EngineWatch | None:
    """Who asks the engine how it is: where the settings say, or on this host where all parts are on it; None where nobody knows."""
    if settings.console.engine_url is not None:
        return EngineWatch(settings.console.engine_url)
    if settings.embedded.dir is None or not settings.http.enabled or not settings.http.port:
        return None
    return EngineWatch(f"http://{reached(settings.http.host, settings.http.port)}")


def open_live(parts: ConsoleParts, settings: Settings, observer: Observer) -> LiveHub:
    """Makes both."""
    parts.heads.engine = engine_of(settings)
    hub = hub_of(parts)
    observer.read(catalogue.CONSOLE_CLIENTS, lambda: float(hub.pages))
    return hub
