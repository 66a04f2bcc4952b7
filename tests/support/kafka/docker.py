"""Apache Kafka's own image, where a Docker engine answers."""

from __future__ import annotations

import shutil
import subprocess
import time

from testcontainers.core.container import DockerContainer

from tests.support.kafka.base import CLUSTER, VERSION, Broker, Unavailable, settings
from tests.support.kafka.process import HOST, answers, free_port


def engine() -> str:
    """The version of the Docker engine that answers.

    Raises:
        Unavailable: none does.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise Unavailable("docker is not installed")
    try:
        asked = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, timeout=20, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable("the Docker engine does not answer") from None
    if asked.returncode:
        raise Unavailable("no Docker engine answers")
    return asked.stdout.strip()


class DockerKafka(Broker):
    """A container of the image `apache/kafka`, on a port of this machine that stays the same over restarts.

    Raises:
        Unavailable: no engine answers, or it cannot run the image.
    """

    rung = f"Apache Kafka {VERSION} (Docker, apache/kafka)"
    real = True
    killable = True
    patience = 120.0

    def __init__(self) -> None:
        engine()
        port = free_port()
        self.bootstrap = f"{HOST}:{port}"
        container = DockerContainer(f"apache/kafka:{VERSION}").with_bind_ports(9092, port).with_env("CLUSTER_ID", CLUSTER)
        for name, value in settings("0.0.0.0:9092", self.bootstrap, "localhost:9093").items():
            container = container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
        self._container = container
        try:
            # testcontainers passes on whatever the engine, the registry or the network object to; each means: not here.
            container.start()
            self._await()
        except Exception as refused:
            self.stop()
            raise Unavailable(f"Docker cannot run apache/kafka: {refused}") from refused

    def _await(self) -> None:
        give_up = time.monotonic() + self.patience
        while not answers(self.bootstrap):
            if time.monotonic() > give_up:
                raise Unavailable(f"it did not answer within {self.patience:.0f} s")
            time.sleep(0.1)

    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL)."""
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        """Brings it back on the same port with the same data, and returns when it answers."""
        running = self._container.get_wrapped_container()
        running.reload()
        if running.status == "running":
            running.kill()
        running.start()
        self._await()

    def stop(self) -> None:
        """Ends it for good and removes its data."""
        self._container.stop()
