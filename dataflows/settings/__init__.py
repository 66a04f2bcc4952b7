"""How the live engine is set up: a YAML file, environment variables, command-line options. Read `model`, then `load`."""

from dataflows.settings.console import ConsoleSettings
from dataflows.settings.embedded import EmbeddedSettings
from dataflows.settings.gateway import ConnectionSettings, GatewaySettings, SecretSettings
from dataflows.settings.load import SettingsError, load_settings
from dataflows.settings.model import (
    ClusterSettings,
    HttpSettings,
    InputSettings,
    KafkaSettings,
    LogSettings,
    OutputSettings,
    Settings,
    StateSettings,
)
from dataflows.settings.show import render_settings
from dataflows.settings.store import StoreSettings

__all__ = [
    "ClusterSettings",
    "ConnectionSettings",
    "ConsoleSettings",
    "EmbeddedSettings",
    "GatewaySettings",
    "HttpSettings",
    "InputSettings",
    "KafkaSettings",
    "LogSettings",
    "OutputSettings",
    "SecretSettings",
    "Settings",
    "SettingsError",
    "StateSettings",
    "StoreSettings",
    "load_settings",
    "render_settings",
]
