"""The connections of the gateway, made from its settings: their adapters, and their secrets from the environment and from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from dataflows.settings import ConnectionSettings, GatewaySettings, SecretSettings, SettingsError
from dataflows.settings.gateway import CONNECTION, HmacSettings
from dataflows.settings.load import secret_in
from schemas.problems import nearest
from sources.adapters import ADAPTERS, Adapter, AdapterConnection
from sources.gateway.hmacs import Hmac, scheme_of
from sources.gateway.hooks import Hook, Secret
from sources.gateway.schemes import SCHEMES
from sources.gateway.signatures import Scheme, plain, unbased, unhexed
from sources.mapping import examine

BURST_S = 10
"""Requests that may come at once where nothing is said of it: what the rate allows in so many seconds."""


def hooks_of(settings: GatewaySettings, environment: Mapping[str, str]) -> dict[tuple[str, str], Hook]:
    """The connections by system and name.

    Raises SettingsError for adapters, mappings, schemes and secrets that cannot be used, and settings that a system has no use for.
    """
    hooks: dict[tuple[str, str], Hook] = {}
    problems: list[str] = []
    for key, connection in settings.connections.items():
        system, name = _split(key)
        try:
            hooks[system, name] = _hook(system, name, f"gateway.connections.{key}", connection, settings, environment)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(*problems)
    return hooks


def files_of(settings: GatewaySettings) -> list[Path]:
    """The files that connections are made from: mappings and secrets."""
    connections = settings.connections.values()
    mappings = [one.mapping for one in connections if one.mapping is not None]
    return mappings + [secret.file for one in connections for secret in one.secrets if secret.file is not None]


def _split(key: str) -> tuple[str, str]:
    match = CONNECTION.fullmatch(key)
    assert match is not None, "settings are checked when they are read"
    return match["system"], match["name"]


def _hook(system: str, name: str, at: str, given: ConnectionSettings, settings: GatewaySettings, environment: Mapping[str, str]) -> Hook:
    adapter = _adapter(system, at, given, environment)
    scheme = _scheme(adapter, at, given)
    connection = AdapterConnection(
        name=name,
        tenant=given.tenant,
        zone=given.zone,
        order_field=given.order_field,
        order_is_alias=given.order_is_alias,
        accept_test=given.accept_test,
        omit=given.omit,
        auto_capture=given.auto_capture,
    )
    if useless := adapter.useless(connection, given.model_fields_set):
        raise SettingsError(*(f"{at}.{field}: {why}" for field, why in useless.items()))
    rate = given.rate
    if rate is None and given.burst is not None:
        raise SettingsError(f"{at}.burst: goes with rate: without it there is no limit")
    return Hook(
        system=system,
        connection=connection,
        adapter=adapter,
        scheme=scheme,
        secrets=tuple(_secret(one, f"{at}.secrets.{n}", scheme, environment) for n, one in enumerate(given.secrets)),
        rate=rate,
        burst=given.burst or (1 if rate is None else max(1, round(rate * BURST_S))),
        max_body=given.max_body_bytes or settings.max_body_bytes,
        url=given.url or "",
    )


def _adapter(system: str, at: str, given: ConnectionSettings, environment: Mapping[str, str]) -> Adapter:
    if given.mapping is None:
        if system not in ADAPTERS:
            raise SettingsError(f"{at}: no adapter reads {system}; there are {', '.join(sorted(ADAPTERS))}, or name a mapping file")
        return ADAPTERS[system]
    mapping, problems = examine(given.mapping, environment)
    if mapping is None:
        raise SettingsError(*(f"{at}.mapping: {problem}" for problem in problems))
    return mapping.adapter


def _scheme(adapter: Adapter, at: str, given: ConnectionSettings) -> Scheme:
    if given.hmac is not None:
        try:
            scheme = _described(given.hmac)
        except ValueError as error:
            raise SettingsError(f"{at}.hmac.{error}") from None
    else:
        name = given.scheme or adapter.scheme
        if name not in SCHEMES:
            meant = nearest(name, list(SCHEMES))
            hint = f"; did you mean {meant}?" if meant else ""
            raise SettingsError(f"{at}.scheme: {name!r} is none of {', '.join(SCHEMES)}{hint}")
        scheme = SCHEMES[name]
    if scheme.signs_url and given.url is None:
        raise SettingsError(f"{at}.url: required, since {scheme.name} signs it: the whole URL as the sender has it")
    if given.url is not None and not scheme.signs_url:
        raise SettingsError(f"{at}.url: is not signed by {scheme.name}, and so of no use; leave it out")
    return scheme


def _described(given: HmacSettings) -> Scheme:
    """The scheme that settings describe. Raises ValueError for what does not go together."""
    described = given.model_dump(exclude={"key", "tolerance_seconds"})
    return scheme_of("hmac", Hmac(**described, tolerance=given.tolerance_seconds), key=KEYS[given.key])


def _read_as(read: Callable[[str], bytes], what: str) -> Callable[[str], bytes]:
    def key(secret: str) -> bytes:
        found = read(secret)
        if not found:
            raise ValueError(f"is not {what}")
        return found

    return key


KEYS: Final[dict[str, Callable[[str], bytes]]] = {
    "text": plain,
    "hex": _read_as(unhexed, "written in hexadecimal digits"),
    "base64": _read_as(unbased, "base64"),
}
"""By `hmac.key`: the key out of the secret."""


def shared(hooks: Mapping[tuple[str, str], Hook]) -> list[str]:
    """Connections of one system with a secret in common, in words.

    The URL is not signed: what is meant for one, the other takes too.
    """
    names: dict[tuple[str, str], list[str]] = {}
    for (system, name), hook in hooks.items():
        if not hook.scheme.signs_url:
            for text in {secret.text for secret in hook.secrets}:
                names.setdefault((system, text), []).append(name)
    return [f"{system}: {', '.join(sorted(given))} share a secret" for (system, _), given in names.items() if len(given) > 1]


def _secret(given: SecretSettings, at: str, scheme: Scheme, environment: Mapping[str, str]) -> Secret:
    if given.file is not None:
        text = secret_in(given.file, f"{at}.file")
    else:
        assert given.env is not None, "settings are checked when they are read"
        text = environment.get(given.env, "")
        if given.env not in environment:
            raise SettingsError(f"{at}.env: {given.env} is not set")
    if not text:
        raise SettingsError(f"{at}: the secret is empty")
    try:
        key = scheme.key(text)
    except ValueError as error:
        raise SettingsError(f"{at}: the secret {error}") from None  # no part of a secret may be shown
    return Secret(text, key, given.since, given.until)
