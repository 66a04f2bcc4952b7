"""The tokens that there are: an SQLite file in the gateway's directory. Commands write it, the running gateway asks it at each request.

So what is revoked is refused from the next request on. When a token was last used is written down once a minute at most.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from sources.gateway.files import make_folder, open_file
from sources.gateway.tokens.scopes import TokenScope
from sources.gateway.tokens.secret import TokenText, digest_of, minted, proves, read_token

NAME: Final = "tokens.sqlite3"
"""The file, in the gateway's directory."""
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, before BLOB, before_until REAL,
    scope BLOB NOT NULL, created REAL NOT NULL, expires REAL, revoked REAL, used REAL
) WITHOUT ROWID
"""
COLUMNS: Final = "id, name, digest, before, before_until, scope, created, expires, revoked, used"
USED_S: Final = 60.0
"""How exact `used` is."""
BUSY_S: Final = 5.0


class Token(NamedTuple):
    """A token that is known; instants in seconds since the epoch, None where there is none.

    `before` is the digest of the secret in whose place another one came, which holds until `before_until`.
    """

    id: str
    name: str
    digest: bytes
    before: bytes | None
    before_until: float | None
    scope: TokenScope
    created: float
    expires: float | None
    revoked: float | None
    used: float | None

    def __repr__(self) -> str:
        return f"Token({self.id!r}, {self.name!r})"

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"

    def is_proved(self, secret: str, now: float) -> bool:
        """Whether a secret is the token's."""
        old = proves(secret, self.before) if self.before is not None and (self.before_until or 0.0) > now else False
        return proves(secret, self.digest) or old


class TokenError(Exception):
    """The tokens cannot be read or changed so; the message is one line without any secret."""


class TokenBook:
    """The tokens in a folder, which is made where it is missing. For one thread. Raises TokenError, OSError when made.

    `asks_only`: whether it writes nothing but when tokens were used, for which it waits for nobody and for no disk.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time, *, asks_only: bool = False) -> None:
        self.path = folder / NAME
        self._clock = clock
        make_folder(folder)
        os.close(open_file(self.path, os.O_RDWR))
        with _in_words(self.path):
            self._db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(SCHEMA)
            # What is revoked stays revoked after a power cut.
            self._db.execute(f"PRAGMA synchronous = {'NORMAL' if asks_only else 'FULL'}")
            if asks_only:
                self._db.execute("PRAGMA busy_timeout = 0")

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def create(self, name: str, scope: TokenScope, expires: float | None = None) -> TokenText:
        """A new token under a name that no other has; its text is known nowhere else. Raises TokenError."""
        text = minted()
        row = (text.id, name, digest_of(text.secret), msgspec.json.encode(scope), self._clock(), expires)
        try:
            with _in_words(self.path):
                self._db.execute("INSERT INTO tokens (id, name, digest, scope, created, expires) VALUES (?, ?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            raise TokenError(f"there is a token {name} already: revoke does not free its name; choose another") from None
        return text

    def rotate(self, name: str, grace: float) -> TokenText:
        """A new secret for a token; the one before holds for `grace` seconds more. Raises TokenError."""
        token, now = self.named(name), self._clock()
        if token.state(now) != "active":
            raise TokenError(f"token {name} is {token.state(now)}: make another")
        text = minted(token.id)
        with _in_words(self.path):
            self._db.execute(
                "UPDATE tokens SET before = digest, before_until = ?, digest = ? WHERE id = ?",
                (now + grace, digest_of(text.secret), token.id),
            )
        return text

    def revoke(self, name: str) -> Token:
        """No request is taken with it any more. Raises TokenError if there is none of the name."""
        token = self.named(name)
        with _in_words(self.path):
            self._db.execute("UPDATE tokens SET revoked = ? WHERE id = ? AND revoked IS NULL", (self._clock(), token.id))
        return self.named(name)

    def all(self) -> list[Token]:
        """All tokens, by name."""
        with _in_words(self.path):
            return [*map(_token, self._db.execute(f"SELECT {COLUMNS} FROM tokens ORDER BY name"))]  # noqa: S608 - no input

    def named(self, name: str) -> Token:
        """The token of a name, or of an ID. Raises TokenError if there is none."""
        with _in_words(self.path):
            row = self._db.execute(f"SELECT {COLUMNS} FROM tokens WHERE name = ? OR id = ?", (name, name)).fetchone()  # noqa: S608
        if row is None:
            raise TokenError(f"there is no token {name}")
        return _token(row)

    def holder(self, text: str) -> Token | None:
        """The token that a text proves, if it is active now; notes that it was used. Raises TokenError if the file cannot be read."""
        given = read_token(text)
        if given is None:
            return None
        now = self._clock()
        with _in_words(self.path):
            row = self._db.execute(f"SELECT {COLUMNS} FROM tokens WHERE id = ?", (given.id,)).fetchone()  # noqa: S608
        token = None if row is None else _token(row)
        if token is None or not token.is_proved(given.secret, now) or token.state(now) != "active":
            return None
        if token.used is None or now - token.used >= USED_S:
            # A full disk, or a command that writes at the moment: the request itself needs none of it.
            with suppress(sqlite3.OperationalError):
                self._db.execute("UPDATE tokens SET used = ? WHERE id = ?", (now, token.id))
        return token

    def __len__(self) -> int:
        """How many tokens there are, revoked ones included."""
        with _in_words(self.path):
            return int(self._db.execute("SELECT count(*) FROM tokens").fetchone()[0])


@contextmanager
def _in_words(path: Path) -> Generator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.Error as error:
        raise TokenError(f"{path}: {error}") from error


def _token(row: Sequence[Any]) -> Token:
    before, scope, after = row[:5], msgspec.json.decode(row[5], type=TokenScope), row[6:]
    return Token._make((*before, scope, *after))
