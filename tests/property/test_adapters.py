"""Whatever comes, an adapter neither raises nor makes an invalid event; and however a history arrives, it ends in the same timeline.

`ORDERWATCH_FUZZ` sets how many inputs of each sort an adapter gets (default 300; `poe fuzz`: 100,000).
"""

from __future__ import annotations

import json
import os
import random
import re
from typing import TYPE_CHECKING, cast
from xml.sax.saxutils import escape

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.adapters import ADAPTERS, AdapterConnection, Payload, translate
from sources.adapters.captured import payload_of
from sources.adapters.output import FAULTS
from tests.support.adapters import CONNECTION, payloads
from tests.support.mutation import mutated

if TYPE_CHECKING:
    from sources.adapters import Adapter

COUNT = int(os.environ.get("ORDERWATCH_FUZZ", "300"))
FUZZ = settings(max_examples=COUNT, database=None, suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large))
SEEDS = {system: [payload_of(path.read_bytes()) for _, path in payloads(system)] for system in ADAPTERS}


def checked(adapter: Adapter, payload: Payload, connection: AdapterConnection = CONNECTION) -> None:
    """Translates; the checks that `translate` makes are the property: a fault of ours would be refused with a reason of `FAULTS`."""
    adapted = translate(adapter, payload, connection)
    assert [one for one in adapted.refused if one.reason in FAULTS] == []


def names_in(value: object) -> set[str]:
    """The names of all fields of a JSON value."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return set(fields).union(*map(names_in, fields.values()))
    return set[str]().union(*map(names_in, cast("list[object]", value))) if isinstance(value, list) else set()


def words_of(system: str) -> list[str]:
    """The names and codes that the system's payloads are made of, so that arbitrary values get past the first look."""
    found: set[str] = {code for table in ADAPTERS[system].tables for code, _ in table.rows}
    for seed in SEEDS[system]:
        try:
            found |= names_in(orjson.loads(seed.body))
        except orjson.JSONDecodeError:
            found |= set(re.findall(r"<([A-Za-z][\w.-]*)", seed.body.decode("utf-8", "replace")))
    return sorted(found)


def as_xml(value: object, name: str = "a") -> str:
    """A value as XML of some shape."""
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return f"<{name}>{''.join(as_xml(below, key or 'b') for key, below in fields.items())}</{name}>"
    if isinstance(value, list):
        return "".join(as_xml(below, name) for below in cast("list[object]", value))
    return f"<{name}>{escape(str(value))}</{name}>"


@pytest.mark.parametrize("system", ADAPTERS)
def test_arbitrary_bytes_never_raise_and_never_make_an_invalid_event(system: str) -> None:
    """Bytes of any sort, and JSON, XML and lines of any shape made of the system's own names and codes."""
    words = st.sampled_from(words_of(system)) | st.text(max_size=8)
    scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words
    values = st.recursive(scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(words, below, max_size=6), max_leaves=20)
    lines = st.lists(st.lists(words, max_size=8).map("*".join), max_size=12).map("~".join)
    bodies = (
        st.binary(max_size=400)
        | values.map(lambda value: json.dumps(value).encode())
        | values.map(lambda value: as_xml(value).encode("utf-8", "replace"))
        | lines.map(lambda text: text.encode("utf-8", "replace"))
    )

    @FUZZ
    @given(body=bodies)
    def run(body: bytes) -> None:
        checked(ADAPTERS[system], Payload(body))

    run()


@pytest.mark.parametrize("system", ADAPTERS)
def test_mutated_real_payloads_never_raise_and_never_make_an_invalid_event(system: str) -> None:
    """Real payloads with values exchanged, cut, doubled, retyped, dropped and overlong: what a changed or broken sender would send."""
    lots = random.Random(f"orderwatch {system}")
    for _ in range(COUNT):
        seed = lots.choice(SEEDS[system])
        checked(ADAPTERS[system], Payload(mutated(seed.body, lots), seed.headers, seed.received))


@pytest.mark.parametrize("system", ADAPTERS)
def test_the_same_payload_says_the_same_in_every_run(system: str) -> None:
    """Adapters are pure: nothing but the payload and the connection decides."""
    for seed in SEEDS[system]:
        once, twice = (translate(ADAPTERS[system], seed, CONNECTION) for _ in range(2))
        assert once == twice
        assert len({(event["source"], event["id"]) for event in once.events}) == len(once.events)
