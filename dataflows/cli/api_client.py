"""The gateway's `/decisions` as a command calls it: no redirects, the token to nobody else, the same IDs when it asks again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, cast
from urllib.parse import urlsplit

import httpx2
import orjson

from dataflows.errors import MisuseError, RunError

if TYPE_CHECKING:
    from types import TracebackType

    from dataflows.settings.client import ClientSettings

TRIES: Final = 3
WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 10.0
HERE: Final = ("127.0.0.1", "::1", "localhost")
HOW: Final = "set ORDERWATCH_CLIENT__TOKEN, ORDERWATCH_CLIENT__TOKEN_FILE, or client.token_file in the settings"


class ApiClient:
    """Sends decisions to the gateway at the URL `api`.

    Raises MisuseError when made without a token, or where the token would go over the network unencrypted.
    """

    def __init__(self, settings: ClientSettings, api: str) -> None:
        if settings.token is None:
            raise MisuseError(f"no token to decide with: {HOW}")
        parts = urlsplit(api)
        if parts.scheme != "https" and parts.hostname not in HERE:
            raise MisuseError(f"client.api {api}: the token would go unencrypted to another host; use https")
        self._url = f"{api}/decisions"
        self._client = httpx2.Client(
            headers={"authorization": f"Bearer {settings.token.get_secret_value()}", "content-type": "application/json"},
            timeout=settings.timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def decide(self, decisions: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
        """What became of each decision, in their order. Each has an ID, so that it counts once however often it is sent.

        Raises MisuseError where none is taken from whoever asks, RunError where the gateway does not answer.
        """
        content = orjson.dumps([dict(one) for one in decisions])
        for attempt in range(TRIES):
            last = attempt == TRIES - 1
            try:
                response = self._client.post(self._url, content=content)
            except httpx2.HTTPError as error:
                if last or not isinstance(error, httpx2.NetworkError | httpx2.TimeoutException | httpx2.RemoteProtocolError):
                    raise RunError(f"{self._url} does not answer: {type(error).__name__}") from error
                time.sleep(WAIT_S)
                continue
            answer = _answer(response)
            if "results" in answer:
                return cast("list[dict[str, object]]", answer["results"])
            if response.status_code not in (429, 503) or last:
                raise self._failure(response.status_code, answer)
            time.sleep(_wait(response))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _failure(self, status: int, answer: Mapping[str, object]) -> MisuseError | RunError:
        said = ": ".join(str(answer[name]) for name in ("error", "detail") if answer.get(name)) or "no answer that can be read"
        if status == 401:
            return MisuseError(f"{self._url} does not take the token (unknown, expired or revoked): {HOW}")
        if status in (403, 404, 405):
            return MisuseError(f"{self._url}: {status} {said}")
        return RunError(f"{self._url}: {status} {said}")


def _answer(response: httpx2.Response) -> dict[str, object]:
    try:
        found: object = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}


def _wait(response: httpx2.Response) -> float:
    text = response.headers.get("retry-after", "")
    return min(LONGEST_WAIT_S, float(text)) if text.isascii() and text.isdecimal() else WAIT_S
