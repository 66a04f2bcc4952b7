"""The compact mapping of digests beside a dict, and the table of aliases beside the one that it replaced."""

from __future__ import annotations

from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.identity.digests import DIGEST, DigestMap, digest_of
from dataflows.core.identity.recent import AliasTable, NameTable, Recent, name_of, order_key
from schemas.envelope import DEFAULT_TENANT
from tests.property.histories import examples

# Few bytes, so that a digest is also found across the borders of entries, where there is none.
DIGESTS = st.lists(st.sampled_from((0, 1)), min_size=DIGEST, max_size=DIGEST).map(bytes)
OPERATIONS = st.lists(st.tuples(st.sampled_from(("set", "get", "pop", "in")), DIGESTS), max_size=400)


@examples(200)
@given(OPERATIONS)
def test_it_holds_what_a_dict_holds(operations: list[tuple[str, bytes]]) -> None:
    """Whatever is set, read and taken out, in whatever order."""
    mapping, model = DigestMap[int](), dict[bytes, int]()
    for number, (what, digest) in enumerate(operations):
        if what == "set":
            mapping[digest] = model[digest] = number
        elif what == "pop":
            assert mapping.pop(digest) == model.pop(digest, None)
        elif what == "in":
            assert (digest in mapping) == (digest in model)
        assert mapping.get(digest) == model.get(digest)
        assert len(mapping) == len(model)
    assert dict(mapping.items()) == model


def test_many_entries_are_all_found() -> None:
    """Buckets are split many times over."""
    mapping = DigestMap[int]()
    for number in range(50_000):
        mapping[digest_of(f"t{number}")] = number
    assert [mapping.get(digest_of(f"t{number}")) for number in range(0, 50_000, 7)] == list(range(0, 50_000, 7))
    assert mapping.get(digest_of("other")) is None
    assert dict(mapping.items()) == {digest_of(f"t{number}"): number for number in range(50_000)}


STEPS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12), st.booleans()), max_size=60)


@examples(200)
@given(STEPS, st.integers(0, 60), st.booleans())
def test_a_table_of_aliases_forgets_and_is_restored_as_before(steps: list[tuple[str, int, bool]], restart: int, former: bool) -> None:
    """Also from the rows that the last release wrote, whose keys are the aliases: those are taken out, and all is written by digests."""
    table, model = AliasTable[int](10), Recent[str, int](10)
    rows: dict[str | bytes, tuple[int, int]] = {}
    now = 0
    for number, (alias, passed, write) in enumerate(steps):
        now += passed
        for each in (table, model):
            each.advance(now)
        if number == restart:
            kept = model.entries() if former else table.entries()
            rows = {key: (used, value) for key, used, value in kept if value is not None}
            last, table = table.last, AliasTable[int](10)
            table.take_over(last, [(key, used, value) for key, (used, value) in rows.items()])
        if write:
            table.learn(alias, number)
            model.set(alias, number)
        assert table.known(alias) == model.get(alias)
        if number >= restart:
            for gone in table.rewritten():
                del rows[cast("str", gone)]
            for key, used, value in table.changes():
                rows.pop(key, None)
                if value is not None:
                    rows[key] = (used, value)
            assert all(isinstance(key, bytes) for key in rows)
            known = {digest_of(key): value for key, _, value in model.entries()}
            assert {key: value for key, (_, value) in rows.items() if key in known} == known


NAMES = [(tenant, order) for tenant in (DEFAULT_TENANT, "t") for order in "abc"]
USES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(0, 12), st.sampled_from(("known", "set", "learn", "unlearn")), st.booleans()), max_size=60
)


@examples(200)
@given(USES)
def test_a_table_of_names_goes_on_where_it_stopped(uses: list[tuple[tuple[str, str], int, str, bool]]) -> None:
    """Wherever it is restored from what it said of its changes: a use counts, and what was taken out does not come back."""
    table, model = NameTable[int](10), Recent[str, int](10)
    rows: dict[bytes, tuple[int, int]] = {}
    now = 0
    for number, (order, passed, what, restart) in enumerate(uses):
        now += passed
        for each in (table, model):
            each.advance(now)
        key, digest, gone = order_key(*order), digest_of(name_of(*order)), False
        if what in ("known", "learn"):
            assert table.known(key) == model.get(key)
        if what in ("set", "learn"):
            table.set(key, number)
            model.set(key, number)
        elif what == "unlearn":
            table.unlearn(key)
            gone = model.pop(key) is not None
        for name, used, value in table.changed_entries():
            rows.pop(name, None)
            if value is not None:
                rows[name] = (used, value)
        assert digest in rows or what not in ("set", "learn")
        assert digest not in rows or not gone
        digests = {order_key(*each): digest_of(name_of(*each)) for each in NAMES}
        known = {digests[entry.key]: (entry.used, entry.value) for entry in model.entries()}
        assert {name: value for name, _, value in table.all_entries()} == {name: value for name, (_, value) in known.items()}
        assert {name: row for name, row in rows.items() if name in known} == known
        if restart:
            last, table = table.last, NameTable[int](10)
            table.take_over(last, [(name, used, value) for name, (used, value) in rows.items()])
