"""Secrets of endpoints: named in the settings, read from the environment or a file each time they are used, and shown nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SecretUnreadableError(Exception):
    """A secret is not there, or empty. The message names where it should be, and nothing of it."""


class SecretSource(BaseModel):
    """Where a secret is: an environment variable or a file. A file is read at each use: what changes there holds at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: str | None = Field(default=None, min_length=1, description="Environment variable that holds it.")
    file: Path | None = Field(default=None, description="File that holds it, as mounted secrets are given; read at each use.")

    @model_validator(mode="after")
    def _complete(self) -> SecretSource:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret has either env or file")
        return self

    def read(self) -> str:
        """The secret, without the line break at its end. Raises SecretUnreadableError."""
        if self.file is not None:
            try:
                text = self.file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SecretUnreadableError(f"{self.file}: cannot be read ({type(error).__name__})") from None
            where = str(self.file)
        else:
            text, where = os.environ.get(self.env or "", "").strip(), f"environment variable {self.env}"
        if not text:
            raise SecretUnreadableError(f"{where}: there is no secret")
        return text
