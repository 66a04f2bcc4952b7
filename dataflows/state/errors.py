"""How the state says that it cannot be used."""

from __future__ import annotations


class StateError(Exception):
    """The state directory cannot be used as it is, or no longer; the message is one line that names the file or the reason."""
