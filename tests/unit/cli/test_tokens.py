"""`orderwatch tokens create`: whose a token is, written either way, and what is said of one that may do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataflows.cli.listing import print_list
from dataflows.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["anna", "user:anna"])
def test_a_person_is_named_as_events_name_them_or_without(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are the same person."""
    assert run(["tokens", "create", "desk", "--user", name, "--role", "operator", "--dir", str(tmp_path)]) == 0
    assert "as user:anna (operator)" in capsys.readouterr().err


def test_a_list_that_no_person_reads_is_lines_of_fields(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, the heads first; that there is nothing is no line of it."""
    words = ["--source", "/shop", "--user", "anna", "--role", "operator", "--dir", str(tmp_path)]
    assert run(["tokens", "create", "desk", *words]) == 0
    capsys.readouterr()
    assert run(["tokens", "list", "--dir", str(tmp_path)]) == 0
    may = "sends * of /shop for tenant default; decides * as user:anna (operator) for tenant default"
    lines = [["name", "state", "may", "expires", "last used"], ["desk", "active", may, "never", "never"]]
    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()] == lines
    print_list(("name",), (), "nobody")
    assert capsys.readouterr() == ("name\n", "nobody\n")


def test_a_token_that_may_do_nothing_is_refused_by_the_options_that_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line."""
    assert run(["tokens", "create", "desk", "--dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "orderwatch: the token may do nothing: give it --source, or --user or --service with --role\n"
