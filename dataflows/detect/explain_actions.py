"""Tells what became of the actions of one exception: who asked, what held them back, who agreed, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import orjson

Data = Mapping[str, object]
STATES: Mapping[str, str] = {
    "proposed": "proposed",
    "requested": "requested: it may be carried out",
    "begun": "begun",
    "executed": "executed",
    "failed": "failed",
    "in_doubt": "in doubt: what the call did is not known until somebody looks",
    "rejected": "rejected",
    "expired": "expired: nobody agreed in time",
    "withdrawn": "withdrawn: its reason has gone",
    "blocked": "blocked: another action of the same target comes first",
}


class SaidAction(NamedTuple):
    """An event of an action: when it was said, and its data."""

    time: str
    data: Data


def actions_of(exceptions: Path, exception: str) -> list[list[SaidAction]]:
    """The actions of an exception, each with its events in order; none where no file of actions stands beside that of the exceptions."""
    path = exceptions.with_name("actions.jsonl")
    found: dict[str, list[SaidAction]] = {}
    if path.is_file():
        mark = exception.encode()
        with path.open("rb") as file:
            for line in file:
                if mark not in line:
                    continue
                event = cast("dict[str, object]", orjson.loads(line))
                data = cast("Data", event.get("data"))
                if data.get("exception_id") == exception and data.get("state"):  # Files of before actions were followed have no state.
                    found.setdefault(str(data["action_id"]), []).append(SaidAction(str(event["time"]), data))
    return list(found.values())


def heading(action: Sequence[SaidAction]) -> str:
    """What the action is, and how it stands."""
    data = action[-1].data
    step = data.get("step")
    name = str(data["action"]).replace("_", " ") + (f" ({str(step).replace('_', ' ')})" if step not in (None, data["action"]) else "")
    target, asked = str(data.get("target") or "order"), str(data.get("initiated_by") or "its rule")
    about = "" if target == "task" else f", about {target if ':' in target else f'the {target}'}"
    by = "its rule" if asked.startswith("rule:") else asked
    return f"{name}{about}, asked for by {by}: {str(data['state']).replace('_', ' ')}"


def life(action: Sequence[SaidAction]) -> Iterator[tuple[str, str]]:
    """Each event of an action: when, and what was otherwise than before it."""
    before: Data = {}
    for time, data in action:
        state = str(data["state"])
        parts = [STATES.get(state, state)] if state != before.get("state") else []
        if state == "begun" and data.get("retry_at"):
            parts = ["what the call did is not known yet"]
        parts += _more(before, data)
        yield time, "; ".join(parts or [f"{state.replace('_', ' ')} as before"])
        before = data


def _more(before: Data, data: Data) -> Iterator[str]:
    state, agreed = data["state"], [str(name) for name in _list(data, "approved_by")]
    earlier = _list(before, "approved_by")
    if new := [name for name in agreed if name not in earlier]:
        yield f"{' and '.join(new)} agreed"
    needed = data.get("approvals_needed")
    if data.get("escalation") and data.get("escalation") != before.get("escalation"):
        yield f"nobody has agreed in time: it has gone to {cast('Data', data['escalation']).get('to')}"
    if state in ("proposed", "blocked") and needed and needed != before.get("approvals_needed"):
        yield f"{needed} {'person has' if needed == 1 else 'persons have'} to agree"
    for name, word in (("held_until", "held until"), ("expires_at", "expires"), ("retry_at", "is tried again")):
        if data.get(name) and data.get(name) != before.get(name):
            yield f"{word} {data[name]}"
    if state in ("begun", "executed", "failed", "in_doubt") and data.get("attempt") and data.get("attempt") != before.get("attempt"):
        yield f"attempt {data['attempt']}"
    if state == "rejected":
        yield str(data.get("reason"))
    known = [str(cast("Data", each).get("name")) for each in _list(before, "guardrails")]
    for each in _list(data, "guardrails"):
        spoken = cast("Data", each)
        if spoken.get("name") not in known:
            yield f"{str(spoken.get('name')).replace('_', ' ')} ({spoken.get('effect')}): {spoken.get('reason')}"
    if data.get("compensates") and not before:
        yield f"it makes good {data['compensates']}"


def _list(data: Data, name: str) -> list[object]:
    found = data.get(name)
    return cast("list[object]", found) if isinstance(found, list) else []
