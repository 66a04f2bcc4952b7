"""What stands against an action that no predicate can ask for: the order's other exceptions, how its history came in, silent feeds."""

from __future__ import annotations

from collections.abc import Iterable

from dataflows.core.engine.exceptions import ExceptionState
from dataflows.core.engine.feeds import Feeds
from dataflows.core.engine.order import Order
from dataflows.core.history.facts import Facts
from dataflows.core.policy import RuleSetting
from dataflows.core.rules.guarding import Objection
from schemas.instants import iso


def standing_against(order: Order, state: ExceptionState) -> list[Objection]:
    """The guardrails of the order's exceptions, for the action of one of them. They stand in every policy."""
    found: list[Objection] = []
    blocking = sorted({each.kind for each in order.exceptions.states.values() if each.lane == "block" and each.status == "open"})
    conflicts = [kind for kind in blocking if kind.startswith("conflict.")]
    others = [kind for kind in blocking if not kind.startswith("conflict.")]
    if conflicts:
        found.append(Objection("conflicting_sources", "block", f"sources contradict each other: {', '.join(conflicts)}"))
    if others:
        found.append(Objection("blocking_exception", "block", f"open and blocking: {', '.join(others)}"))
    if state.backfilled:
        found.append(Objection("backfilled", "review", "it began in history that was told afterwards"))
    return found


def rests_on(feeds: Feeds, state: ExceptionState, setting: RuleSetting | None, facts: Facts) -> set[str]:
    """The declared feeds on which an exception rests: those that said its evidence, and those that its rule waits for."""
    named = {feed for each in state.evidence if (feed := feeds.named(each.source)) is not None}
    if setting is not None and setting.feeds and facts.placed is not None:
        named.update(feeds.of(setting.feeds, facts))
    return named


def stale_feeds(feeds: Feeds, state: ExceptionState, setting: RuleSetting | None, awaits: Iterable[str], facts: Facts) -> list[Objection]:
    """That a feed is silent on which the exception rests, or a source that no feed names. `awaits`: the milestones its rule waits for."""
    declared = {name: since for name in rests_on(feeds, state, setting, facts) if (since := feeds.silent(name)) is not None}
    domains = setting.feeds if setting is not None and facts.placed is not None and not feeds.of(setting.feeds, facts) else ()
    silent = sorted({**declared, **feeds.silences.under(facts, state, awaits, domains)}.items())
    if not silent:
        return []
    return [Objection("stale_feed", "review", "; ".join(f"{name} has been silent since {iso(since)}" for name, since in silent))]


def suggestions_of(state: ExceptionState) -> list[Objection]:
    """What was suggested of an exception, as a guardrail: a person must look before anything is done by itself."""
    if not state.suggestions:
        return []
    said: list[str] = []
    for each in state.suggestions.kept:
        sure = "" if each.confidence is None else f", confidence {each.confidence:g}"
        said.append(f"{each.model} suggests {each.kind} {each.value}{sure}")
    return [Objection("suggested", "review", "; ".join(said))]
