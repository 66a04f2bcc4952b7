"""What a token looks like: `ow_ID_SECRET`. The ID finds it, the secret proves it, and only a digest of the secret is kept.

The secret has 256 random bits: nobody guesses one, so that a plain SHA-256 is right. A slow digest is for passwords, which people choose.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

PREFIX: Final = "ow"
FORM: Final = re.compile(rf"{PREFIX}_(?P<id>[0-9a-f]{{12}})_(?P<secret>[A-Za-z0-9_-]{{43}})")
"""The prefix lets scanners of repositories and logs know one."""


class TokenText(NamedTuple):
    """A token as its holder has it, in its parts."""

    id: str
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}_{self.id}_{self.secret}"

    def __repr__(self) -> str:
        return f"TokenText({self.id!r}, ...)"


def minted(id_: str | None = None) -> TokenText:
    """A new token, or a new secret for one."""
    return TokenText(id_ or secrets.token_hex(6), secrets.token_urlsafe(32))


def read_token(text: str) -> TokenText | None:
    """The parts of a token; None for what is none."""
    found = FORM.fullmatch(text)
    return TokenText(found["id"], found["secret"]) if found else None


def digest_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def proves(secret: str, digest: bytes) -> bool:
    """Whether a secret is the one of which a digest is kept; takes as long whatever it is."""
    return hmac.compare_digest(digest_of(secret), digest)
