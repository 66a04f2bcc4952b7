"""Predicates: what a policy writes to say which orders, lines, parcels or events it means, such as `order.total > 500 EUR`.

Reading order: `syntax` (text to tree), `types`, `fields` (what can be asked of an order and its parts), `event_fields` (of one event), then
`compile` (the checked tree as a Python function). A predicate is pure, total and bounded: it never raises, reads no clock, and asks at most
`syntax.LONGEST` characters' worth of questions of each part of an order.
"""

from dataflows.core.predicates.compile import Predicate, compile_predicate
from dataflows.core.predicates.syntax import Mistake
from dataflows.core.predicates.types import Part

__all__ = ["Mistake", "Part", "Predicate", "compile_predicate"]
