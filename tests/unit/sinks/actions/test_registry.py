"""The page of the executors: its settings are read as they stand there, and what it says of actions is so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.actions import ACTIONS
from sinks.actions.registry import KINDS, actions_of, build, settings_of, unreadable_secrets

PAGE = Path(__file__).parents[4] / "sinks/actions/README.md"


def endpoints() -> dict[str, dict[str, Any]]:
    """Those that the page shows."""
    shown = PAGE.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    found: dict[str, dict[str, Any]] = yaml.safe_load(shown)["dispatch"]["endpoints"]
    return found


def test_what_the_page_shows_can_be_used() -> None:
    """One endpoint of each kind but Apprise, built from the very text."""
    shown = endpoints()
    assert {given["kind"] for given in shown.values()} == set(KINDS) - {"apprise"}
    for given in shown.values():
        kind = given.pop("kind")
        assert build(kind, settings_of(kind, given)) is not None


def test_the_page_names_what_its_secrets_lack() -> None:
    """Each secret that is not there is named by its place, with nothing in it."""
    given = endpoints()["crm"]
    kind = given.pop("kind")
    assert sorted(unreadable_secrets(settings_of(kind, given))) == [
        "/run/secrets/crm_next: cannot be read (FileNotFoundError)",
        "environment variable CRM_SECRET: there is no secret",
    ]


def test_every_action_can_be_sent_somewhere() -> None:
    """By a signed webhook and a declared template at least."""
    for spec in ACTIONS.values():
        assert {"webhook", "rest"} <= set(spec.executors)


def test_a_kind_that_is_misspelt_is_named_with_what_is_meant() -> None:
    """When settings are read."""
    with pytest.raises(ValueError, match="did you mean webhook"):
        settings_of("webhok", {})


def test_a_mail_endpoint_without_a_team_has_the_messages_to_customers() -> None:
    """And those that offer other goods."""
    given = {name: value for name, value in endpoints()["post"].items() if name not in ("kind", "to")}
    assert actions_of("mail", settings_of("mail", given)) == {
        *("notify_customer", "ask_payment_update", "request_address_confirmation", "propose_substitute"),
    }
