"""The pages that count, the stream over HTTP, and the banner: what is shown, to whom, and what is said of how old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dataflows.console.access import PersonScope
from dataflows.console.engine import EngineStanding, EngineWatch, FeedStanding, measured
from dataflows.console.live.opening import engine_of, hub_of
from dataflows.console.live.resting import rests
from dataflows.console.views.feeds import together
from dataflows.settings import Settings
from sinks.cases.queries.feeds import FeedRow
from sinks.cases.queries.handling import open_load
from sinks.cases.queries.windows import Window
from sinks.cases.schema import writing
from sinks.cases.standing import stands
from tests.support.console import ConsoleHost, console

LONG = "?since=2026-01-01&until=2026-12-31"
METRICS = """\
# TYPE orderwatch_low_watermark_timestamp_seconds gauge
orderwatch_low_watermark_timestamp_seconds 1780000000.0
# TYPE orderwatch_lag_records gauge
orderwatch_lag_records{partition="events:00000"} 7.0
orderwatch_lag_records{partition="decisions:00000"} 2.0
# TYPE orderwatch_feed_stale gauge
orderwatch_feed_stale{feed="/carrier/ups"} 1.0
orderwatch_feed_stale{feed="/carrier/dhl"} 0.0
# TYPE orderwatch_feed_watermark_timestamp_seconds gauge
orderwatch_feed_watermark_timestamp_seconds{feed="/carrier/ups"} 1779990000.0
# TYPE orderwatch_deferred_deadlines gauge
orderwatch_deferred_deadlines{feed="/carrier/ups"} 12.0
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console."""
    with console(tmp_path) as made:
        yield made


def stand(host: ConsoleHost, at: datetime, behind: int) -> None:
    """Has the store's writer note that it was at work."""
    with writing(host.parts.store).begin() as connection:
        stands(connection, at, behind, at)
    host.parts.heads.forget()


def test_the_pages_count_and_lead_to_the_lists(host: ConsoleHost) -> None:
    """In both languages, with a table for each picture."""
    for language, title in (("en", "Failure modes and recurrence"), ("de", "Fehlerarten und Wiederkehr")):
        page = host.client("anna", **{"Accept-Language": language}).get(f"/modes{LONG}")
        assert page.status_code == 200
        assert title in page.text
        assert page.text.count("<svg") >= 4
        assert page.text.count("<details>") >= 3
        assert "/exceptions?" in page.text
    load = host.client("anna").get(f"/load{LONG}")
    assert load.status_code == 200
    assert "severity=high" in load.text
    assert host.client("anna").get("/feeds").status_code == 200


def test_nobody_sees_numbers_of_what_they_may_not_see(host: ConsoleHost) -> None:
    """Neither by tenant, nor by team, nor by site."""
    for number, scope in enumerate((PersonScope(tenants=("other",)), PersonScope(teams=("NONE",)), PersonScope(sites=("nowhere",)))):
        host.add(f"eve{number}", "operator", scope=scope)
        client = host.client(f"eve{number}")
        assert "Nothing was first said in this time." in client.get(f"/modes{LONG}").text
        assert "/exceptions?" not in client.get(f"/load{LONG}").text
    assert "/carrier/" not in host.client("eve0").get("/feeds").text


def test_a_stale_store_and_silent_feeds_are_announced_on_every_page(host: ConsoleHost) -> None:
    """And nothing is, where all is well."""
    client = host.client("anna")
    stand(host, host.clock(), 0)
    assert "Stale" not in client.get("/modes").text
    stand(host, host.clock(), 5_000)
    assert "behind by 5,000 records" in client.get("/modes").text
    stand(host, host.clock() - timedelta(minutes=4), 0)
    assert "Stale: the store has not been kept true for 4 minutes" in client.get("/load").text


def test_the_engine_says_how_it_is(host: ConsoleHost) -> None:
    """What its metrics say; that it lags, or does not answer, is announced."""
    found = measured(METRICS, None)
    assert (found.watermark, found.lag) == (datetime.fromtimestamp(1_780_000_000, UTC), 9)
    assert found.feeds["/carrier/ups"] == FeedStanding(True, datetime.fromtimestamp(1_779_990_000, UTC), 12)
    assert found.feeds["/carrier/dhl"] == FeedStanding(False, None, 0)
    watch = EngineWatch("http://127.0.0.1:9")
    assert watch.ask() == EngineStanding("it does not answer")
    host.parts.heads.engine = watch
    stand(host, host.clock(), 0)
    assert "The engine is not well: it does not answer" in host.client("anna").get("/modes").text


def test_whom_to_ask_is_told_by_the_settings(tmp_path: Path) -> None:
    """Of an installation on one host it is known; else nobody is asked."""
    state = {"state": {"dir": str(tmp_path)}}
    assert engine_of(Settings.model_validate(state)) is None
    assert engine_of(Settings.model_validate({**state, "embedded": {"dir": str(tmp_path)}})) is not None
    assert engine_of(Settings.model_validate({**state, "console": {"engine_url": "http://engine:9464"}})) is not None


def test_feeds_of_the_engine_and_of_the_store_are_one_list() -> None:
    """The engine knows all that are declared, the store those that were ever silent; silent ones come first."""
    at = datetime(2026, 5, 1, tzinfo=UTC)
    stored = [FeedRow("default", feed, True, at, at, "2 h", "1 h", "CARR", at, 3) for feed in ("/carrier/ups", "/carrier/dhl")]
    told = {"/carrier/dhl": FeedStanding(False, at, 0), "/carrier/gls": FeedStanding(False, None, 0)}
    shown = together(stored, EngineStanding(None, feeds=told))
    assert [(one.feed, one.state, one.held) for one in shown] == [
        ("/carrier/ups", "stale", 3),
        ("/carrier/gls", "unheard", 0),
        ("/carrier/dhl", "fresh", 0),
    ]
    assert [one.state for one in together(stored, None)] == ["stale", "stale"]


def test_pages_rest_where_somebody_wants_it(host: ConsoleHost) -> None:
    """Kept for the person; others' go on."""
    client = host.client("anna")
    assert client.post("/live/pause", data={"paused": "yes", "back": "/feeds"}).headers["location"] == "/feeds"
    assert rests(host.parts.own, "anna")
    assert 'data-paused="yes"' in client.get("/feeds").text
    assert 'data-paused="no"' in host.client("bob").get("/feeds").text
    client.post("/live/pause", data={"paused": "no", "back": "//elsewhere"})
    assert not rests(host.parts.own, "anna")


def test_a_stream_that_cannot_be_is_refused(host: ConsoleHost) -> None:
    """Whoever is not logged in is led to the log-in; a position that is none, or what cannot be followed, is said."""
    assert host.client().get("/live").status_code == 303
    client = host.client("anna")
    assert client.get("/live?since=nonsense").status_code == 400
    assert client.get("/live?shows=everything").status_code == 400
    assert hub_of(host.parts).pages == 0


def test_a_page_says_what_it_shows_up_to(host: ConsoleHost) -> None:
    """What has changed since is what it is told."""
    page = host.client("anna").get("/feeds").text
    assert 'data-live="/live?shows=feeds"' in page
    assert 'data-position="ey' in page


def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(host: ConsoleHost) -> None:
    """A screen that nobody looks at is logged out like any other."""
    client = host.client("anna")
    idle = timedelta(minutes=host.parts.settings.idle_minutes)
    statuses: list[int] = []
    for _ in range(3):
        host.clock.move(idle / 2)
        statuses.append(client.get("/feeds", headers={"Orderwatch-Live": "1"}).status_code)
    assert statuses[-1] == 303
    client = host.client("anna")
    for _ in range(3):
        host.clock.move(idle / 2)
        assert client.get("/feeds").status_code == 200


def test_a_time_in_which_nothing_was_said_is_not_called_nothing_to_do(tmp_path: Path) -> None:
    """The newest minutes are not counted yet: what is open may have come within them."""
    with console(tmp_path) as host:
        page = host.client("vera").get("/modes?since=2001-01-01&until=2001-01-02").text
    assert "Nothing was first said in this time." in page
    assert "Nothing to do." not in page


def test_an_exception_whose_clocks_have_both_run_out_is_late_once(tmp_path: Path) -> None:
    """Nobody has taken it up, nor resolved it: the team has one that is overdue, and not two."""
    with console(tmp_path) as host:
        host.clock.move(timedelta(days=60))
        with host.parts.store.connect() as connection:
            window = Window(host.clock() - timedelta(days=90), host.clock())
            found = open_load(connection, window, host.clock())
        assert sum(one.late for one in found) == sum(one.open for one in found) > 0
