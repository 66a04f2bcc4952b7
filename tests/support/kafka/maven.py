"""Apache Kafka itself, in KRaft mode, from Maven Central's jars and the machine's Java."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.kafka.base import CLUSTER, VERSION, Unavailable, settings
from tests.support.kafka.process import HOST, ProcessBroker, free_port

HERE = Path(__file__).parent


def jars() -> Path:
    """The directory of Kafka's jars; fetched by Maven if it is not there yet.

    `ORDERWATCH_KAFKA_JARS` names another directory than `~/.cache/orderwatch/kafka-<version>`.

    Raises:
        Unavailable: Maven is missing, or cannot reach its repository.
    """
    default = Path.home() / ".cache" / "orderwatch" / f"kafka-{VERSION}"
    home = Path(os.environ.get("ORDERWATCH_KAFKA_JARS") or default)
    if not home.is_dir():
        _fetch(home)
    return home


def _fetch(home: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("mvn is not installed")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="fetch-") as scratch:
        command = [maven, "--batch-mode", "--quiet", "--strict-checksums", "--file", str(HERE / "pom.xml")]
        command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={scratch}/jars"]
        try:
            fetched = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        except subprocess.TimeoutExpired:
            raise Unavailable("Maven did not fetch Kafka within 600 s") from None
        if fetched.returncode:
            said = [line for line in fetched.stdout.splitlines() if line.startswith("[ERROR]")] or ["no word of the cause"]
            raise Unavailable(f"Maven cannot fetch Kafka: {said[0]}")
        # The finished directory appears at once or not at all, so that two runs may fetch at the same time; the second is dropped.
        try:
            Path(scratch, "jars").rename(home)
        except OSError:
            if not home.is_dir():
                raise


class MavenKafka(ProcessBroker):
    """A single node of Apache Kafka: ready in about 1.5 s, back in about 3 s after a SIGKILL.

    Raises:
        Unavailable: Java or the jars cannot be had, or the node does not come up.
    """

    rung = f"Apache Kafka {VERSION} (KRaft, Maven jars)"
    real = True
    killable = True

    def __init__(self) -> None:
        self._java = shutil.which("java")
        if self._java is None:
            raise Unavailable("java is not installed")
        self._jars = jars()
        super().__init__()

    def _prepare(self) -> None:
        data = self.home / "data"
        data.mkdir()
        # What `kafka-storage format` writes, without a Java process to do it; the rest of a new node's metadata has defaults.
        (data / "meta.properties").write_text(f"version=1\ncluster.id={CLUSTER}\nnode.id=1\ndirectory.id={CLUSTER}\n")
        properties = settings(self.bootstrap, self.bootstrap, f"{HOST}:{free_port()}") | {"log.dirs": str(data)}
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))

    @property
    def _properties(self) -> Path:
        return self.home / "server.properties"

    @property
    def java(self) -> list[str]:
        """A call of Java with Kafka's classes; what is missing is the class and its arguments."""
        return [str(self._java), "-cp", f"{self._jars}/*"]

    def _command(self) -> list[str]:
        return [
            str(self._java),
            "-Xmx384m",
            # A short life on few cores: the quick compiler, the simple collector, the JDK's shared classes.
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            f"-Dlog4j.configuration={(HERE / 'log4j.properties').as_uri()}",
            f"-Dorderwatch.log={self.home / 'kafka.log'}",
            *("-cp", f"{self._jars}/*"),
            "kafka.Kafka",
            str(self._properties),
        ]
