"""Any system with an API of its own: requests from declared templates, and how their answers are told apart.

The host stands in the settings alone: no value of an action leads a request elsewhere. What an answer means is declared as well, and
where it says nothing of a status, what `sinks.actions.outcomes` says holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, cast

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, model_validator

from schemas.actions import ACTIONS
from sinks.actions.addresses import Resolver, resolved
from sinks.actions.endpoint import HttpEndpointSettings
from sinks.actions.executor import ActionCall, ActionRefused, Done, NotDone, Observation, Outcome, RetryLater, Unknown
from sinks.actions.kind import ExecutorKind
from sinks.actions.outbound import Answer, NoAnswerError, NotSentError, Outbound, url_refused
from sinks.actions.outcomes import in_doubt, of_failure, of_status
from sinks.actions.secrets import SecretSource, SecretUnreadableError
from sinks.actions.template import NoValueError, body_of, header_of, names_key, path_of, problem_in, texts_in, values_of

HEADER: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
HeaderName = Annotated[str, Field(pattern=HEADER)]
Statuses = tuple[Annotated[int, Field(ge=200, le=599)], ...]


def _template(text: str) -> str:
    if problem := problem_in(text):
        raise ValueError(problem)
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or text.startswith("//") or any(char.isspace() for char in text):
        raise ValueError(f"{text!r} is no path; write it from the slash on: /orders/{{order_id}}/hold")
    return _template(text)


def _query(text: str) -> str:
    try:
        jmespath.compile(text)
    except JMESPathError:
        raise ValueError(f"{text!r} is no JMESPath expression") from None
    return text


TemplateText = Annotated[str, AfterValidator(_template)]
PathText = Annotated[str, AfterValidator(_path)]
BodyQuery = Annotated[str, AfterValidator(_query)]


class RestStatus(BaseModel):
    """How the system is asked whether it has effected an action."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: PathText = Field(description="Path and query of a GET request.")
    done_when: BodyQuery = Field(description="JMESPath: what the body of a 2xx says if it has been effected.")
    not_done_when: BodyQuery | None = Field(default=None, description="JMESPath: what it says if it has not been and will not be.")
    not_done: Statuses = Field(default=(), description="Statuses that say so, such as 404.")
    reference: BodyQuery | None = Field(default=None, description="JMESPath: what the system calls it.")


class RestRequest(BaseModel):
    """The request of one action, and how its answer is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field(default="POST", description="The method.")
    path: PathText = Field(description="Path and query, with placeholders.")
    headers: dict[HeaderName, TemplateText] = Field(default_factory=dict[str, str], description="Headers, with placeholders.")
    body: JsonValue = Field(default=None, description="The body, JSON with placeholders in its texts; unset: none.")
    done: Statuses = Field(default=(200, 201, 202, 204), description="Statuses that say it is done.")
    done_when: BodyQuery | None = Field(default=None, description="JMESPath: what the body must say besides; if not, it is in doubt.")
    refused: Statuses = Field(default=(), description="Statuses that refuse it for good, beside 4xx.")
    refused_when: BodyQuery | None = Field(default=None, description="JMESPath: what a body says that refuses it, whatever the status.")
    retry: Statuses = Field(default=(), description="Statuses that say that nothing was done and it may be tried again.")
    reference: BodyQuery | None = Field(default=None, description="JMESPath: what the system calls it.")
    status: RestStatus | None = Field(default=None, description="How to ask whether it was effected; unset: nobody can.")

    @model_validator(mode="after")
    def _consistent(self) -> RestRequest:
        for text in texts_in(self.body):
            _template(text)
        if twice := (set(self.done) & {*self.refused, *self.retry}) | (set(self.refused) & set(self.retry)):
            raise ValueError(f"status {min(twice)} cannot mean two things")
        return self


class RestSettings(HttpEndpointSettings):
    """A system with an API of its own."""

    base_url: str = Field(description="Where it is: `https://erp.example.com/api`.")
    actions: dict[str, RestRequest] = Field(min_length=1, description="The request for each action that it can do (below).")
    bearer: SecretSource | None = Field(default=None, description="A token, sent as `Authorization: Bearer …`.")
    secret_headers: dict[HeaderName, SecretSource] = Field(
        default_factory=dict[str, SecretSource], description="Headers whose whole value is a secret."
    )
    key_header: HeaderName | None = Field(default=None, description="The header that bears the action's ID, such as `Idempotency-Key`.")
    honours_keys: bool = Field(
        default=False, description="Whether the system acts once on each ID. Only say so if its maker does: doubt is repeated then."
    )

    @model_validator(mode="after")
    def _usable(self) -> RestSettings:
        if why := url_refused(self.base_url, allow_http=self.allow_http):
            raise ValueError(f"base_url: {why}")
        if any(char in self.base_url for char in "?#{}"):
            raise ValueError("base_url: queries and placeholders belong to the path of an action")
        for name, request in self.actions.items():
            if name not in ACTIONS or "rest" not in ACTIONS[name].executors:
                raise ValueError(f"actions: there is no action {name!r}")
            keyed = (request.path, *request.headers.values(), *texts_in(request.body))
            if self.honours_keys and self.key_header is None and not any(names_key(text) for text in keyed):
                raise ValueError(f"honours_keys: neither key_header nor the request of {name} names {{action_id}}")
        return self


class RestExecutor:
    """Calls one system."""

    def __init__(self, settings: RestSettings, resolver: Resolver = resolved) -> None:
        self._settings = settings
        self._outbound = Outbound(settings, resolver)
        self.honours_keys = settings.honours_keys
        self.can_be_asked = any(request.status is not None for request in settings.actions.values())

    async def execute(self, call: ActionCall) -> Outcome:
        """As `Executor` says."""
        request = self._settings.actions.get(call.name)
        if request is None:
            return ActionRefused("not_declared", "the endpoint's settings say nothing of this action")
        try:
            values = values_of(call)
            headers = {name: header_of(text, values) for name, text in request.headers.items()}
            content = b"" if request.body is None else msgspec.json.encode(body_of(request.body, values))
            url = self._settings.base_url.rstrip("/") + path_of(request.path, values)
            answer = await self._outbound.send(request.method, url, headers=self._headers(headers, call, content), content=content)
        except NoValueError as error:
            return ActionRefused("no_value", str(error))
        except UnicodeEncodeError:
            return ActionRefused("no_value", "a value is no text that can be written")
        except (NotSentError, NoAnswerError, SecretUnreadableError) as error:
            return of_failure(error, honours_keys=self.honours_keys)
        return self._read(request, answer)

    async def status(self, call: ActionCall) -> Observation:
        """As `Executor` says."""
        request = self._settings.actions.get(call.name)
        asked = None if request is None else request.status
        if asked is None:
            return Unknown("not_askable", "the endpoint's settings do not say how to ask")
        try:
            url = self._settings.base_url.rstrip("/") + path_of(asked.path, values_of(call))
            answer = await self._outbound.send("GET", url, headers=self._headers({}, call, b""))
        except NoValueError as error:
            return Unknown("no_value", str(error))
        except SecretUnreadableError:
            return Unknown("secret_unreadable")
        except (NotSentError, NoAnswerError) as error:
            return Unknown(error.code)
        if answer.status in asked.not_done:
            return NotDone(f"http_{answer.status}")
        if 200 <= answer.status < 300:
            if _says(asked.done_when, answer):
                return Done(_reference(asked.reference, answer), "found done")
            if asked.not_done_when is not None and _says(asked.not_done_when, answer):
                return NotDone("it says so")
        return Unknown(f"http_{answer.status}", "its answer says neither")

    async def close(self) -> None:
        """Nothing stays open between requests."""

    def _headers(self, headers: Mapping[str, str], call: ActionCall, content: bytes) -> dict[str, str]:
        given = self._settings
        made = {"accept": "application/json", **({"content-type": "application/json"} if content else {}), **headers}
        made |= {name: secret.read() for name, secret in given.secret_headers.items()}
        if given.bearer is not None:
            made["authorization"] = f"Bearer {given.bearer.read()}"
        if given.key_header is not None:
            made[given.key_header] = call.key
        return made

    def _read(self, request: RestRequest, answer: Answer) -> Outcome:
        code = f"http_{answer.status}"
        if answer.status in request.retry:
            return RetryLater(code, answer.retry_after())
        if answer.status in request.refused or (request.refused_when is not None and _says(request.refused_when, answer)):
            return ActionRefused(code, "its answer refuses it")
        if answer.status not in request.done:
            return of_status(answer, honours_keys=self.honours_keys)
        if request.done_when is not None and not _says(request.done_when, answer):
            return in_doubt("unexpected_answer", honours_keys=self.honours_keys)
        return Done(_reference(request.reference, answer), code)


def _found(query: str, answer: Answer) -> Any:
    try:
        return cast("Any", jmespath).search(query, answer.json())
    except JMESPathError:
        return None  # What the body holds does not fit the expression.


def _says(query: str, answer: Answer) -> bool:
    found = _found(query, answer)
    return found is not None and found is not False and found not in ("", [], {})


def _reference(query: str | None, answer: Answer) -> str | None:
    found = None if query is None else _found(query, answer)
    return str(found)[:200] if isinstance(found, str | int) else None


def _declared(settings: RestSettings) -> Collection[str]:
    return settings.actions.keys()


KIND: Final = ExecutorKind(
    name="rest",
    about="Any system with an API of its own, by declared templates.",
    promise="exactly once by the key, if the settings say that the system honours it; otherwise at most once",
    settings=RestSettings,
    build=RestExecutor,
    actions=_declared,
)
