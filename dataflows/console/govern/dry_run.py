"""What a dry run says: what would stand otherwise now, of the exceptions that are open under one of two policies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final, cast

import msgspec
import orjson

from dataflows.detect.backtest.pairs import Pair, pairs
from dataflows.detect.backtest.report import Example, example
from dataflows.detect.backtest.seen import Seen, SeenException

RAISED, RESOLVED, CHANGED = "raised", "resolved", "changed"
EXAMPLES: Final = 5
"""Examples of each kind and change."""
OPEN: Final = "open"
ASKED: Final = {"action.requested": 0, "action.proposed": 1}


class StandingRow(msgspec.Struct, frozen=True):
    """A kind: how many exceptions would be raised, resolved, or stand otherwise; and how many stand as they do."""

    kind: str
    raised: int
    resolved: int
    changed: int
    same: int


class AskedRow(msgspec.Struct, frozen=True):
    """An action: how often it would be requested, and how often proposed, for exceptions that stand."""

    action: str
    requested: int
    proposed: int


class StandingReport(msgspec.Struct, frozen=True):
    """What would be otherwise now. `changes` of examples: `raised`, `resolved` or `changed`."""

    kinds: tuple[StandingRow, ...]
    actions: tuple[AskedRow, ...]
    examples: tuple[Example, ...]


def standing_report(old: Seen, new: Seen, lines: Path) -> StandingReport:
    """Counts it. `lines`: what only the new policy said, as the back-test has written it."""
    counts: dict[str, Counter[str]] = {}
    examples: dict[tuple[str, str], list[Example]] = {}
    for pair in pairs(old, new):
        change = _change(pair)
        if change is None:
            continue
        kind = pair.one.subject.kind
        counts.setdefault(kind, Counter())[change or "same"] += 1
        shown = examples.setdefault((kind, change), [])
        if change and len(shown) < EXAMPLES:
            shown.append(example(pair, change))
    rows = tuple(StandingRow(kind, one[RAISED], one[RESOLVED], one[CHANGED], one["same"]) for kind, one in sorted(counts.items()))
    stand = {one.id for one in new.exceptions.values() if one.mode == "on" and one.status == OPEN}
    return StandingReport(rows, _asked(lines, stand), tuple(one for _, some in sorted(examples.items()) for one in some))


def _change(pair: Pair) -> str | None:
    """What would be otherwise; "" if nothing would, None if neither stands."""
    before, after = _stands(pair.old), _stands(pair.new)
    if not before and not after:
        return None
    if before and after:
        return CHANGED if pair.changes else ""
    return RAISED if after else RESOLVED


def _stands(one: SeenException | None) -> bool:
    return one is not None and one.status == OPEN


def _asked(lines: Path, stand: set[str]) -> tuple[AskedRow, ...]:
    """What is asked for of the exceptions that stand: of each action what was said of it last."""
    last: dict[str, tuple[str, str]] = {}
    with lines.open("rb") as file:
        for line in file:
            event = cast("dict[str, object]", orjson.loads(line))
            type_ = str(event.get("type", ""))
            if not type_.startswith("action."):
                continue
            data = cast("dict[str, object]", event["data"])
            if str(data.get("exception_id")) in stand:
                last[str(data["action_id"])] = (str(data["action"]), type_)
    found: dict[str, list[int]] = {}
    for action, type_ in last.values():
        if type_ in ASKED:
            found.setdefault(action, [0, 0])[ASKED[type_]] += 1
    return tuple(AskedRow(action, *both) for action, both in sorted(found.items()))
