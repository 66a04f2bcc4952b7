"""`orderwatch console` from the outside: what is checked before anything listens, and that secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataflows.cli.main import run
from dataflows.settings import load_settings
from dataflows.settings.load import SettingsError


def checked(tmp_path: Path, capsys: pytest.CaptureFixture[str], console: str) -> tuple[int, str]:
    """What `console --check` answers."""
    file = tmp_path / "orderwatch.yaml"
    file.write_text(f"state: {{dir: {tmp_path / 'state'}}}\nconsole: {{{console}}}\n", encoding="utf-8")
    code = run(["console", "--check", "--settings", str(file)])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_the_check_says_where_both_databases_are_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The settings are shown whole, secrets masked."""
    given = "url: postgresql://ow:hidden@db/console, oidc_issuer: https://a.example, oidc_client_id: x, oidc_roles: {a: operator}"
    code, said = checked(tmp_path, capsys, f"{given}, oidc_client_secret: hidden-too")
    assert code == 0
    assert "store.sqlite3" in said
    assert "postgresql+psycopg://ow:***@db/console" in said
    assert "hidden" not in said
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("console", "word"),
    [
        ("port: x", "console.port"),
        ("path: a b", "console.path"),
        ("zone: Mars/Olympus", "console.zone"),
        ("audited: [orders]", "console.audited"),
        ("cookie: none", "console.cookie"),
        ("proxies: [nowhere]", "console.proxies"),
        ("url: mysql://x/y", "console.url"),
        ("oidc_issuer: http://login.example.com", "console.oidc_issuer"),
        ("oidc_issuer: https://login.example.com", "oidc_client_id"),
        ("oidc_client_id: x", "oidc_client_id"),
        ("prot: 1", "did you mean console.port"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], console: str, word: str) -> None:
    """Exit code 2, and the name of the setting."""
    code, said = checked(tmp_path, capsys, console)
    assert code == 2
    assert word in said
    assert len(said.splitlines()) == 1


def test_a_provider_that_is_given_whole_is_taken(tmp_path: Path) -> None:
    """From a file and from the environment alike; a provider on this host may do without HTTPS."""
    file = tmp_path / "orderwatch.yaml"
    file.write_text(f"state: {{dir: {tmp_path}}}\n", encoding="utf-8")
    environment = {
        "ORDERWATCH_CONSOLE__OIDC_ISSUER": "http://127.0.0.1:8080/realms/shop",
        "ORDERWATCH_CONSOLE__OIDC_CLIENT_ID": "x",
        "ORDERWATCH_CONSOLE__OIDC_ROLES": "ops=operator,leads=approver",
        "ORDERWATCH_CONSOLE__AUDITED": "order, export",
    }
    console = load_settings(file, environment).console
    assert (console.oidc_roles, console.audited) == ({"ops": "operator", "leads": "approver"}, ("order", "export"))
    with pytest.raises(SettingsError):
        load_settings(file, {**environment, "ORDERWATCH_CONSOLE__OIDC_ROLES": ""})
