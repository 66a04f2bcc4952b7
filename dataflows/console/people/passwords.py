"""Passwords: argon2id, what a good one is, and the same time for a name that does not exist."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dataflows.console.text import mark

LEAST: Final = 12
MOST: Final = 256
SHORT: Final = mark("a password has at least 12 characters")
LONG: Final = mark("a password has at most 256 characters")
MONOTONOUS: Final = mark("a password has at least four different characters")


class WeakPasswordError(ValueError):
    """A password that is not taken; the message is one line."""


class Passwords:
    """Makes and compares digests of passwords. `hasher`: tests give a quick one."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        """What the password of a name that there is not is compared with."""
        return self._hasher.hash(secrets.token_hex(16))

    def digest(self, password: str) -> str:
        """What is kept of it. Raises WeakPasswordError."""
        return self._hasher.hash(checked(password))

    def matches(self, digest: str | None, password: str) -> bool:
        """Whether it is the one; of nobody's, after the same time, not."""
        try:
            self._hasher.verify(digest or self._nobody, password[:MOST])
        except (VerificationError, InvalidHashError):
            return False
        return digest is not None

    def is_dated(self, digest: str) -> bool:
        """Whether it was made with weaker parameters than are used now."""
        return self._hasher.check_needs_rehash(digest)


def checked(password: str) -> str:
    """The password. Raises WeakPasswordError: length is all that is asked for, as NIST SP 800-63B advises."""
    if len(password) < LEAST:
        raise WeakPasswordError(SHORT)
    if len(password) > MOST:
        raise WeakPasswordError(LONG)
    if len(set(password)) < 4:
        raise WeakPasswordError(MONOTONOUS)
    return password
