"""What is decided about a world, known before it is live: exceptions and actions have the same IDs and hashes in every run."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import orjson
import yaml

from dataflows.core.rules.load import load_policy, policy_of_text
from schemas.problems import Problem
from tests.support.engine import records_of, run
from tests.support.hurried import SECOND, Told
from tests.support.logs import iso

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


CASES = 0.4
"""Of how many exceptions somebody decides something."""
VERBS = ("case.acknowledged", "case.assigned", "case.resolved", "case.reopened")


def activations(policy: Path, said: Sequence[int]) -> list[tuple[int, dict[str, object]]]:
    """Two policies that differ from the first one, and one by somebody who may not; at the quarters of what is said."""
    found: list[tuple[int, dict[str, object]]] = []
    for number, roles in enumerate((["policy_author"], ["approver"], ["admin"]), 1):
        text = changed(policy, number)
        new = policy_of_text(text)
        assert not isinstance(new, Problem), new
        data = {"version": new.version, "text": text, "by": "user:cara", "by_roles": roles}
        found.append((said[len(said) * number // 4], {"type": "policy.activated", "data": data}))
    return found


def changed(policy: Path, number: int) -> str:
    """The policy with an owner, a rule, and a budget otherwise."""
    form = yaml.safe_load(policy.read_text(encoding="utf-8"))
    form["rules"]["payment.auth_expiring"]["owner"] = f"DESK-{number}"
    form["rules"]["fulfilment.ship_overdue"]["switch"] = "off" if number == 1 else "on"
    form.setdefault("actions", {})["budgets"] = [{"most": 3 * number}]
    return str(yaml.safe_dump(form))


def decided(world: Sequence[Told], policy: Path, until: int, seed: int = 1) -> list[Told]:
    """Decisions about what is said of a world when nobody decides anything, each a little after it; and activated policies."""
    lots, found = Random(seed), list[tuple[int, dict[str, object]]]()
    outs = run(records_of([orjson.loads(told.line) for told in world]), load_policy(policy), until)
    for out in outs:
        if out.type == "exception.raised" and lots.random() < CASES:
            head = {"subject": out.order, "tenant": orjson.loads(out.body)["tenant"]}
            case = {"exception_id": out.data["exception_id"], "by": "user:ben"}
            found.append((out.log + SECOND // 3, {**head, "type": lots.choice(VERBS), "data": case}))
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
    found += activations(policy, sorted(out.log for out in outs if out.topic == "exceptions"))
    made: list[Told] = []
    for number, (at, event) in enumerate(sorted(found, key=lambda each: each[0])):
        line = {"specversion": "1.0", "id": f"d{number}", "source": "/desk", "time": iso(at), **event}
        made.append(Told(at, str(event.get("subject", "policy")).encode(), orjson.dumps(line)))
    return [told for told in made if told.log < until - SECOND]
