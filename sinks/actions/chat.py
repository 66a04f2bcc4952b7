"""Notes to a team's chat by incoming webhook: Slack's form, which Mattermost and Rocket.Chat take as well, or that of Teams.

Slack: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (`{"text"}`, answered with `ok`; 404 `no_service` and
410 `channel_is_archived` for good, 429 with `Retry-After`). Teams: a flow that begins "when a webhook request is received" and posts an
Adaptive Card, answered with 202. Neither knows keys: a second request is a second note.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from pydantic import Field

from sinks.actions.addresses import Resolver, resolved
from sinks.actions.endpoint import HttpEndpointSettings
from sinks.actions.executor import ActionCall, ActionRefused, Done, Observation, Outcome, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.notes import TeamNote, note_of
from sinks.actions.outbound import NoAnswerError, NotSentError, Outbound
from sinks.actions.outcomes import of_failure, of_status
from sinks.actions.secrets import SecretSource, SecretUnreadableError

GONE: Final = (b"no_service", b"channel_is_archived", b"channel_not_found")
"""What Slack says, with a 404 or 410, of a webhook that leads nowhere any more."""


class ChatSettings(HttpEndpointSettings):
    """A channel of a team."""

    url: SecretSource = Field(description="The URL of the incoming webhook, a secret itself: `{env: NAME}` or `{file: PATH}`.")
    format: Literal["slack", "teams"] = Field(default="slack", description="How the note is written: `slack`, `teams`.")


class ChatExecutor:
    """Posts notes to one channel."""

    honours_keys = False
    can_be_asked = False

    def __init__(self, settings: ChatSettings, resolver: Resolver = resolved) -> None:
        self._settings = settings
        self._outbound = Outbound(settings, resolver)

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        body = msgspec.json.encode((slack if self._settings.format == "slack" else teams)(note_of(call)))
        try:
            url = self._settings.url.read()
            answer = await self._outbound.send("POST", url, headers={"content-type": "application/json"}, content=body)
        except (NotSentError, NoAnswerError, SecretUnreadableError) as error:
            return of_failure(error, honours_keys=False)
        if 200 <= answer.status < 300:
            return Done(None, "posted")
        if answer.status in (404, 410) and answer.body.strip() in GONE:
            return ActionRefused(f"http_{answer.status}", "the channel or its webhook is gone", disable=True)
        return of_status(answer, honours_keys=False)

    async def status(self, call: ActionCall) -> Observation:
        """Nothing can be found out."""
        return Unknown("not_askable", f"a chat cannot be asked about {call.name}")

    async def close(self) -> None:
        """Nothing stays open between notes."""


def slack(note: TeamNote) -> dict[str, Any]:
    """As Slack takes it. Its three control characters are escaped: a note can neither link nor call anybody."""
    subject, text = (each.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for each in note)
    return {"text": f"*{subject.replace('*', '')}*\n{text}", "unfurl_links": False, "unfurl_media": False}


def teams(note: TeamNote) -> dict[str, Any]:
    """As a flow of Teams takes it: an Adaptive Card of plain text runs, in which nothing is markup."""
    runs = [{"type": "TextRun", "text": note.subject, "weight": "bolder"}]
    lines = [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line or " "}]} for line in note.text.split("\n")]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": runs}, *lines],
    }
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]}


KIND: Final = ExecutorKind(
    name="chat",
    about="A note in a team's chat by incoming webhook (Slack, Mattermost, Rocket.Chat; Teams).",
    promise="at most once",
    settings=ChatSettings,
    build=ChatExecutor,
)
