"""Log in with an OpenID Connect provider: code flow with PKCE, state and nonce. Its claims say by a declared mapping what somebody may."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit

import httpx2
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Engine, delete, insert, select

from dataflows.console.access import EVERY, PersonScope
from dataflows.console.people.directory import Directory, KnownPerson
from dataflows.console.people.tables import log_ins
from dataflows.settings.console import ConsoleSettings
from sinks.cases.schema import writing

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a key that only the provider has; `none` and those with a shared secret are not among them."""
PATIENCE_S: Final = 5.0
LEEWAY_S: Final = 60
WAITS: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""
KEPT: Final = timedelta(hours=1)
"""How long it is kept what the provider says of itself."""
MOST_WAITING: Final = 10_000


class ProviderError(Exception):
    """The provider does not answer, or answers what makes no sense. The message is for the log: it has no claims in it."""


class NotVouchedError(Exception):
    """Somebody does not get in. The message is for the log: it names nobody."""


@dataclass(frozen=True, slots=True)
class Provider:
    """What the provider says of itself. `end`: where people log out of it; empty where they cannot."""

    authorization: str
    token: str
    keys: KeySet
    read_at: datetime
    end: str = ""


class OidcLogIn:
    """Log-ins with the provider of the settings. Blocking: call it on a thread."""

    def __init__(
        self, settings: ConsoleSettings, own: Engine, directory: Directory, client: Callable[[], httpx2.Client] | None = None
    ) -> None:
        assert settings.oidc_issuer is not None
        assert settings.oidc_client_id is not None
        self._settings, self._own, self._directory = settings, own, directory
        self._issuer, self._id = settings.oidc_issuer, settings.oidc_client_id
        self._client = client or (lambda: httpx2.Client(timeout=PATIENCE_S, follow_redirects=False, trust_env=False))
        self._known: Provider | None = None
        self._lock = Lock()

    def begin(self, redirect: str, back: str, now: datetime) -> tuple[str, str]:
        """Where to send the browser, and the state that it must bring back. Raises ProviderError."""
        provider = self._provider(now)
        state, nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        client = cast("Any", OAuth2Client)(
            None, self._id, scope=" ".join(self._settings.oidc_scopes), redirect_uri=redirect, code_challenge_method="S256"
        )
        url, _ = client.create_authorization_url(provider.authorization, state=state, code_verifier=verifier, nonce=nonce)
        row = {"digest": _digest(state), "nonce": nonce, "verifier": verifier, "back": back, "began_at": now}
        with writing(self._own).begin() as connection:
            connection.execute(delete(log_ins).where(log_ins.c.began_at < now - WAITS))
            connection.execute(insert(log_ins).values(**row))
        return str(url), state

    def end(self, code: str, state: str, redirect: str, now: datetime) -> tuple[KnownPerson, str]:
        """Who it is, and where they wanted to go. Raises ProviderError, NotVouchedError, PeopleError."""
        with writing(self._own).begin() as connection:
            row = connection.execute(select(log_ins).where(log_ins.c.digest == _digest(state))).one_or_none()
            connection.execute(delete(log_ins).where(log_ins.c.digest == _digest(state)))  # it counts once
        if row is None or now - row.began_at > WAITS:
            raise NotVouchedError("the log-in took too long, was begun elsewhere, or has ended already")
        provider = self._provider(now)
        answer = self._exchange(provider, code, row.verifier, redirect)
        claims = self._claims(provider, answer, row.nonce, now)
        roles = _mapped(_values(claims, self._settings.oidc_roles_claim), self._settings.oidc_roles)
        if not roles:
            raise NotVouchedError("none of the claims is one of console.oidc_roles")
        name = self._name(claims)
        found = self._directory.vouched(name, roles, self._scope(claims), issuer=self._issuer, subject=str(claims["sub"]), at=now)
        return found, str(row.back)

    def log_out(self, back: str, now: datetime) -> str | None:
        """Where somebody logs out of the provider too, and is sent back from; None where that is not possible. Raises ProviderError.

        `back` must be known to the provider. It is told which client asks, not who: the token of the log-in is kept nowhere.
        """
        end = self._provider(now).end
        if not end:
            return None
        query = urlencode({"client_id": self._id, "post_logout_redirect_uri": back})
        return f"{end}{'&' if urlsplit(end).query else '?'}{query}"

    def _name(self, claims: Mapping[str, object]) -> str:
        claim = self._settings.oidc_name_claim
        if claim == "email" and claims.get("email_verified") is not True:
            raise NotVouchedError("the mail address is not verified")
        name = claims.get(claim)
        if not isinstance(name, str):
            raise NotVouchedError(f"the claim {claim} names nobody")
        return name.lower()

    def _scope(self, claims: Mapping[str, object]) -> PersonScope:
        given = self._settings
        parts: list[tuple[str, ...]] = []
        for claim in (given.oidc_tenants_claim, given.oidc_teams_claim, given.oidc_sites_claim):
            values = (EVERY,) if claim is None else tuple(_values(claims, claim))
            if not values:
                raise NotVouchedError(f"the claim {claim} leaves nothing to see")
            parts.append(values)
        return PersonScope(*parts)

    def _exchange(self, provider: Provider, code: str, verifier: str, redirect: str) -> Mapping[str, object]:
        """The answer of the provider to the code."""
        secret = self._settings.oidc_client_secret
        more: dict[str, str] = {"code": code, "code_verifier": verifier, **({} if secret else {"client_id": self._id})}
        body = str(cast("Any", prepare_token_request)("authorization_code", redirect_uri=redirect, **more))
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        # RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
        auth = (
            httpx2.BasicAuth(quote(self._id, safe=""), quote(secret.get_secret_value(), safe="")) if secret else httpx2.USE_CLIENT_DEFAULT
        )
        answer = self._asked(lambda client: client.post(provider.token, content=body, headers=headers, auth=auth), "token endpoint")
        if "id_token" not in answer:
            raise ProviderError("the token endpoint gave no id_token")
        return answer

    def _claims(self, provider: Provider, answer: Mapping[str, object], nonce: str, now: datetime) -> Mapping[str, object]:
        """What the token says, once all of it holds."""
        token = str(answer["id_token"])
        try:
            try:
                found = jwt.decode(token, provider.keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                # The provider may have other keys by now; it is asked once.
                found = jwt.decode(token, self._provider(now, anew=True).keys, algorithms=list(ALGORITHMS))
            claims = cast("Any", CodeIDToken)(
                found.claims,
                found.header,
                {"iss": {"essential": True, "value": self._issuer}, "aud": {"essential": True, "value": self._id}},
                {"nonce": nonce, "client_id": self._id, "access_token": answer.get("access_token")},
            )
            claims.validate(now=int(now.timestamp()), leeway=LEEWAY_S)
        except (JoseError, ValueError) as error:
            raise NotVouchedError(f"the token does not hold: {type(error).__name__}") from error
        return cast("Mapping[str, object]", claims)

    def _provider(self, now: datetime, *, anew: bool = False) -> Provider:
        with self._lock:
            known = self._known
        if known is not None and not anew and abs(now - known.read_at) < KEPT:
            return known
        where = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        said = self._asked(lambda client: client.get(where), "discovery")
        if said.get("issuer") != self._issuer:
            raise ProviderError("discovery names another issuer than console.oidc_issuer")
        urls = [str(said.get(name, "")) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        if not all(self._is_safe(url) for url in urls):
            raise ProviderError("discovery names an endpoint that is none, or not HTTPS")
        end = str(said.get("end_session_endpoint") or "")
        if end and not self._is_safe(end):
            raise ProviderError("discovery names an endpoint that is none, or not HTTPS")
        keys = self._asked(lambda client: client.get(urls[2]), "keys")
        try:
            provider = Provider(urls[0], urls[1], KeySet.import_key_set(cast("Any", keys)), now, end)
        except (JoseError, ValueError, KeyError) as error:
            raise ProviderError(f"the provider's keys make no sense: {type(error).__name__}") from error
        with self._lock:
            self._known = provider
        return provider

    def _is_safe(self, url: str) -> bool:
        return url.startswith("https://") or (self._issuer.startswith("http://") and url.startswith("http://"))

    def _asked(self, ask: Callable[[httpx2.Client], httpx2.Response], what: str) -> Mapping[str, object]:
        """The JSON object that an endpoint answers. Raises ProviderError."""
        try:
            with self._client() as client:
                response = ask(client)
            found: object = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ProviderError(f"{what}: {type(error).__name__}") from error
        if response.status_code != 200 or not isinstance(found, dict):
            raise ProviderError(f"{what}: status {response.status_code}")
        return cast("Mapping[str, object]", found)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


def _values(claims: Mapping[str, object], path: str) -> Sequence[str]:
    """The texts that a claim has; dots lead into objects, unless there is a claim of the whole name."""
    found: object = claims.get(path)
    if found is None:
        found = _within(claims, path.split("."))
    if isinstance(found, str):
        return [found]
    return [one for one in cast("list[object]", found) if isinstance(one, str)] if isinstance(found, list) else []


def _mapped(values: Sequence[str], roles: Mapping[str, str]) -> Sequence[str]:
    return list(dict.fromkeys(roles[value] for value in values if value in roles))


def _within(found: object, parts: Sequence[str]) -> object:
    """What stands at a path of names; None where there is nothing."""
    for part in parts:
        found = cast("Mapping[str, object]", found).get(part) if isinstance(found, Mapping) else None
    return found
