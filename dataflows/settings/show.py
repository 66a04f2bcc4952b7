"""Writes settings out as YAML, a file to start from; secrets are masked."""

from __future__ import annotations

import re

import yaml

from dataflows.settings.model import Settings

MASK = "**********"
SECRET = re.compile(r"password|secret|pem|\bkey$|token|credential|jaas|sasl\.oauthbearer\.config", re.IGNORECASE)
"""Options of librdkafka whose values nobody should read over a shoulder."""


def render_settings(settings: Settings) -> str:
    """All effective settings as YAML, with secrets masked."""
    data = settings.model_dump(mode="json")
    options = data["kafka"]["options"]
    data["kafka"]["options"] = {name: MASK if SECRET.search(name) else value for name, value in options.items()}
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
