"""Scales and axes: round numbers, few of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

STEPS: Final = (1, 2, 5, 10)


def ticks(most: float, wanted: int = 4) -> list[int]:
    """Round whole numbers from 0 to at least `most`, about so many of them."""
    if most <= 0:
        return [0, 1]
    rough = most / wanted
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1
    step = max(1, int(next(one for one in STEPS if one * power >= rough) * power))
    return list(range(0, math.ceil(most / step) * step + 1, step))


def scale(most: float, length: float) -> Callable[[float], float]:
    """From a number to its length in the picture, where `most` is as long as all of it."""
    return (lambda _: 0.0) if most <= 0 else (lambda value: value / most * length)
