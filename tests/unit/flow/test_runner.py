"""Running a graph: clean stops, plain errors."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import bytewax.operators as op  # pyright: ignore[reportMissingTypeStubs]
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from dataflows.cli.replay import replay_into
from dataflows.core.rules.load import load_policy
from dataflows.runtime.runner import run
from dataflows.runtime.stop import Stop
from sources.files import FileSource
from tests.support.logs import DAY, T0, line
from tests.support.replays import write, written

if TYPE_CHECKING:
    from pathlib import Path


def test_what_user_code_raises_comes_out_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    """Not wrapped by the engine, and without its stack on the terminal."""

    def burst(number: int) -> int:
        try:
            return [0][number]
        except IndexError as error:
            raise ValueError("too far") from error

    flow = Dataflow("burst")
    op.output("out", op.map("map", op.input("in", flow, TestingSource([0, 1])), burst), TestingSink(list[int]()))
    with pytest.raises(ValueError, match="too far") as caught:
        run(flow)
    assert isinstance(caught.value.__cause__, IndexError)
    assert capfd.readouterr().err == ""


def test_a_signal_asks_to_stop() -> None:
    """The first SIGINT or SIGTERM is a request; afterwards signals do what they did before."""
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_stopped_replay_does_not_let_time_pass(tmp_path: Path) -> None:
    """A stop is no end of input: no deadline fires because of it."""
    placed: dict[str, object] = {"total": {"amount": "1.00", "currency": "EUR"}}
    path = write(tmp_path / "e.jsonl", [line("o", T0, "order.placed", data=placed)])
    stop = Stop()
    stop.asked = True
    source = FileSource([str(path)], until=T0 + 30 * DAY)
    replay_into(tmp_path / "out", source, load_policy(None), stop=stop)
    source.close()
    assert set(written(tmp_path / "out").values()) == {b""}
