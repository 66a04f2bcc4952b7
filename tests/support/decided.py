"""What people and a dispatch decide about a world's actions, known before it is live: an action has the same ID and hash in every run."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import orjson

from dataflows.core.rules.load import load_policy
from tests.support.engine import records_of, run
from tests.support.hurried import SECOND, Told
from tests.support.logs import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def decided(world: Sequence[Told], policy: Path, until: int, seed: int = 1) -> list[Told]:
    """Decisions about what is said of a world when nobody decides anything, each a little after what it is about."""
    lots, found = Random(seed), list[tuple[int, dict[str, object]]]()
    outs = run(records_of([orjson.loads(told.line) for told in world]), load_policy(policy), until)
    for out in outs:
        if out.type not in {"action.proposed", "action.requested"}:
            continue
        data, at = orjson.loads(out.body)["data"], out.log
        head = {"subject": out.order, "tenant": orjson.loads(out.body)["tenant"]}
        about: dict[str, object] = {"action_id": data["action_id"]}
        if out.type == "action.proposed":
            at += SECOND // 2
            agreed = {"by": "user:anna", "by_roles": ["approver"], "payload_hash": data["payload_hash"]}
            found.append((at, {**head, "type": "action.approved", "data": {**about, **agreed}}))
        for type_ in ("action.begun", lots.choice(("action.executed", "action.failed", "action.in_doubt"))):
            at += SECOND // 4
            found.append((at, {**head, "type": type_, "data": {**about, "attempt": 1}}))
    middle = sorted(at for at, _ in found)[len(found) // 2]
    for type_, at in (("automation.paused", middle), ("automation.resumed", middle + SECOND)):
        found.append((at, {"subject": "automation", "type": type_, "data": {"scope": "all", "by": "user:anna"}}))
    made: list[Told] = []
    for number, (at, event) in enumerate(sorted(found, key=lambda each: each[0])):
        line = {"specversion": "1.0", "id": f"d{number}", "source": "/desk", "time": iso(at), **event}
        made.append(Told(at, str(event["subject"]).encode(), orjson.dumps(line)))
    return [told for told in made if told.log < until - SECOND]
