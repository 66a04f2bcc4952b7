"""When which order is to be checked: in order, at any distance, each at its last instant only."""

from __future__ import annotations

from random import Random

from dataflows.core.engine.timers import TimerQueue
from schemas.instants import DAY, FAR, HOUR


def test_instants_come_up_in_order_each_key_at_its_own() -> None:
    """Whatever was planned before, near or far, earlier or later, a key comes up at the instant that holds, and instants never go back."""
    for seed in range(50):
        random = Random(seed)
        due: dict[str, int] = {}
        timers = TimerQueue(due.get)
        now = random.choice((-3 * HOUR, 0, 1_776_672_000_000_000))
        for _ in range(300):
            if random.random() < 0.6:
                key = str(random.randrange(20))
                at = now + random.choice((1, 1_000, HOUR // 2, HOUR, 5 * HOUR, DAY, 29 * DAY)) * random.randrange(1, 4)
                before = due.get(key, FAR)
                due[key] = at
                if at < before:  # Else there is a timer already.
                    timers.push(at, key)
            elif random.random() < 0.2:
                due.pop(str(random.randrange(20)), None)
            elif due:
                first = min(due.values())
                while timers.next < first:
                    assert timers.due(timers.next) == set()
                assert timers.next == first >= now
                now = first
                expected = {key for key, at in due.items() if at == now}
                assert timers.due(now) == expected
                for key in expected:
                    del due[key]
        while timers.next < FAR:
            at = timers.next
            for key in timers.due(at):
                assert due.pop(key) == at == min((at, *due.values()))
        assert due == {}


def test_a_timer_that_moves_to_a_later_instant_need_not_be_told() -> None:
    """It is put where it belongs when it would have come up."""
    due = {"A": 5}
    timers = TimerQueue(due.get)
    timers.push(5, "A")
    due["A"] = 3 * DAY + 7
    assert timers.next == 5
    assert timers.due(5) == set()
    assert timers.next == 3 * DAY + 7
    assert timers.due(3 * DAY + 7) == {"A"}
    assert timers.next == FAR
