"""When which order is to be looked at: in order, at any distance, each at its last instant only."""

from __future__ import annotations

from random import Random

from dataflows.core.engine.timers import FAR, SPAN, TimerQueue


def test_instants_come_up_in_order_each_key_at_its_own() -> None:
    """Whatever was planned before, near or far, a key comes up at the instant that holds, and instants never go back."""
    for seed in range(50):
        lots = Random(seed)
        due: dict[str, int] = {}
        wakes = TimerQueue(due.get)
        now = lots.choice((-3 * SPAN, 0, 1_776_672_000_000_000))
        for _ in range(300):
            if lots.random() < 0.6:
                key = str(lots.randrange(20))
                at = now + lots.choice((1, 1_000, SPAN // 2, SPAN, 5 * SPAN, 700 * SPAN)) * lots.randrange(1, 4)
                due[key] = at
                wakes.push(at, key)
            elif lots.random() < 0.2:
                due.pop(str(lots.randrange(20)), None)
            else:
                while due and wakes.next <= min(due.values()):
                    at, key = wakes.next, wakes.pop()
                    assert at >= now
                    if due.get(key) == at:
                        assert at == min(due.values())
                        now = at
                        del due[key]
                        break
        seen: list[tuple[int, str]] = []
        while wakes.next < FAR:
            at, key = wakes.next, wakes.pop()
            if due.get(key) == at:
                seen.append((at, key))
                del due[key]
        assert due == {}
        assert seen == sorted(seen)
