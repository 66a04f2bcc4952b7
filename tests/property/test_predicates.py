"""Predicates over random histories: never raise, agree with Kleene's three-valued logic, and mean the same when they are asked again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dataflows.core.history.facts import Facts
from dataflows.core.history.timeline import Timeline
from dataflows.core.predicates import Part, Predicate, compile_predicate
from dataflows.core.predicates.compiler import known_fields
from dataflows.core.predicates.types import ORDERED, Type
from dataflows.core.rules.load import load_policy
from tests.property.histories import History, examples, histories
from tests.support.engine import records_of

POLICY = load_policy(None)
CONSTANTS = {
    Type.TEXT: ("ship", "web", "'DE'", "A"),
    Type.NUMBER: ("0", "1", "2.5"),
    Type.MONEY: ("0 EUR", "100 EUR", "10 USD"),
    Type.INSTANT: ("2026-03-01", "2026-11-02T10:00:00Z"),
    Type.SPAN: ("2 d",),
}


PIECES = "order.total any line ( ) and or not in [ ] == > 5 EUR 2 d 'x has is known".split()


@st.composite
def questions(draw: st.DrawFn, part: Part) -> str:
    """One test of one field, with constants of its type."""
    field = draw(st.sampled_from([one for name, one in sorted(known_fields(part).items()) if name.startswith(f"{part}.")]))
    if draw(st.integers(0, 4)) == 0:
        return f"{field.name} is {draw(st.sampled_from(('known', 'unknown')))}"
    if field.type is Type.FLAG:
        return field.name
    if field.type is Type.TEXTS:
        return f"{field.name} has gift"
    words = field.words or CONSTANTS[field.type]
    operator = draw(st.sampled_from(("==", "!=", "<", ">=") if field.type in ORDERED else ("==", "!=")))
    return f"{field.name} {operator} {draw(st.sampled_from(words))}"


def predicates(part: Part = Part.ORDER) -> st.SearchStrategy[str]:
    """Texts of predicates, with `any`, `all` and `no` over the parts of an order."""
    leaf = questions(part)
    if part is Part.ORDER:
        parts = [each for each in Part if each not in (Part.ORDER, Part.EVENT)]
        for each in parts:
            body = st.lists(questions(each), min_size=1, max_size=2).map(" or ".join)
            leaf |= st.builds(f"{{}} {each} ({{}})".format, st.sampled_from(("any", "all", "no")), body)
    return st.recursive(
        leaf,
        lambda inner: (
            inner.map(lambda text: f"not ({text})")
            | st.tuples(inner, st.sampled_from(("and", "or")), inner).map(lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})")
        ),
        max_leaves=6,
    )


def facts_of(history: History) -> list[Facts]:
    """The facts of each order of a history, as far as its events name it."""
    timelines: dict[str, Timeline] = {}
    for record in records_of(history.lines()):
        timelines.setdefault(record.order, Timeline()).add(record)
    return [Facts(timeline, POLICY, "default", 0) for timeline in timelines.values()]


def compiled(text: str) -> Predicate:
    """The predicate of a generated text, which has no mistakes."""
    found = compile_predicate(text)
    assert isinstance(found, Predicate), (text, found)
    return found


@examples(200)
@given(histories(), predicates(), predicates())
def test_predicates_are_total_and_follow_kleene(history: History, one: str, two: str) -> None:
    """Never both a predicate and its negation; double negation, De Morgan and the junctions hold; asking twice gives the same."""
    for facts in facts_of(history):
        first, second = (compiled(text).holds(facts) for text in (one, two))
        not_first, not_second = (compiled(f"not ({text})").holds(facts) for text in (one, two))
        assert not (first and not_first)
        assert compiled(f"not (not ({one}))").holds(facts) is first
        assert compiled(f"({one}) and ({two})").holds(facts) is (first and second)
        assert compiled(f"({one}) or ({two})").holds(facts) is (first or second)
        assert compiled(f"not (({one}) and ({two}))").holds(facts) is (not_first or not_second)
        assert compiled(f"not (({one}) or ({two}))").holds(facts) is (not_first and not_second)
        assert compiled(one).holds(facts) is first


@examples(400)
@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_is_a_predicate_or_has_mistakes(text: str) -> None:
    """Nothing else comes of it."""
    found = compile_predicate(text)
    assert isinstance(found, Predicate) or (found and all(1 <= mistake.at <= len(text) + 1 for mistake in found))
