"""The image and the compose files fit together, and the engine accepts what they set."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
import yaml

from dataflows.settings import load_settings

ROOT = Path(__file__).parents[3]
DOCKER = ROOT / "docker"
FILES = ("compose.yaml", "compose.hosts.yaml")
Service: TypeAlias = "dict[str, Any]"


class Loader(yaml.SafeLoader):
    """Reads YAML with compose's own tag `!override`, which replaces a list instead of adding to it."""


def override(loader: Loader, node: yaml.SequenceNode) -> list[object]:
    """The list that replaces another."""
    return cast("list[object]", loader.construct_sequence(node, deep=True))


Loader.add_constructor("!override", override)


def services(file: str) -> dict[str, Service]:
    """The services of a compose file, as written."""
    return cast("dict[str, Service]", yaml.load((DOCKER / file).read_text(encoding="utf-8"), Loader)["services"])


def environment(service: Service) -> dict[str, str]:
    """The variables of a service as its process gets them, defaults of the shell filled in."""
    given = cast("dict[str, object]", service["environment"])
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for name, value in given.items()}


def engine(host: str | None = None) -> dict[str, str]:
    """The variables of the engine: on one host, or as the service `host` of the variant with several."""
    variables = environment(services("compose.yaml")["orderwatch"])
    return variables if host is None else variables | environment(services("compose.hosts.yaml")[host])


def targets(file: str) -> list[str]:
    """The addresses that Prometheus asks."""
    return [str(target) for group in yaml.safe_load((DOCKER / "prometheus" / file).read_text()) for target in group["targets"]]


def test_the_engine_accepts_what_compose_sets() -> None:
    """Every variable is a setting, with a value that it may have; two processes run on the one host."""
    settings = load_settings(environment=engine())
    assert settings.cluster.size == settings.cluster.processes == 2
    assert settings.kafka.brokers == ("kafka:9092",)
    assert str(settings.state.dir).startswith("/var/lib/orderwatch/")


def test_each_host_of_the_variant_is_another_process_of_one_cluster() -> None:
    """All hosts have the same addresses and state, and each a number of its own."""
    hosts = [load_settings(environment=engine(host)) for host in ("orderwatch", "orderwatch-1")]
    assert [settings.cluster.process_id for settings in hosts] == [0, 1]
    assert len({(settings.cluster.addresses, settings.state.dir, settings.kafka.brokers) for settings in hosts}) == 1
    assert all(settings.cluster.size == 2 for settings in hosts)
    assert [address.partition(":")[0] for address in hosts[0].cluster.addresses] == ["orderwatch", "orderwatch-1"]


def test_prometheus_asks_every_process() -> None:
    """Process n of the cluster answers on the first port + n, on whichever host it runs."""
    settings = load_settings(environment=engine())
    assert targets("targets.yml") == [f"orderwatch:{settings.http.port + number}" for number in range(settings.cluster.processes)]
    assert targets("hosts.yml") == [f"{host}:{settings.http.port + number}" for number, host in enumerate(("orderwatch", "orderwatch-1"))]
    assert services("compose.yaml")["orderwatch"]["ports"] == ["127.0.0.1:9464-9465:9464-9465"]


@pytest.mark.parametrize("name", services("compose.yaml"))
def test_a_service_is_pinned_restarted_and_closed_to_the_network(name: str) -> None:
    """What was tried is what runs, what falls is picked up, and nobody outside this host gets in."""
    service = services("compose.yaml")[name]
    assert re.search(r":(v?\d+\.\d+\.\d+|local)$", str(service["image"]))
    assert service["restart"] in {"unless-stopped", "on-failure"}
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_the_gateway_accepts_what_compose_sets() -> None:
    """It listens where its ports are published, writes to the topic that the engine reads, and keeps its state in a volume of its own."""
    service = services("compose.yaml")["gateway"]
    settings = load_settings(environment=environment(service))
    gateway = settings.gateway
    assert (gateway.host, gateway.output, settings.kafka.brokers) == ("0.0.0.0", "kafka", ("kafka:9092",))
    assert gateway.topic in load_settings(environment=engine()).inputs.topics
    assert service["ports"] == [f"127.0.0.1:{gateway.port}:{gateway.port}", f"127.0.0.1:{gateway.http_port}:{gateway.http_port}"]
    assert str(gateway.dir).startswith("/var/lib/orderwatch/")
    assert "gateway:/var/lib/orderwatch" in service["volumes"]
    assert service["command"] == ["gateway", "--settings", "/etc/orderwatch/gateway.yaml"]


def test_the_store_accepts_what_compose_sets() -> None:
    """It follows the topics that the engine writes and the one of decisions, and keeps its file in a volume of its own."""
    service = services("compose.yaml")["store"]
    settings = load_settings(environment=environment(service))
    assert settings.outputs.topics == load_settings(environment=engine()).outputs.topics
    assert "order-decisions" in settings.inputs.topics
    assert settings.store.url_in(settings.state.dir) == "sqlite:////var/lib/orderwatch/store.sqlite3"
    assert service["volumes"] == ["store:/var/lib/orderwatch"]
    assert service["ports"] == [f"127.0.0.1:{settings.store.http_port}:{settings.store.http_port}"]
    assert service["command"] == ["store"]


def test_the_console_accepts_what_compose_sets() -> None:
    """It listens where its port is published, reads the file that the store's service keeps, and keeps its own in a volume of its own."""
    found = services("compose.yaml")
    service, store = found["console"], found["store"]
    settings = load_settings(environment=environment(service))
    console = settings.console
    assert (console.host, console.cookie) == ("0.0.0.0", "secure")
    assert service["ports"] == [f"127.0.0.1:{port}:{port}" for port in (console.port, console.http_port)]
    mounts = dict(str(volume).split(":") for volume in service["volumes"])
    kept = load_settings(environment=environment(store)).store.url_in(Path("/"))
    (kept_in,) = (str(volume).partition(":")[2] for volume in store["volumes"])
    assert settings.store.url_in(Path("/")) == kept.replace(kept_in, mounts["store"])
    assert console.own_url(console.folder(Path("/"))).startswith(f"sqlite:///{mounts['console']}/")
    assert service["command"] == ["console"]


def test_the_engine_starts_when_its_topics_are_there_and_stops_in_peace() -> None:
    """Topics are made first; SIGTERM has time to end the epoch; the state outlives the container."""
    orderwatch = services("compose.yaml")["orderwatch"]
    assert orderwatch["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
    assert orderwatch["stop_grace_period"] == "60s"
    assert orderwatch["volumes"] == ["state:/var/lib/orderwatch"]
    assert services("compose.yaml")["topics"]["command"] == ["topics", "create"]


@pytest.mark.parametrize("file", FILES)
def test_files_that_are_mounted_exist(file: str) -> None:
    """Docker would make an empty folder of a file that is missing."""
    for service in services(file).values():
        for volume in map(str, service.get("volumes", ())):
            if volume.startswith("."):
                assert (DOCKER / volume.partition(":")[0]).exists(), volume


@pytest.mark.parametrize("files", [FILES[:1], FILES], ids=" ".join)
def test_compose_accepts_the_files(files: tuple[str, ...]) -> None:
    """Compose itself reads the files, alone and together."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    named = [word for file in files for word in ("-f", file)]
    done = subprocess.run([docker, "compose", *named, "config", "--quiet"], cwd=DOCKER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_gets_all_that_it_copies_and_no_more() -> None:
    """What the builder may not see cannot be copied; what it need not see stays out of its cache."""
    dockerfile = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    copied = {source for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE) for source in line.split()[:-1]}
    allowed = set(re.findall(r"^!(.+)$", (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


def test_the_image_is_made_with_the_tools_of_every_check() -> None:
    """One version of uv locks, checks and builds."""
    versions = {re.search(r"uv==([\d.]+)", (ROOT / file).read_text(encoding="utf-8")) for file in ("docker/Dockerfile", ".ci/run")}
    assert len({found[1] for found in versions if found}) == 1


def test_the_image_runs_without_rights_and_says_how_it_is() -> None:
    """No root, a health check of every process, a stop that the engine understands."""
    dockerfile = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    last = dockerfile[dockerfile.rindex("\nFROM ") :]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.MULTILINE)
    assert "/healthz" in last
    assert "STOPSIGNAL SIGTERM" in last
    assert 'ENTRYPOINT ["orderwatch"]' in last


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_the_dockerfile_keeps_to_good_practice() -> None:
    """The linter of Dockerfiles has nothing to say."""
    done = subprocess.run(["hadolint", str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
