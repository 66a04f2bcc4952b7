"""The policy in the console: what holds, another one checked, compared, tried and activated."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from starlette.testclient import TestClient

from dataflows.console.access import PersonScope
from dataflows.console.govern.activating import activation_check
from dataflows.console.govern.tables import trials as trials_table
from dataflows.console.govern.trial import TrialLine, TrialSpec, run_trial
from dataflows.console.govern.trials import NewTrial, TrialInput, TrialLimits, Trials
from dataflows.core.policy import Policy
from dataflows.core.rules.load import policy_of_text
from schemas.wire import micros
from sinks.cases.tables import erasures
from tests.support.console import ConsoleHost, console
from tests.support.desk_console import DeskConsole, desk_console, hidden, late, text_of
from tests.support.governed import OFF, WRONG, events_file, parts_of_host

SHADOW = "name: trying\nrules:\n  fulfilment.ship_overdue: shadow\n"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ConsoleHost]:
    """A console over an empty store."""
    with console(tmp_path, orders=None) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[DeskConsole]:
    """A console with an engine, which has found two orders that were not shipped in time."""
    with desk_console(tmp_path, [late("SO-1"), late("SO-2")]) as made:
        yield made


def give(browser: TestClient, text: str) -> str:
    """Gives a policy; returns where what is to be said of it stands."""
    answer = browser.post("/policy/edit", data={"text": text, "name": "mine.yaml"})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def policy(text: str) -> Policy:
    """A policy of a text."""
    found = policy_of_text(text)
    assert isinstance(found, Policy)
    return found


def test_what_holds_is_shown_by_rule_and_by_line(host: ConsoleHost) -> None:
    """Without an activation these are the defaults; a rule says where each setting comes from."""
    browser = host.client("vera")
    page = text_of(browser.get("/policy").text)
    assert "the built-in defaults: no policy is given, and none was activated" in page
    assert "fulfilment.ship_overdue on" in page
    assert "No rule of the policy is in shadow." in text_of(browser.get("/policy/shadow").text)
    assert "The filter hides everything." in text_of(browser.get("/policy?switch=shadow").text)
    for text in ("ship_overdue", "Ship overdue"):
        found = browser.get("/policy", params={"text": text}).text
        assert "fulfilment.ship_overdue" in found
        assert "payment.auth_missing" not in found
    assert "The filter hides everything." in text_of(browser.get("/policy?text=no+such+rule").text)
    assert 'id="L2"' in browser.get("/policy/text").text
    rule = text_of(browser.get("/policy/rules/fulfilment.ship_overdue").text)
    assert "threshold" in rule or "grace" in rule
    assert browser.get("/policy/rules/no.such_kind").status_code == 404
    assert browser.get("/policy/shadow?days=5").status_code == 400


def test_only_who_writes_policies_gives_one(host: ConsoleHost) -> None:
    """For all others there is no such page."""
    assert [host.client(name).get("/policy/edit").status_code for name in ("vera", "anna", "bob", "pia", "ada")] == [
        403,
        403,
        403,
        200,
        200,
    ]
    assert host.client("anna").post("/policy/edit", data={"text": OFF}).status_code == 403


def test_every_mistake_is_named_with_its_line_and_the_nearest_name(host: ConsoleHost) -> None:
    """As `policy check` names them; what has mistakes can be neither tried nor activated."""
    browser = host.client("pia")
    where = give(browser, WRONG)
    page = browser.get(where).text
    assert "line 3" in text_of(page)
    assert "Did you mean fulfilment.ship_overdue?" in text_of(page)
    assert 'id="L3" class="wrong"' in page
    assert "Activate for all tenants" not in page
    assert browser.post(f"{where}/try", data={"kind": "backtest"}).status_code == 400
    assert browser.post(f"{where}/activate", data={"note": "why"}).status_code == 400
    for text, problem in (("", "There is no policy in it"), ("x" * 300_000, "at most 256 KiB")):
        answer = browser.post("/policy/edit", data={"text": text})
        assert (answer.status_code, problem in answer.text) == (400, True)
    answer = browser.post("/policy/edit", data={"text": ""}, files={"file": ("p.yaml", b"\xff\xfe", "text/yaml")})
    assert "no text in UTF-8" in answer.text
    answer = browser.post("/policy/edit", data={"text": WRONG}, files={"file": ("p.yaml", OFF.encode(), "text/yaml")})
    assert "calm" in text_of(browser.get(answer.headers["location"]).text)


def test_what_changes_is_said_by_meaning_and_by_line(host: ConsoleHost) -> None:
    """The switch of one rule, from on to off."""
    browser = host.client("pia")
    page = text_of(browser.get(give(browser, OFF)).text)
    assert "fulfilment.ship_overdue switch on off" in page
    assert "What changes, by line" in page
    assert "- " in page


def test_what_needs_a_clean_stop_is_refused_by_name(host: ConsoleHost) -> None:
    """Before anything is sent, and all of it at once."""
    browser = host.client("pia")
    text = (
        "name: other\nfeeds:\n  /carrier/ups: {silence: 6 h}\nbackfill: {after: 2 h}\nretention: {dedupe: 9 d}\n"
        "identifiers: {tracking: none}\nemits: [placed, shipped]\n"
    )
    where = give(browser, text)
    page = text_of(browser.get(where).text)
    assert "It needs a clean stop and a restart." in page
    for name in ("feeds", "identifiers", "retention.dedupe", "backfill", "emits (listed instead of learned"):
        assert name in page.partition("the engine would refuse it:")[2]
    answer = browser.post(f"{where}/activate", data={"note": "why"})
    assert (answer.status_code, "what stands in the way" in answer.text) == (400, True)


def test_what_becomes_automatic_and_cannot_be_undone_needs_a_back_test() -> None:
    """The check names the rule; one of another version than the one that holds covers nothing."""
    active = policy("name: a\nrules:\n  shipment.delivery_overdue: {lane: review}\n")
    text = "name: a\nrules:\n  shipment.delivery_overdue: {lane: auto}\n"
    check = activation_check(active, policy(text), text, None)
    assert not check.possible
    assert "shipment.delivery_overdue" in (check.untested or "")


def test_an_activation_is_a_decision_and_holds_once_the_engine_has_it(desk: DeskConsole) -> None:
    """With a note, once however often it is sent; the page says at first that it was sent, then that it holds; rules off resolve."""
    browser = desk.host.client("pia")
    where = give(browser, OFF)
    form = hidden(browser.get(where).text)
    assert "a note is needed" in browser.post(f"{where}/activate", data={**form, "note": " "}).text
    sent = {"key": form["key"], "note": "no shipping here"}
    answer = browser.post(f"{where}/activate", data=sent)
    assert answer.status_code == 303
    assert browser.post(f"{where}/activate", data=sent).headers["location"] == answer.headers["location"]
    assert "The store does not have it yet" in text_of(browser.get(answer.headers["location"]).text)
    assert {(one["type"], one["data"]["by"], tuple(one["data"]["by_roles"])) for one in desk.written.all()} == {
        ("policy.activated", "user:pia", ("policy_author",))
    }
    assert len({one["id"] for one in desk.written.all()}) == 1
    desk.host.clock.at = desk.host.clock.at.replace(minute=20)
    desk.speak()
    page = text_of(browser.get(answer.headers["location"]).text)
    assert "It holds: the engine decides by this version." in page
    assert "no shipping here" in page
    page = text_of(browser.get("/policy").text)
    assert "Policy in force: calm" in page
    assert "Activated by pia" in page
    audit = text_of(desk.host.client("ada").get("/audit?type=policy.activated").text)
    assert "pia policy author policy.activated" in audit
    assert "taken in" in audit
    assert "policy activated" in text_of(desk.host.client("ada").get("/audit/console?what=policy_activated").text)


def test_the_engines_refusal_is_shown(desk: DeskConsole) -> None:
    """What was activated meanwhile by another way is not what the draft was compared with: the engine has the last word."""
    browser = desk.host.client("pia")
    where = give(browser, OFF)
    answer = browser.post(f"{where}/activate", data={"key": "k1", "note": "why"})
    path = desk.written.path
    path.write_bytes(path.read_bytes().replace(b'"policy_author"', b'"operator"'))  # as if the role had been taken away
    desk.speak()
    page = text_of(browser.get(answer.headers["location"]).text)
    assert "The engine refused it." in page
    assert "role missing" in page
    assert "Policy in force: calm" not in browser.get("/policy").text


def test_who_sees_a_part_tries_and_activates_nothing(desk: DeskConsole) -> None:
    """A policy holds for all tenants."""
    desk.host.add("paul", "policy_author", scope=PersonScope(("default",)))
    browser = desk.host.client("paul")
    where = give(browser, OFF)
    assert "only who sees all of them" in text_of(browser.get(where).text)
    assert browser.post(f"{where}/try", data={"kind": "dry_run"}).status_code == 400
    assert browser.post(f"{where}/activate", data={"note": "why"}).status_code == 400
    assert desk.written.all() == []


def test_a_rule_in_shadow_is_counted_with_its_labels(tmp_path: Path) -> None:
    """Precision is that of what people have labelled."""
    with desk_console(tmp_path, [late("SO-1"), late("SO-2"), late("SO-3")], policy=SHADOW) as desk:
        browser = desk.host.client("anna")
        page = text_of(browser.get("/policy/shadow").text)
        assert re.search(r"fulfilment\.ship_overdue .*?3 3 0 0 0 0 0 nobody has labelled any", page), page


def wait(trials: Trials, trial_id: str, desk: DeskConsole) -> str:
    """Until a trial is over; how it ended."""
    for _ in range(6_000):
        found = trials.find(trial_id, desk.host.clock())
        assert found is not None
        if not found.under_way:
            return f"{found.state} {found.problem or ''}".strip()
        time.sleep(0.05)
    raise AssertionError("the trial does not end")


def test_a_back_test_is_a_process_of_its_own(tmp_path: Path) -> None:
    """One at a time for each person; it says what would have been otherwise, and an activation names it."""
    recorded = events_file(tmp_path, [late("SO-1"), late("SO-2")])
    with desk_console(tmp_path / "desk", [late("SO-1"), late("SO-2")]) as desk:
        trials = parts_of_host(desk.host).trials
        trials.given = lambda: TrialInput((str(recorded),))
        browser = desk.host.client("pia")
        where = give(browser, OFF)
        answer = browser.post(f"{where}/try", data={"kind": "backtest", "since": "2026-05-20"})
        assert answer.status_code == 303
        trial = answer.headers["location"]
        assert "one of yours is under way" in browser.post(f"{where}/try", data={"kind": "dry_run"}).text
        assert wait(trials, trial.rpartition("/")[2], desk) == "done"
        page = text_of(browser.get(trial).text)
        assert "2 events of 2 orders" in page
        assert "SO-2" in page
        lines = browser.get(f"{trial}/differences.csv").text.splitlines()
        assert [line.split(",")[:4] for line in lines[1:]] == [
            ["fulfilment.ship_overdue", "gone", "default", order] for order in ("SO-1", "SO-2")
        ]
        assert "The activation names this back-test" in text_of(browser.get(where).text)
        browser.post(f"{where}/activate", data={"key": "k2", "note": "tried"})
        assert desk.written.all()[0]["data"]["against"] == policy("name: orderwatch\n").version
        assert desk.host.client("anna").get(trial).status_code == 403


def test_a_dry_run_says_what_would_stand_otherwise_now(desk: DeskConsole, tmp_path: Path) -> None:
    """What is open under one of the policies alone; of what both say, that it stays."""
    govern, at = parts_of_host(desk.host), desk.host.clock()
    where = give(desk.host.client("pia"), OFF)
    old, new = policy("name: old\n"), policy(OFF)
    row = {
        "trial_id": "t1",
        "kind": "dry_run",
        "draft_id": where.rpartition("/")[2],
        "by": "user:pia",
        "at": at,
        "until": at,
        "old_version": old.version,
        "new_version": new.version,
        "new_name": new.name,
        "state": "done",
        "percent": 100,
        "ended_at": at,
    }
    with desk.host.parts.own.begin() as connection:
        connection.execute(insert(trials_table).values(**row))
    folder = govern.trials.folder_of("t1")
    folder.mkdir(parents=True)
    (folder / "old.yaml").write_text("name: old\n")
    (folder / "new.yaml").write_text(OFF)
    said: list[TrialLine] = []
    spec = TrialSpec(str(folder), micros(at), 1 << 30, 60, events=(str(tmp_path / "events.jsonl"),), standing=True)
    run_trial(spec, said.append)
    assert said[-1].covered == ("order.master_data_incomplete",)
    assert sorted(path.name for path in folder.iterdir()) == ["differences.jsonl", "new.yaml", "old.yaml", "report.json", "standing.json"]
    page = text_of(desk.host.client("pia").get("/policy/trials/t1").text)
    assert "fulfilment.ship_overdue · 2 · · order.master_data_incomplete · · · 2" in page
    assert "would be resolved" in page
    desk.host.parts.heads.forget()
    with desk.store.begin() as connection:
        connection.execute(insert(erasures).values(subject="order", hash="0" * 64, at=at + timedelta(seconds=1)))
    assert desk.host.client("pia").get("/policy/trials/t1").status_code == 404
    assert not folder.exists()


def test_a_trial_is_cancelled_lost_or_over_its_time(host: ConsoleHost) -> None:
    """Each way of ending is said; a process that ends without a word has failed."""
    at = host.clock()
    wanted = NewTrial("backtest", "d", "user:pia", ("1", "name: a\n"), ("2", "name: b\n"), "b", None, at)
    govern = parts_of_host(host)
    ways = {"sleep": (("sleep", "600"), 600), "late": (("sleep", "600"), 0), "silent": (("true",), 600)}
    ended: dict[str, str] = {}
    for name, (command, seconds) in ways.items():
        limits = TrialLimits(seconds, 1 << 30, 1, 14)
        trials = Trials(host.parts.own, govern.trials.folder_of(name), lambda: TrialInput(("x",)), limits, host.clock, spawn=command)
        trial_id = trials.start(wanted, at)
        if name == "sleep":
            trials.cancel(trial_id, at)
        found = trials.find(trial_id, at)
        while found is not None and found.under_way:
            time.sleep(0.01)
            found = trials.find(trial_id, at)
        assert found is not None
        ended[name] = f"{found.state}: {found.problem}"
        trials.close()
    assert ended["sleep"] == "cancelled: None"
    assert ended["late"] == "failed: it took longer than `console.trial_seconds` allows"
    assert ended["silent"].startswith("failed: it ended without a result")
    trials = Trials(
        host.parts.own, govern.trials.folder_of("x"), TrialInput, TrialLimits(600, 1 << 30, 1, 14), host.clock, spawn=("sleep", "600")
    )
    lost = trials.start(wanted, at)
    again = govern.trials.find(lost, at)
    trials.close()
    assert again is not None
    assert again.state == "lost"
