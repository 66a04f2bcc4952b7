"""What operators see: metrics, health and logs of a process."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import urllib.error
import urllib.request
import warnings
from typing import TYPE_CHECKING

import pytest
import structlog
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from dataflows.core.engine.shard import Shard
from dataflows.core.rules.load import load_policy
from dataflows.observe import Observer, catalogue
from dataflows.observe.catalogue import METRICS
from dataflows.observe.health import STILL_S, STUCK_S, Health
from dataflows.observe.http import PortError, serving
from dataflows.observe.logs import logging_to_stderr
from dataflows.settings import LogSettings
from schemas.output import OutputRecord
from tests.support.logs import DAY, T0, line, record

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND


def raised(log: int, due: str | None) -> OutputRecord:
    """An exception that was raised."""
    data: dict[str, object] = {"due_at": due, "order_id": "ORDER-4711"}
    return OutputRecord(log, "ORDER-4711", "exceptions", "exception.raised", "", b"{}", kind="shipment.stuck", severity="high", data=data)


def filled() -> Observer:
    """An observer that has been told of everything once."""
    observer = Observer(now=lambda: NOW)
    observer.runs(lambda: "cafe")
    observer.committed("exceptions", 0, [raised(NOW - SECOND // 2, None), raised(NOW - 2 * SECOND, "2027-01-15T07:59:50Z")], 0.02)
    observer.published("rejects", [OutputRecord(NOW, "", "rejects", "reject", "", b"{", kind="not_json")])
    observer.dropped("exceptions", 0, 3)
    observer.mismatched("exceptions", 0)
    observer.retried("exceptions", 0)
    observer.queued("exceptions", 0, 4)
    observer.queued("exceptions", 1, 1)
    observer.opened("exceptions", 0, 3, 0.1)
    observer.snapshot(0.004)
    observer.resumed()
    observer.metrics.observe(catalogue.GATEWAY_SECONDS, 0.004, "accepted")
    observer.metrics.observe(catalogue.DISPATCH_SECONDS, 0.004, "shop", "begun")
    observer.metrics.observe(catalogue.CONSOLE_SECONDS, 0.004, "exceptions")
    for metric in METRICS:
        if metric.kind != "histogram" and not observer.metrics.values(metric):
            observer.read(metric, (lambda: {"x": 7}) if metric.labels else (lambda: 7))
    return observer


def get(port: int, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Asks over HTTP; returns status, content type and body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def samples(text: str) -> dict[str, float]:
    """An exposition as `name{labels}` and value."""
    return {
        f"{sample.name}{json.dumps(sample.labels, sort_keys=True)}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_of_the_catalogue_is_exposed_and_explained() -> None:
    """What the documents promise is there, under the same name, with its help."""
    with serving("127.0.0.1", 0, filled()) as port:
        status, kind, body = get(port, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(body)}
    for metric in METRICS:
        family = families[metric.name.removesuffix("_total") if metric.kind == "counter" else metric.name]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert family.samples
    assert "process_resident_memory_bytes" in families


def test_names_follow_the_conventions() -> None:
    """Counters end in _total, times are seconds, nothing is labelled by what is not bounded; no name stands twice."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("orderwatch_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert not {"order", "order_id", "tenant", "customer"} & set(metric.labels)
        assert metric.help.endswith(".")
        assert bool(metric.buckets) == (metric.kind == "histogram")


def test_published_records_are_counted_and_their_delay_is_measured() -> None:
    """From the log time of the decision, apart by signal and deadline; from the deadline too, where there is one."""
    with serving("127.0.0.1", 0, filled()) as port:
        found = samples(get(port, "/metrics")[2])
    assert found['orderwatch_output_records_total{"severity": "high", "topic": "exceptions", "type": "exception.raised"}'] == 2
    assert found['orderwatch_exceptions_total{"kind": "shipment.stuck", "type": "exception.raised"}'] == 2
    assert found['orderwatch_rejected_total{"reason": "not_json"}'] == 1
    assert found['orderwatch_published_total{"topic": "exceptions"}'] == 2
    assert found['orderwatch_dropped_total{"topic": "exceptions"}'] == 3
    assert found['orderwatch_queued_output_records{"topic": "exceptions"}'] == 5
    assert found['orderwatch_detection_delay_seconds_sum{"by": "signal"}'] == 0.5
    assert found['orderwatch_detection_delay_seconds_sum{"by": "deadline"}'] == 2
    assert found["orderwatch_decision_lag_seconds_sum{}"] == 10


def test_metrics_hold_no_customer_data() -> None:
    """An order ID in a label would be customer data, and a new time series for every order."""
    with serving("127.0.0.1", 0, filled()) as port:
        assert "ORDER-4711" not in get(port, "/metrics")[2]


def test_no_label_is_ever_empty() -> None:
    """A rejected record says why, also where the shard rejected it; what has no severity says so."""
    observer = Observer(now=lambda: NOW)
    observer.runs(lambda: "")
    shard = Shard(load_policy(None))
    shard.apply(record(line("1", T0, "order.placed"), T0 + 400 * DAY))
    observer.published("rejects", shard.drain())
    observer.published("incidents", [OutputRecord(NOW, "f", "incidents", "feed.stale", "", b"{}")])
    text = generate_latest(observer.metrics.registry).decode()
    assert 'orderwatch_rejected_total{reason="too_old"} 1.0' in text
    assert 'orderwatch_output_records_total{severity="none",topic="incidents",type="feed.stale"} 1.0' in text
    assert '=""' not in text


def test_readings_of_one_metric_are_added_up() -> None:
    """Several sources, shards or sinks may each know their part."""
    observer = Observer()
    observer.read(catalogue.OPEN_ORDERS, lambda: 3)
    observer.read(catalogue.OPEN_ORDERS, lambda: 4)
    observer.read(catalogue.LAG, lambda: {"a-0": 1, "a-1": 2})
    observer.read(catalogue.LAG, lambda: {"a-1": 5})
    observer.read(catalogue.STATE_BYTES, lambda: None)
    assert observer.metrics.values(catalogue.OPEN_ORDERS) == {(): 7}
    assert observer.metrics.values(catalogue.LAG) == {("a-0",): 1, ("a-1",): 7}
    assert observer.metrics.values(catalogue.STATE_BYTES) == {}
    assert observer.metrics.total(catalogue.LAG) == 8


def test_a_scrape_bears_with_a_mapping_that_grows_meanwhile() -> None:
    """The flow's thread adds a partition just while another thread looks; the next try sees it whole."""
    observer = Observer()
    tries: list[int] = []

    def lag() -> dict[str, float]:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("dictionary changed size during iteration")
        return {"a-0": 1}

    observer.read(catalogue.LAG, lag)
    assert observer.metrics.values(catalogue.LAG) == {("a-0",): 1}


def test_scrapes_and_counting_from_many_threads_lose_nothing() -> None:
    """Writers' threads count while scrapes read."""
    observer = Observer(now=lambda: NOW)
    output = raised(NOW, None)

    def publish() -> None:
        for _ in range(500):
            observer.published("exceptions", [output])

    threads = [threading.Thread(target=publish) for _ in range(4)]
    with serving("127.0.0.1", 0, observer) as port:
        for thread in threads:
            thread.start()
        for _ in range(20):
            assert get(port, "/metrics")[0] == 200
        for thread in threads:
            thread.join()
    assert observer.metrics.total(catalogue.OUTPUT_RECORDS) == 2_000


def test_openmetrics_is_spoken_to_whom_asks_for_it() -> None:
    """Prometheus does."""
    with serving("127.0.0.1", 0, filled()) as port:
        _, kind, body = get(port, "/metrics", {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_health_and_readiness_are_said_in_words() -> None:
    """503 with the reason, 200 without one; anything else is not found."""
    observer = Observer(["b:2"])
    with serving("127.0.0.1", 0, observer) as port:
        assert get(port, "/healthz")[::2] == (200, "ok\n")
        assert get(port, "/readyz")[::2] == (503, "starting\n")
        observer.joining()
        assert get(port, "/readyz")[::2] == (503, "waiting for b:2\n")
        observer.connected()
        assert get(port, "/readyz?verbose")[::2] == (503, "loading the state\n")
        observer.resumed()
        observer.health.require(lambda: "no partition is assigned")
        assert get(port, "/readyz")[::2] == (503, "no partition is assigned\n")
        assert get(port, "/")[0] == 404


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds since the test began."""
        return self.now


def test_a_process_is_ready_while_its_watermark_moves() -> None:
    """It follows the clock even when nothing is appended: if it stands, brokers do not answer."""
    clock, watermark = Clock(), [None, 1, 1, 1, 2]
    health = Health(clock=clock)
    health.resumed()
    health.follow(lambda: watermark.pop(0))
    assert health.missing() == ["nothing has been read yet"]
    clock.now = 100
    assert health.missing() == []
    clock.now = 100 + STILL_S
    assert health.missing() == []
    clock.now = 101 + STILL_S
    assert health.missing() == ["the low watermark has not moved for 31 s"]
    assert health.missing() == []


def test_a_process_lives_while_its_flow_is_polled() -> None:
    """A process that waits for its peers or loads its state is alive; one whose flow stands still is to be restarted."""
    clock = Clock()
    health = Health(clock=clock)
    clock.now = 1_000
    assert health.ailment() is None
    health.beat()
    clock.now += STUCK_S
    assert health.ailment() is None
    clock.now += 1
    assert health.ailment() == "the flow has not moved for 61 s"


def test_a_taken_port_is_refused_in_one_line() -> None:
    """Which address, and why."""
    with (
        serving("127.0.0.1", 0, Observer()) as port,
        pytest.raises(PortError, match=rf"^http\.port: cannot listen on 127\.0\.0\.1:{port}: address"),
    ):
        serving("127.0.0.1", port, Observer()).__enter__()


def test_logs_are_json_lines_on_the_standard_error_of_old(capfd: pytest.CaptureFixture[str]) -> None:
    """Descriptor 2 may be turned elsewhere meanwhile, as the runner does; every line carries the process."""
    with logging_to_stderr(LogSettings(level="info", format="json"), process=1):
        saved, aside = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(aside, 2)
        Observer().log.info("stopped", records=7)
        structlog.get_logger().debug("too low")
        sys.stderr.write("from Python itself\n")
        os.dup2(saved, 2)
        os.close(saved)
        os.close(aside)
    first, second = capfd.readouterr().err.splitlines()
    line = json.loads(first)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "stopped", "level": "info", "process": 1, "records": 7}
    assert second == "from Python itself"


def test_a_line_begins_with_when_how_bad_and_what(capfd: pytest.CaptureFixture[str]) -> None:
    """In this order, before what every line carries and what it adds: as JSON and for people, of ours and of libraries."""
    for format_ in ("json", "console"):
        with logging_to_stderr(LogSettings(level="info", format=format_), process=1, a_first="z"):
            Observer().log.warning("late", aaa=7)
            logging.getLogger("kafka").error("gone")
        ours, libraries = capfd.readouterr().err.splitlines()
        if format_ == "json":
            assert list(json.loads(ours)) == ["timestamp", "level", "event", "process", "a_first", "aaa"]
            assert list(json.loads(libraries)) == ["timestamp", "level", "event", "process", "a_first", "logger"]
        else:
            assert re.match(r"\d{4}-\d\d-\d\dT\S+Z \[warning *\] late +", ours)
            assert re.match(r"\d{4}-\d\d-\d\dT\S+Z \[error *\] gone +", libraries)


def test_what_libraries_log_are_lines_like_any_other(capfd: pytest.CaptureFixture[str]) -> None:
    """The client of Kafka complains through `logging`, Python through warnings: neither breaks a stream of JSON."""
    with logging_to_stderr(LogSettings()):
        logging.getLogger("kafka").error("GETPID %s", "retrying")
        logging.getLogger("kafka").info("chatter")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(warnings, "filters", [])
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    first, second = map(json.loads, capfd.readouterr().err.splitlines())
    assert (first["event"], first["level"], first["logger"]) == ("GETPID retrying", "error", "kafka")
    assert "old" in second["event"]
    assert second["level"] == "warning"


def test_logs_for_people_are_text(capfd: pytest.CaptureFixture[str]) -> None:
    """Without colours where no terminal is."""
    with logging_to_stderr(LogSettings(level="warning", format="console")):
        Observer().log.info("too low")
        Observer().log.warning("held over", note="new partitions")
    said = capfd.readouterr().err
    assert "held over" in said
    assert "too low" not in said
    assert "\x1b" not in said
