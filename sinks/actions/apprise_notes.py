"""Notes to a team by one of the services that Apprise knows, those of the list below and no others.

Apprise says of a note that it went out, or that it did not; not why, nor whether it may have. So what did not go out is in doubt, unless
the service runs on a host of your own and nothing answers there. Apprise makes its connections itself: the address of a host of your own is
checked before, not at the connection, and it takes a proxy from the environment (HTTPS_PROXY). Redirects are off, TLS is verified.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast
from urllib.parse import urlsplit

from pydantic import Field

from sinks.actions.addresses import AddressRefusedError, Resolver, connected, resolved
from sinks.actions.endpoint import EndpointSettings
from sinks.actions.executor import ActionCall, ActionRefused, Done, Observation, Outcome, RetryLater, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.notes import TeamNote, note_of
from sinks.actions.secrets import SecretSource, SecretUnreadableError

SERVICES: Final = frozenset(
    """
    discord tgram slack gchat webex wxteams zulip twist flock ryver line lark feishu dingtalk wecombot zoom
    pagerduty opsgenie splunk victorops squadcast incidentio firehydrant ilert pagertree signl4 spike
    pover pbul prowl join simplepush twilio vonage nexmo clicksend msgbird sinch plivo telnyx httpsms clickatell bulksms 46elks
    """.split()
)
"""Services of a vendor: the host is in Apprise, not in the URL, which so can lead nowhere else."""
OWN_HOSTS: Final = {"gotifys": 443, "ntfys": 443, "mmosts": 443, "rockets": 443, "matrixs": 443}
"""Services that run on a host of your own, with the port where the URL names none."""
WITHOUT_TLS: Final = {"gotify": 80, "ntfy": 80, "mmost": 80, "rocket": 80, "matrix": 80}
"""The same without TLS, where it is allowed."""


class AppriseSettings(EndpointSettings):
    """A service that Apprise knows."""

    url: SecretSource = Field(description="The service's URL as Apprise writes it, a secret itself: `{env: NAME}` or `{file: PATH}`.")
    allow_http: bool = Field(default=False, description="Whether a host of your own may be called without TLS (`gotify:` and so on).")


class AppriseExecutor:
    """Sends notes by one service."""

    honours_keys = False
    can_be_asked = False

    def __init__(self, settings: AppriseSettings, resolver: Resolver = resolved) -> None:
        self._settings, self._resolver = settings, resolver

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        try:
            url = self._settings.url.read()
        except SecretUnreadableError:
            return RetryLater("secret_unreadable")
        refused = await self._unreachable(url)
        if refused is not None:
            return refused
        service = await asyncio.to_thread(_service, url, self._settings)
        if service is None:
            return ActionRefused("bad_url", "Apprise does not understand the URL")
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                sent = await asyncio.to_thread(_send, service, note_of(call))
        except TimeoutError:
            return Unknown("timeout")
        return Done(None, "sent") if sent else Unknown("not_confirmed", "Apprise says that it failed, and not whether anything was sent")

    async def status(self, call: ActionCall) -> Observation:
        """Nothing can be found out."""
        return Unknown("not_askable", f"Apprise cannot be asked about {call.name}")

    async def close(self) -> None:
        """Nothing stays open between notes."""

    async def _unreachable(self, url: str) -> Outcome | None:
        """Why nothing can be sent: a service that is not in the list, or a host of your own that may not be called or does not answer."""
        scheme = urlsplit(url).scheme
        if scheme in SERVICES:
            return None
        ports = {**OWN_HOSTS, **(WITHOUT_TLS if self._settings.allow_http else {})}
        if scheme not in ports:
            return ActionRefused("service_not_allowed", "the service is not in the list of those that are")
        try:
            parts = urlsplit(url)
            async with asyncio.timeout(self._settings.connect_timeout_seconds):
                reached = await connected(parts.hostname or "", parts.port or ports[scheme], self._settings.allow_networks, self._resolver)
            reached.close()
        except AddressRefusedError:
            return ActionRefused("address_refused", "the endpoint may not be called there")
        except (OSError, ValueError):
            return RetryLater("connect_refused")
        return None


def _service(url: str, settings: AppriseSettings) -> Any:
    """What Apprise makes of a URL; None if it makes nothing of it. Imported here: it takes half a second that only users of it wait."""
    import apprise  # noqa: PLC0415 - as said above

    for name in ("apprise", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # At finer levels they write hosts, paths with tokens, and notes.
    asset = apprise.AppriseAsset(secure_logging=True, async_mode=False, http_redirects=False)
    service = cast("Any", apprise.Apprise).instantiate(url, asset=asset, suppress_exceptions=True)
    if service is not None:
        service.verify_certificate, service.redirects = True, False
        service.socket_connect_timeout, service.socket_read_timeout = settings.connect_timeout_seconds, settings.timeout_seconds
    return service


def _send(service: Any, note: TeamNote) -> bool:
    return bool(service.notify(title=note.subject, body=note.text))


KIND: Final = ExecutorKind(
    name="apprise",
    about="A note by one of some fifty services (Discord, Telegram, PagerDuty, Twilio, ntfy and others) that Apprise knows.",
    promise="at most once; what is not confirmed is in doubt",
    settings=AppriseSettings,
    build=AppriseExecutor,
)
