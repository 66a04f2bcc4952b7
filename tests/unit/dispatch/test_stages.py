"""The stages that need nobody else: wanted, paused, routed, healthy, and the schedule."""

from __future__ import annotations

import random

import pytest

from dataflows.dispatch.healthy import EndpointHealth
from dataflows.dispatch.model import SECOND, OwnAttempt, PendingAction
from dataflows.dispatch.paused import pausing
from dataflows.dispatch.routing import NOBODY, route_of
from dataflows.dispatch.schedule import Schedule
from dataflows.dispatch.wanted import NEVER, due_at, is_late
from dataflows.settings.dispatch import STANDARD_WEBHOOKS, DispatchSettings, EndpointTerms, RouteSettings

NOW = 1_800_000_000 * SECOND


def action(**more: object) -> PendingAction:
    """One that has been requested."""
    made = PendingAction("a1", "acme", "SO-1", "create_task", 0, state="requested", requested_at=NOW, kind="shipment.stuck", owner="CARR")
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_only_what_was_requested_or_may_be_tried_again_is_due() -> None:
    """Nothing else is ever begun."""
    assert due_at(action(), {}) == NOW
    for state in ("proposed", "blocked", "begun", "in_doubt", "executed", "withdrawn", "rejected", "expired"):
        assert due_at(action(state=state), {}) == NEVER
    assert due_at(action(state="failed", attempt=1, retry_at=NOW + 5), {1: ("us", NOW)}) == NOW + 5
    assert due_at(action(state="failed", attempt=1), {}) == NEVER


def test_an_attempt_that_anybody_has_begun_is_not_begun_again() -> None:
    """Whether the log says it by a decision of another dispatcher, or we have said an outcome that it has not taken in yet."""
    assert due_at(action(), {1: ("somebody", NOW)}) == NEVER
    assert due_at(action(failed=1), {}) == NEVER
    assert due_at(action(own=OwnAttempt(1, "hook", "beginning", NOW)), {}) == NEVER
    assert due_at(action(own=OwnAttempt(1, "hook", "calling", NOW)), {}) == NEVER  # It is being called.
    assert due_at(action(own=OwnAttempt(1, "hook", "calling", NOW, doubtful=True, next_at=NOW + 9)), {}) == NOW + 9


def test_what_expires_is_late_from_that_instant_on() -> None:
    """Without an end it never is."""
    assert not is_late(action(), NOW)
    assert is_late(action(expires_at=NOW), NOW)
    assert not is_late(action(expires_at=NOW + 1), NOW)


@pytest.mark.parametrize("scope", ["all", "action:create_task", "rule:shipment.stuck", "tenant:acme"])
def test_a_pause_holds_what_it_covers(scope: str) -> None:
    """And nothing else."""
    assert pausing(frozenset((scope, "tenant:other")), action()) == scope
    assert pausing(frozenset(("action:escalate", "rule:shipment.lost", "tenant:other")), action()) is None


def test_the_first_route_that_matches_is_taken() -> None:
    """What is not named matches everything; patterns match whole names."""
    routes = (
        RouteSettings(endpoint="none", actions=("reconcile",)),
        RouteSettings(endpoint="mail", channels=("email",)),
        RouteSettings(endpoint="crm", kinds=("shipment.*",), tenants=("ac*",), owners=("CARR",)),
        RouteSettings(endpoint="rest", steps=("hold_release",)),
    )
    assert route_of(routes, action()) == "crm"
    assert route_of(routes, action(channel="email")) == "mail"
    assert route_of(routes, action(action="reconcile")) == NOBODY
    assert route_of(routes, action(tenant="other")) is None
    assert route_of(routes, action(owner="FIN", step="hold_release")) == "rest"


def test_tries_follow_standard_webhooks() -> None:
    """At once, 5 s, 5 min and so on; after the tenth there is none."""
    schedule = Schedule(DispatchSettings(jitter=0.0))
    assert [schedule.next_at(tries, NOW) - NOW for tries in range(1, 10)] == [int(each * SECOND) for each in STANDARD_WEBHOOKS[1:]]
    assert schedule.next_at(10, NOW) == 0


def test_retry_after_is_kept_within_bounds_and_the_end_is_the_end() -> None:
    """It lengthens a delay and never shortens it."""
    schedule = Schedule(DispatchSettings(jitter=0.0, retry_after_most_seconds=100.0))
    assert schedule.next_at(1, NOW, 60.0) == NOW + 60 * SECOND
    assert schedule.next_at(1, NOW, 1.0) == NOW + 5 * SECOND
    assert schedule.next_at(1, NOW, 1e9) == NOW + 100 * SECOND
    assert schedule.next_at(1, NOW, until=NOW + 5 * SECOND) == 0


def test_jitter_lengthens_by_a_part_of_the_delay() -> None:
    """What failed together comes back apart."""
    schedule = Schedule(DispatchSettings(jitter=0.5), random.Random(1))
    found = {schedule.next_at(2, NOW) - NOW for _ in range(100)}
    assert len(found) > 90
    assert all(300 * SECOND <= each <= 450 * SECOND for each in found)


def health(**terms: object) -> EndpointHealth:
    """An endpoint that is well."""
    given = EndpointTerms.model_validate({"kind": "webhook", "concurrency": 8, **terms})
    made = EndpointHealth("hook", given, given.concurrency)
    made.tokens, made.tokens_at = made.burst, NOW
    return made


def test_a_breaker_opens_tries_one_call_and_closes() -> None:
    """Each time that the try fails too, it is left alone twice as long."""
    end = health(breaker_failures=3, breaker_seconds=10)
    assert [end.failed(NOW) for _ in range(3)] == [False, False, True]
    assert end.ready_at(NOW) == (NOW + 10 * SECOND, "breaker")
    assert not end.failed(NOW)  # Calls that were under way: it is open already.
    later = NOW + 10 * SECOND
    assert end.ready_at(later) == (later, "")
    assert end.concurrency == 1
    assert end.failed(later)
    assert end.ready_at(later) == (later + 20 * SECOND, "breaker")
    end.succeeded()
    assert (end.ready_at(later), end.concurrency) == ((later, ""), 8)


def test_a_throttled_endpoint_is_left_alone_and_gets_fewer_calls() -> None:
    """Each success gives one back."""
    end = health(throttle_seconds=2)
    end.throttled(NOW, 30.0)
    assert end.ready_at(NOW) == (NOW + 30 * SECOND, "throttled")
    end.throttled(NOW, None)
    assert (end.throttled_until, end.concurrency) == (NOW + 30 * SECOND, 2)
    end.succeeded()
    assert end.concurrency == 3


def test_a_rate_holds_in_the_long_run() -> None:
    """A burst at once, then one after the other."""
    end = health(rate=2, burst=3)
    for _ in range(3):
        assert end.ready_at(NOW) == (NOW, "")
        end.take(NOW)
    at, why = end.ready_at(NOW)
    assert (at, why) == (NOW + SECOND // 2, "rate")
    assert end.ready_at(at)[0] == at


def test_a_disabled_endpoint_is_never_ready() -> None:
    """Only a person ends that."""
    end = health()
    end.disabled = "http_410"
    assert end.ready_at(NOW) == (NEVER, "disabled")
