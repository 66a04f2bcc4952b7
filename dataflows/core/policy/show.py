"""Writes a policy out in full, as a YAML file to start from."""

from __future__ import annotations

import re
from typing import Final

from dataflows.core.policy.effective import effective, setting_of
from dataflows.core.policy.effective_handling import Plain
from dataflows.core.policy.policy import Policy

_BARE: Final = re.compile(r"[A-Za-z/][\w./+ -]*[\w./+-]|[A-Za-z]|-?\d+ [a-z]+|0|[1-9]\d*")
_ABOUT: Final = {
    "name": "what this policy is called; no part of its version",
    "zone": "the zone of tenants without one of their own",
    "emits": "the milestones that the feeds report; a rule that waits for any other stays silent",
    "tolerance": "by currency ('*': all others): up to how much two amounts are the same; 0.02 where nothing is said",
    "zones": "zones of regions, where the zone of most people there is wrong",
    "calendars": "working hours, public holidays, closed and open dates, cut-off",
    "sites": "where goods leave: country, zone, calendar",
    "carriers": "calendars of carriers; without one the destination's counts",
    "countries": "zones and calendars of destinations",
    "tenants": "zones and calendars of tenants",
    "retention": "how long things are kept, in elapsed time, and how many events an order may have",
    "backfill": "when an order is history that is told, how long until it is judged, and from what age on an exception is not said",
    "pace": "when a source that nobody declared is silent against its own pace, and how long deadlines wait for it then",
    "watch_from": "orders placed earlier are history only",
    "actions": "who must agree to an action, how many there may be, and when customers are told nothing",
    "guardrails": "what about an order stops automation: predicates, as in rules of your own; `off` takes a built-in one away",
    "messages": "by which channels customers are told something, how often at most, in which language, and what others call their topics",
    "priority": "the most points that each term of a score gives: together 1000 at most",
    "feeds": "monitored feeds by prefix of source: a deadline waits until they have spoken past it; silence makes them stale",
    "teams": "when teams work: their clocks and their duty; one that is not named here is there at any time",
    "ladders": "how an overdue case escalates; rules use the one called default unless they name another",
    "identifiers": "the form that identifiers are compared in; it belongs to the state",
    "custom_rules": "rules of your own: each is watched as the kind custom.NAME",
    "overrides": "settings for some orders; the entry that names more dimensions wins",
}


def render(policy: Policy) -> str:
    """The complete effective policy as commented YAML; reading it back gives a policy of the same version."""
    lines = [f"# Orderwatch policy, version {policy.version}", ""]
    data = effective(policy)
    for key, value in data.items():
        if key != "rules":
            lines += [f"# {_ABOUT[key]}", *_entry(key, value, ""), ""]
            continue
        lines += ["# spans: s, m, h, d, w (elapsed), bd, bh (business days and hours)", "rules:"]
        for rule, setting in zip(policy.rules, policy.base, strict=True):
            about = (rule.definition, f"ends with: {rule.clears}", f"default from: {rule.source}")
            lines += [f"  # {' '.join(text.split())}" for text in about]
            lines += [*_entry(rule.kind, setting_of(rule, setting), "  "), ""]
    return "\n".join(lines).rstrip() + "\n"


def _entry(key: str, value: Plain, indent: str) -> list[str]:
    """`key: value` in block style; lists of scalars and mappings inside lists stand on one line."""
    if isinstance(value, dict) and value:
        return [f"{indent}{_scalar(key)}:", *(line for k, v in value.items() for line in _entry(k, v, indent + "  "))]
    if isinstance(value, list) and key == "overrides":
        return [f"{indent}{key}:", *(f"{indent}  - {_flow(item)}" for item in value)]
    return [f"{indent}{_scalar(key)}: {_flow(value)}"]


def _flow(value: Plain) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_flow(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_scalar(k)}: {_flow(v)}' for k, v in value.items())}}}"
    return _scalar(value)


def _scalar(text: str) -> str:
    if _BARE.fullmatch(text) and text != "null":
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
