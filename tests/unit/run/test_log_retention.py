"""What of the logs of an embedded installation goes, and when: never what a crash of the engine would have to read again."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from dataflows.embedded import retention
from dataflows.embedded.plan import SystemPlan
from dataflows.embedded.retention import LogRetention
from dataflows.settings import Settings
from schemas.embedded import input_folder
from schemas.segments import segments_of
from schemas.topics import EMBEDDED_DECISIONS, EMBEDDED_EVENTS
from sinks.embedded.input import InputLog, LogEvent

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EPOCH_S = 100.0


class EngineSeen:
    """What is known of the engine: its process, and how far it lags behind."""

    pid: int | None = 1
    now = 0.0
    answers = True

    def standing(self) -> dict[str, tuple[int | None, int]]:
        """As the supervisor says it."""
        return {"run": (self.pid, 1)}

    def metrics(self, url: str, timeout: float) -> BytesIO:
        """As the engine answers."""
        del url, timeout
        if not self.answers:
            raise OSError
        return BytesIO(
            "".join(f'orderwatch_lag_records{{partition="{log}"}} 0\n' for log in (EMBEDDED_EVENTS, EMBEDDED_DECISIONS)).encode()
        )


def test_input_goes_once_the_engine_cannot_need_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs after it was read, of the same process; not while the engine says nothing, and the segment that is written never."""
    log = InputLog(input_folder(tmp_path), fsync=False, segment_bytes=1_000)
    engine = EngineSeen()
    monkeypatch.setattr(retention, "probe", engine.metrics)
    given = Settings.model_validate(
        {"embedded": {"dir": str(tmp_path)}, "state": {"dir": str(tmp_path / "state"), "epoch_seconds": EPOCH_S}}
    )
    # Less than can be set: the log of a test is small.
    settings = given.model_copy(update={"embedded": given.embedded.model_copy(update={"keep_bytes": 1})})
    purged = LogRetention(SystemPlan(tmp_path, tmp_path / "settings.yaml", settings), engine.standing, lambda: engine.now)

    def appended() -> int:
        log.submit(EMBEDDED_EVENTS, [LogEvent(b'{"n":1}') for _ in range(100)]).result(60)
        return len(segments_of(input_folder(tmp_path) / EMBEDDED_EVENTS))

    def gone(at: float) -> bool:
        engine.now = at
        return purged.purge(0) > 0

    try:
        assert appended() > 3
        assert [gone(at) for at in (0.0, 60.0, 199.0)] == [False] * 3
        assert gone(200.0)
        assert len(segments_of(input_folder(tmp_path) / EMBEDDED_EVENTS)) == 1
        appended()
        assert not gone(260.0)  # It is known how far it was at 0 and at 60, not what of the rest is durable.
        engine.pid = 2
        assert [gone(at) for at in (460.0, 659.0)] == [False] * 2
        engine.answers = False
        assert gone(660.0)
        appended()
        assert [gone(at) for at in (900.0, 1_200.0)] == [False] * 2
    finally:
        log.close()
