"""How single settings are read, from the file or from an environment variable. Raises ValueError with what is wrong."""

from __future__ import annotations

import json
import re
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


class Section(BaseModel):
    """What all sections have in common: unknown settings are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def without_effect(self, because: str, *names: str, section: str = "") -> None:
        """Raises ValueError if one of these settings, which mean nothing here, has another value than its default.

        `section` stands before their names where the message is not about one section anyhow.
        """
        fields = type(self).model_fields
        if stated := [name for name in names if getattr(self, name) != fields[name].get_default(call_default_factory=True)]:
            raise ValueError(f"{because}: leave out {', '.join(section + name for name in stated)}")


def reached(host: str, port: int) -> str:
    """How a program of this host reaches what listens there, as host:port. Nobody calls the address that stands for all of them."""
    name = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared, not listened on
    return f"{f'[{name}]' if ':' in name else name}:{port}"


OWNED = frozenset(
    """
    bootstrap.servers security.protocol client.id group.id group.instance.id transactional.id isolation.level enable.idempotence acks
    retries enable.auto.commit enable.auto.offset.store auto.offset.reset enable.partition.eof message.send.max.retries
    max.in.flight.requests.per.connection partitioner
    """.split()
)
"""librdkafka options that the engine sets itself: its guarantees rest on them."""

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What Kafka allows as the name of a topic (org.apache.kafka.common.internals.Topic)."""
ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
GREATEST_PORT = 65_535


def comma_separated(value: object) -> object:
    """The words of a text: in an environment variable a list is written with commas."""
    return tuple(word for part in value.split(",") if (word := part.strip())) if isinstance(value, str) else value


def _addresses(value: object) -> object:
    """As `comma_separated`; semicolons part addresses as well."""
    return comma_separated(value.replace(";", ",")) if isinstance(value, str) else value


def _options(value: object) -> object:
    """In an environment variable a mapping is written as JSON, or as `name=value,name=value`."""
    if not isinstance(value, str):
        return {} if value is None else value
    if value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error.msg}") from error
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(equals and name.strip() for name, equals, _ in pairs):
        raise ValueError("write it as name=value,name=value or as a JSON object")
    return {name.strip(): text.strip() for name, _, text in pairs}


def _unowned(options: dict[str, str]) -> dict[str, str]:
    taken = sorted(OWNED & options.keys())
    if taken:
        raise ValueError(f"{', '.join(taken)} cannot be set: the engine sets it itself")
    return options


def _topic(name: str) -> str:
    if not TOPIC_NAME.fullmatch(name) or name in {".", ".."}:
        raise ValueError(f"{name!r} is no name for a topic (letters, digits, '.', '_' and '-', at most 249)")
    return name


def distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names. Raises ValueError if one of them stands there twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}")
    return names


def _address(text: str) -> str:
    match = ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) <= GREATEST_PORT:
        raise ValueError(f"{text!r} is no address; write it as host:port")
    return text


def _section(value: object) -> object:
    """A section of the file without entries is an empty one."""
    return {} if value is None else value


Topic = Annotated[str, AfterValidator(_topic)]
Brokers = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], BeforeValidator(comma_separated), Field(min_length=1)]
Topics = Annotated[tuple[Topic, ...], BeforeValidator(comma_separated), AfterValidator(distinct), Field(min_length=1)]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_address)], ...], BeforeValidator(_addresses), AfterValidator(distinct)]
Options = Annotated[dict[str, str], BeforeValidator(_options), AfterValidator(_unowned)]
Names = Annotated[dict[str, str], BeforeValidator(_options)]
Port = Annotated[int, Field(ge=0, le=GREATEST_PORT)]
Part = Annotated[T, BeforeValidator(_section)]
