"""Alerts and dashboard speak of metrics that exist, and alerts fire when they should."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from pydantic import BaseModel, TypeAdapter

from dataflows.observe.catalogue import METRICS, Metric

DOCKER = Path(__file__).parents[3] / "docker"
PROMETHEUS = DOCKER / "prometheus"
FOREIGN = {"up", "process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Metrics that Prometheus and its client library bring."""
EVERYWHERE = {"instance", "job", "le"}
"""Labels that Prometheus puts on every series, and on the buckets of histograms."""


class Alert(BaseModel):
    """A rule of the alert file."""

    alert: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Target(BaseModel):
    """A query of a panel."""

    expr: str


class Place(BaseModel):
    """Where a panel stands on the grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int


class Panel(BaseModel):
    """A panel of the dashboard."""

    id: int
    type: str
    title: str
    description: str | None = None
    gridPos: Place  # noqa: N815 - Grafana's name
    datasource: dict[str, str] | None = None
    targets: list[Target] = []


PANELS = TypeAdapter(list[Panel]).validate_python(json.loads((DOCKER / "grafana/dashboards/orderwatch.json").read_text())["panels"])
ALERTS = TypeAdapter(list[Alert]).validate_python(
    yaml.safe_load((PROMETHEUS / "orderwatch.rules.yml").read_text())["groups"][0]["rules"],
)
Series: TypeAlias = tuple[str, frozenset[str]]


def series() -> dict[str, Metric]:
    """The names under which Prometheus knows our metrics."""
    names: dict[str, Metric] = {}
    for metric in METRICS:
        endings = ("_bucket", "_sum", "_count") if metric.kind == "histogram" else ("",)
        names |= {metric.name + ending: metric for ending in endings}
    return names


def expressions() -> dict[str, str]:
    """Every PromQL expression by the panel or alert that it belongs to."""
    shown = {f"panel {panel.title}, {number}": target.expr for panel in PANELS for number, target in enumerate(panel.targets)}
    return shown | {f"alert {alert.alert}": alert.expr for alert in ALERTS}


@pytest.mark.parametrize("where", expressions())
def test_an_expression_uses_metrics_and_labels_that_exist(where: str) -> None:
    """A renamed metric or label would leave a panel empty or an alert silent for ever."""
    expression = expressions()[where]
    names = set(re.findall(r"\b(?:orderwatch|process)_\w+|\bup\b", expression))
    assert names, "no metric at all"
    assert names <= set(series()) | FOREIGN
    labels = {label for name in names - FOREIGN for label in series()[name].labels} | EVERYWHERE
    grouped = {label.strip() for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in group.split(",")}
    selected = set(re.findall(r"(\w+)\s*=~?\s*\"", expression))
    assert grouped | selected <= labels


@pytest.mark.parametrize("where", expressions())
def test_counters_are_looked_at_as_rates_and_gauges_as_they_are(where: str) -> None:
    """The rate of a gauge, or the bare value of a counter since some start, would mislead whoever reads it."""
    expression = expressions()[where]
    for name in set(re.findall(r"\borderwatch_\w+", expression)):
        rated = re.search(rf"\b(rate|increase)\({name}\b", expression) is not None
        assert rated or series()[name].kind == "gauge" or "late_records" in name or "mismatches" in name
        assert not (rated and series()[name].kind == "gauge")


def test_every_metric_is_shown() -> None:
    """An operator finds on the dashboard whatever the engine tells; readiness is counted, what runs is a table."""
    shown = {name for panel in PANELS for target in panel.targets for name in re.findall(r"\borderwatch_\w+", target.expr)}
    assert {metric.name for name, metric in series().items() if name in shown} == {metric.name for metric in METRICS}


def test_the_dashboard_is_laid_out_without_gaps_in_meaning() -> None:
    """Panels have their own number and place, a sentence that explains them, and the datasource that is provisioned."""
    source = yaml.safe_load((DOCKER / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert len({panel.id for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel.gridPos
        cells = {(x, y) for x in range(place.x, place.x + place.w) for y in range(place.y, place.y + place.h)}
        assert place.x + place.w <= 24
        assert not cells & taken, panel.title
        taken |= cells
        if panel.type != "row":
            assert panel.description, panel.title
            assert panel.datasource == {"type": source["type"], "uid": source["uid"]}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.alert)
def test_an_alert_says_how_grave_it_is_and_what_to_do(alert: Alert) -> None:
    """Whoever is woken finds a heading of the runbook under the alert's own name."""
    assert re.fullmatch(r"Orderwatch([A-Z][a-z]+)+", alert.alert)
    assert alert.labels["severity"] in {"critical", "warning"}
    assert alert.annotations.keys() == {"summary", "description", "runbook"}
    assert alert.annotations["runbook"] == f"docker/README.md#{alert.alert.lower()}"
    assert f"\n### {alert.alert}\n" in (DOCKER / "README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("check", ["check config prometheus.yml", "check rules orderwatch.rules.yml", "test rules orderwatch.test.yml"])
def test_prometheus_accepts_its_configuration_and_alerts_fire(check: str) -> None:
    """Prometheus's own tool reads the configuration, and plays made-up series against every alert."""
    done = subprocess.run(["promtool", *check.split()], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_played() -> None:
    """No alert is without a made-up series on which it fires or keeps still."""
    played = (PROMETHEUS / "orderwatch.test.yml").read_text(encoding="utf-8")
    assert [alert.alert for alert in ALERTS if alert.alert not in played] == []


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_the_alertmanager_accepts_its_configuration() -> None:
    """Alertmanager's own tool reads its configuration."""
    done = subprocess.run(["amtool", "check-config", "alertmanager.yml"], cwd=DOCKER / "alertmanager", capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
