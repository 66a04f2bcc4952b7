"""What `orderwatch up` needs of its settings: parts that can be asked how they are."""

from __future__ import annotations

import pytest

from dataflows.embedded.plan import expect_reachable
from dataflows.errors import MisuseError
from dataflows.observe import Observer
from dataflows.observe.http import serving
from dataflows.observe.probe import probe
from dataflows.settings import Settings


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, None),
        ({"http": {"enabled": False}}, "http.enabled"),
        ({"gateway": {"port": 0}, "store": {"http_port": 0}}, "gateway.port, store.http_port: 0"),
        ({"console": {"port": 0}}, "console.port: 0"),
        ({"console": {"port": 0, "enabled": False}}, None),
    ],
)
def test_settings_by_which_parts_could_not_be_found_are_refused(given: dict[str, object], words: str | None) -> None:
    """With them it was never ready, and no old segment ever went."""
    settings = Settings.model_validate({"embedded": {"dir": "x"}, "state": {"dir": "x/state"}, **given})
    if words is None:
        expect_reachable(settings)
        return
    with pytest.raises(MisuseError, match=words):
        expect_reachable(settings)


def test_a_part_is_asked_past_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens there: whoever asked the proxy would hear nothing."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving("127.0.0.1", 0, Observer()) as port, probe(f"http://127.0.0.1:{port}/metrics", 30) as answer:
        assert answer.status == 200
