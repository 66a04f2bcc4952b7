"""An OpenID Connect provider for tests: discovery, keys and tokens, without a network; it lies where a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import httpx2
import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = "https://login.example.com/realms/shop"


class FakeProvider:
    """Answers what a client asks. `claims`: over those of the token; `now`: its clock, in seconds."""

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.claims: dict[str, object] = {"preferred_username": "Olga", "groups": ["ops", "canteen"], "sub": "u-1"}
        self.discovery: Mapping[str, object] = {}
        self.signed_by: ECKey | None = None
        self.away = False
        self.asked: list[str] = []
        self._codes: dict[str, tuple[str, str, str]] = {}

    def client(self) -> httpx2.Client:
        """A client whose requests come here."""
        return httpx2.Client(transport=httpx2.MockTransport(self.answer))

    def visit(self, url: str) -> dict[str, str]:
        """What somebody brings back who logs in there: code and state."""
        parts = urlsplit(url)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/auth"
        assert (given["response_type"], given["client_id"], given["code_challenge_method"]) == ("code", "console", "S256")
        code = f"code-{len(self._codes)}"
        self._codes[code] = (given["nonce"], given["code_challenge"], given["redirect_uri"])
        return {"code": code, "state": given["state"]}

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """To a request of the console."""
        path = request.url.path.removeprefix("/realms/shop")
        self.asked.append(path)
        if self.away:
            raise httpx2.ConnectError("away")
        match path:
            case "/.well-known/openid-configuration":
                said = {"issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/auth", "token_endpoint": f"{ISSUER}/token"}
                return httpx2.Response(200, json={**said, "jwks_uri": f"{ISSUER}/keys", **self.discovery})
            case "/keys":
                return httpx2.Response(200, content=orjson.dumps(KeySet([self.key]).as_dict(private=False)))
            case "/token":
                return self._token({name: values[0] for name, values in parse_qs(request.content.decode()).items()}, request.headers)
            case _:
                return httpx2.Response(404)

    def _token(self, given: Mapping[str, str], headers: httpx2.Headers) -> httpx2.Response:
        nonce, challenge, redirect = self._codes.pop(given["code"])
        assert headers["authorization"].startswith("Basic ")
        digest = hashlib.sha256(given["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == challenge
        assert given["redirect_uri"] == redirect
        at = int(self.now)
        claims = {"iss": ISSUER, "aud": "console", "iat": at, "exp": at + 300, "nonce": nonce, **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.signed_by or self.key
        token = jwt.encode({"alg": "ES256", "kid": "one"}, claims, key)
        return httpx2.Response(200, json={"access_token": "a", "token_type": "Bearer", "id_token": token})
