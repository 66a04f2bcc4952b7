"""What all parts of a policy file's form are made of."""

from __future__ import annotations

from pydantic import BeforeValidator, ConfigDict


def many(value: object) -> object:
    """A single value counts as a list of one; an empty entry as an empty list."""
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def section(value: object) -> object:
    """A section without entries is an empty one."""
    return {} if value is None else value


Section = BeforeValidator(section)


STRICT = ConfigDict(extra="forbid", frozen=True)
"""How every part of the file is: unknown keys are refused."""
