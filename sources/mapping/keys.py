"""The key of a mapping's digests, from the environment or from a file. Nothing said here shows any part of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, TypeAlias

from sources.mapping.form import KeyForm

SHORTEST: Final = 16
"""Fewest characters of a key: by a short one whoever knows a digest can find the e-mail address that it was made from."""

Where: TypeAlias = Literal["env", "file"]


class UnusableKeyError(ValueError):
    """There is no key, or one that protects nothing; `field` says where it was looked for."""

    def __init__(self, field: Where, message: str) -> None:
        super().__init__(message)
        self.field: Where = field


def key_of(stated: KeyForm, environment: Mapping[str, str], folder: Path) -> bytes:
    """The key. A relative file is looked for in `folder`; line ends behind it do not count. Raises UnusableKeyError."""
    if stated.env is not None:
        text = environment.get(stated.env)
        if text is None:
            raise UnusableKeyError("env", f"the environment variable {stated.env} is not set")
    else:
        assert stated.file is not None, "the form is checked when it is read"
        try:
            text = (folder / stated.file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise UnusableKeyError("file", f"{stated.file}: {(error.strerror or str(error)).lower()}") from error
        except UnicodeDecodeError:
            raise UnusableKeyError("file", f"{stated.file}: is not UTF-8") from None
    if len(text) < SHORTEST:
        field: Where = "env" if stated.env is not None else "file"
        raise UnusableKeyError(field, f"the key has fewer than {SHORTEST} characters: digests made with it could be guessed")
    return text.encode()
