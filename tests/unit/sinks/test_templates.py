"""The texts of messages: each is written out with what real exceptions say, and what is wrong with one of the user's own is told."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from dataflows.cli.main import run as command
from dataflows.core.rules import RULES
from dataflows.core.rules.load import load_policy
from schemas.messages import CHANNELS, MESSAGES, TOPICS, topic_of
from sinks.actions.checking import FULL, problems_in, sample_action
from sinks.actions.messages import BUILT_IN, MessageTextError, render
from tests.support.engine import records_of, run
from tests.support.logs import DAY
from tests.support.stories import stories

if TYPE_CHECKING:
    from pathlib import Path

Data = dict[str, Any]
LANGUAGES = ("de", "en")


@cache
def real() -> tuple[list[Data], list[Data]]:
    """Exceptions of all kinds that our stories tell of, and the actions of theirs that tell a customer something."""
    policy = load_policy(None)
    exceptions: dict[str, Data] = {}
    actions: list[Data] = []
    for story in stories():
        records = records_of(story.lines)
        if records and story.kind not in exceptions:
            for out in run(records, policy, max(record.log for record in records) + 5 * DAY):
                if out.topic == "exceptions" and out.kind not in exceptions:
                    exceptions[out.kind] = orjson.loads(out.body)["data"]
                elif out.topic == "actions":
                    data = orjson.loads(out.body)["data"]
                    actions += [data] if data["action"] in MESSAGES else []
    return [*exceptions.values()], actions


def test_each_built_in_text_is_written_out_with_what_exceptions_of_its_kind_say() -> None:
    """In every language and for every channel, for the exceptions and the actions of all our stories."""
    exceptions, actions = real()
    contexts = {data["exception_id"]: data["context"] for data in exceptions}
    written: set[str] = set()
    assert len(exceptions) > 60
    for data in exceptions:
        for action in MESSAGES:
            topic = topic_of(data["kind"], action)
            for language in LANGUAGES:
                for channel, parts in CHANNELS.items():
                    promise: Data = data["context"].get("promise") or {}
                    promised: str | None = promise.get("current") if TOPICS[topic].dated else None
                    asked = sample_action(data["kind"], topic, channel, language, promised) | {
                        "action": action,
                        "order_id": data["order_id"],
                    }
                    made = render(asked, data["context"])
                    assert all(getattr(made, part) for part in parts), (data["kind"], channel)
                    assert data["order_id"] in made.text
                    written.add(topic)
    assert written == set(TOPICS)
    assert {data["message"]["topic"] for data in actions} >= {"address", "backorder", "delay", "payment", "pickup"}
    for data in actions:
        if data["message"]["channel"] is not None:
            assert render(data, contexts.get(data["exception_id"], {})).text


def test_the_built_in_texts_pass_their_own_check() -> None:
    """And there is one for every topic, channel and language."""
    assert [*problems_in(BUILT_IN, {rule.kind for rule in RULES})] == []
    for language in LANGUAGES:
        for channel in CHANNELS:
            assert {path.stem for path in (BUILT_IN / language / channel).iterdir()} == set(TOPICS)


def test_a_date_is_written_as_the_language_writes_it_and_only_where_there_is_one() -> None:
    """A range means its later end."""

    def text(language: str, promised: str | None) -> str:
        return render(sample_action("shipment.delivery_overdue", "delay", "sms", language, promised), FULL).text

    assert text("en", "2026-04-28") == "Order SO-100042 is late, sorry. It is still promised by 28 April 2026."
    assert text("de", "2026-03-01/2026-03-09") == "Bestellung SO-100042 verspätet sich. Sie ist weiterhin bis 9. März 2026 zugesagt."
    assert text("en", None).endswith("We are finding out when it comes.")
    assert "2026" not in text("de-AT", None)


def test_markup_is_escaped_and_a_subject_stays_one_line() -> None:
    """What comes from outside can neither write markup nor headers."""
    context: Data = {**FULL, "shipments": [{"carrier": "ups", "tracking_numbers": ["<script>1</script>"], "delivered": False}]}
    asked = sample_action("shipment.delivery_overdue", "delay", "email", "en", None) | {"order_id": "A-1\r\nBcc: <eve@example.com>"}
    made = render(asked, context)
    assert "<script>" not in made.html
    assert "&lt;script&gt;1&lt;/script&gt;" in made.html
    assert "&lt;eve@example.com&gt;" in made.html
    assert "<script>1</script>" in made.text
    assert made.subject == "Your order A-1 Bcc: <eve@example.com> is late"


def own(folder: Path, name: str, text: str) -> Path:
    """A template of the user's own."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


BLOCKS = "{{% block subject %}}S{{% endblock %}}{{% block text %}}{}{{% endblock %}}"


def test_a_template_of_the_users_own_comes_first_and_that_of_the_kind_before_that_of_the_topic(tmp_path: Path) -> None:
    """What it does not have is as built in; it may use what the built-in ones share."""
    own(tmp_path, "en/email/delay.j2", BLOCKS.format("any delay"))
    own(tmp_path, "en/email/shipment.stuck.j2", BLOCKS.format('{% import "en/words.j2" as words %}{{ words.day("2026-01-02") }}'))
    own(tmp_path, "nl/email/delay.j2", BLOCKS.format("te laat {{ order_id }}"))

    def text(kind: str, language: str = "en") -> str:
        return render(sample_action(kind, topic_of(kind), "email", language, None), FULL, folder=tmp_path).text

    assert text("shipment.stuck") == "2 January 2026"
    assert text("shipment.delivery_overdue") == "any delay"
    assert text("shipment.delivery_overdue", "nl-BE") == "te laat SO-100042"
    assert "payment" in text("payment.declined_hard")
    assert "länger als erwartet" in text("shipment.stuck", "de")
    with pytest.raises(MessageTextError, match=r"no template for payment\.declined_hard by email in nl"):
        text("payment.declined_hard", "nl")
    assert render(sample_action("shipment.stuck", "delay", "email", "en", None), FULL, folder=tmp_path).html == ""


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("en/email/delay.j2", BLOCKS.format("{{ customer_name }}"), "'customer_name' is undefined"),
        ("en/email/delay.j2", BLOCKS.format("{{ order_id.__class__ }}"), "unsafe"),
        ("en/email/delay.j2", BLOCKS.format("{% for i in range(999999) %}a{% endfor %}"), "Range too big"),
        ("en/email/delay.j2", BLOCKS.format("{{ 'long ' * 9999 }}"), "longer than 20000 characters"),
        ("en/email/delay.j2", BLOCKS.format("{{ promised_by | date }}"), "None is no date"),
        ("en/email/delay.j2", BLOCKS.format("{{ shipments.append(1) }}"), "unsafe"),
        ("en/email/delay.j2", BLOCKS.format("{% include '/etc/passwd' %}"), "there is no /etc/passwd"),
        ("en/email/delay.j2", BLOCKS.format("{% include '../../x' %}"), "there is no ../../x"),
        ("en/email/delay.j2", BLOCKS.format("{% if %}"), "line 1: Expected an expression"),
        ("en/email/delay.j2", BLOCKS.format(" "), "block 'text' is empty"),
        ("en/email/delay.j2", "{% block text %}a{% endblock %}", "it has no block 'subject'"),
        ("en/sms/delay.j2", BLOCKS.format("a"), "it has a block 'subject'; a message by sms has text"),
        ("en/email/dely.j2", "", "'dely' is neither a kind of exception nor a topic"),
        ("en/fax/delay.j2", "", "unknown channel 'fax'; known: email, sms, push"),
        ("english/email/delay.j2", "", "'english' is no language such as en or pt-BR"),
        ("delay.txt", "", "no template: they are called LANGUAGE/CHANNEL/NAME.j2"),
        ("en/words.j2", "{% macro %}", "line 1"),
    ],
)
def test_what_is_wrong_with_a_template_is_told_by_its_file(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """Before a customer sees it; all of it at once."""
    own(tmp_path, name, text)
    own(tmp_path, "en/push/payment.j2", BLOCKS.format("pay {{ order_id }}"))
    (found,) = problems_in(tmp_path, {rule.kind for rule in RULES})
    assert found.startswith(f"{tmp_path}/{name}: ")
    assert problem in found
    assert "\n" not in found


def test_the_command_checks_a_folder_and_shows_a_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each mistake and exit code 2."""
    own(tmp_path, "en/email/delay.j2", BLOCKS.format("late: {{ order_id }}"))
    assert command(["templates", "check", str(tmp_path)]) == 0
    assert "has 1 templates" in capsys.readouterr().out
    assert command(["templates", "show", "shipment.stuck", "--templates", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "S\n\nlate: SO-100042\n"
    assert command(["templates", "show", "delay", "--part", "html", "--language", "de"]) == 0
    assert "<p>Guten Tag,</p>" in capsys.readouterr().out
    own(tmp_path, "en/email/pickup.j2", BLOCKS.format("{{ nam }}"))
    assert command(["templates", "check", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"orderwatch: {tmp_path}/en/email/pickup.j2: 'nam' is undefined\n"
    for wrong in (
        ["check", str(tmp_path / "none")],
        ["show", "nope"],
        ["show", "delay", "--language", "xx"],
        ["show", "delay", "--part", "x"],
    ):
        assert command(["templates", *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1
