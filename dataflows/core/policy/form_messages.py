"""The shape of what a policy file says of messages to customers."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainValidator

from dataflows.core.clocks import Span
from dataflows.core.policy import values as read
from dataflows.core.policy.form_parts import STRICT, Section, many
from dataflows.core.policy.messaging import ANYWHERE, CONSENTS, MESSAGE_POLICY, MessageCap
from schemas.messages import TOPICS
from schemas.problems import mistake

MOST = 1_000
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
"""A language as templates name it (BCP 47): `en`, `pt-BR`."""
CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,31}")


def _most(value: object) -> int:
    """How many messages there may be: 1 to 1000."""
    name = read.text(value)
    if not (name.isascii() and name.isdigit() and 1 <= int(name) <= MOST):
        raise mistake(f"{name!r} is no number of messages: 1 to {MOST}; `cap: off` for as many as there are")
    return int(name)


def _language(value: object) -> str:
    name = read.text(value)
    if not LANGUAGE.fullmatch(name):
        raise mistake(f"{name!r} is no language such as en or pt-BR")
    return name


def _channel(value: object) -> str:
    name = read.text(value).lower()
    if not CHANNEL.fullmatch(name):
        raise mistake(f"{name!r} is no channel such as email or sms")
    return name


def _channels(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value or len(set(value)) < len(value):
        raise mistake("name at least one channel, and each once")
    return value


def _anywhere(value: object) -> str:
    return ANYWHERE if value == ANYWHERE else read.country_of(value)


def _removable(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() in {"off", "none", "no", "false"} else value


class CapForm(BaseModel):
    """How many messages one customer may get within a span, by whomever they are sent."""

    model_config = STRICT

    most: Annotated[int, PlainValidator(_most)]
    within: Annotated[Span, PlainValidator(read.period)]


def cap_of(form: CapForm | None) -> MessageCap | None:
    """The cap that a file states."""
    return None if form is None else MessageCap(form.most, form.within.n)


USUAL = (
    None
    if MESSAGE_POLICY.cap is None
    else CapForm.model_construct(most=MESSAGE_POLICY.cap.most, within=Span(MESSAGE_POLICY.cap.within, "us"))
)


class MessagesForm(BaseModel):
    """By which channels customers are told something, how often, in which language, and what others call what they tell them."""

    model_config = STRICT

    channels: Annotated[tuple[Annotated[str, PlainValidator(_channel)], ...], BeforeValidator(many), AfterValidator(_channels)] = (
        MESSAGE_POLICY.channels
    )
    consent: Annotated[str, PlainValidator(read.choice("consent", CONSENTS))] = MESSAGE_POLICY.consent
    cap: Annotated[CapForm | None, BeforeValidator(_removable)] = USUAL
    languages: Annotated[dict[Annotated[str, PlainValidator(_anywhere)], Annotated[str, PlainValidator(_language)]], Section] = {}
    topics: Annotated[
        dict[Annotated[str, PlainValidator(read.named)], Annotated[str, PlainValidator(read.choice("topic", tuple(TOPICS)))]], Section
    ] = {}
