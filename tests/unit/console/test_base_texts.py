"""The languages of the console: every text has its German, with the same blanks to fill; what is vendored is unchanged."""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from babel.dates import TIMEDELTA_UNITS, format_timedelta
from babel.messages.pofile import read_po

from dataflows.console.assets import STATIC
from dataflows.console.text import language, preferred
from dataflows.core.rules import RULES
from tests.support.messages import HERE, translated, used

ROOT = Path(__file__).parents[3]
BLANK = re.compile(r"%\((\w+)\)[sd]")
OTHER_WORDS = re.compile(
    r"Auftr[aä]g|beauftragt|Aktion|[Gg]enehmig|Termin|Kennzeich|aufnehmen|ufzunehmen|Versender|Frachtführer|Policy|zur Probe|überdeckt"
)
"""Words for what German texts call Bestellung, angefordert, Maßnahme, Freigabe, Frist, Einordnung, angenommen, Zusteller, Richtlinie."""


def test_every_text_has_its_german() -> None:
    """Whoever adds a text adds its translation, in the file of the part."""
    known = translated()
    assert len(used()) > 100
    assert [f"{place}: {text}" for text, place in used().items() if not all(known.get(text, ("",)))] == []


def test_every_kind_has_its_german() -> None:
    """Whoever reads German reads what is wrong in German; kinds of a user's own rules stay as they are called."""
    kinds = [rule.kind for rule in RULES]
    assert sorted({*kinds, *(kind.partition(".")[0] for kind in kinds)} - set(translated())) == []
    assert (language("de").kind_title(kinds[0]), language("en").kind_title(kinds[0])) == ("Adresse zu spät geändert", "Change late")
    assert language("de").kind("custom.my_own") == "my own"


def test_translations_have_the_blanks_of_their_texts() -> None:
    """A blank that is missing or misspelt fails only when somebody reads German."""
    wrong: list[str] = []
    for text, said in translated().items():
        wanted = set(BLANK.findall(text)) - {"count"}
        wrong += [text for one in said if set(BLANK.findall(one)) - {"count"} != wanted]
    assert wrong == []


def test_a_text_has_one_german_in_whichever_file() -> None:
    """Of several the last file's would count, and the others' readers would find another word than they meant."""
    said: dict[str, set[str]] = {}
    for path in sorted((HERE / "locale" / "de").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                said.setdefault(str(message.id), set()).add(str(message.string))
    assert {text: words for text, words in said.items() if text and len(words) > 1} == {}


def test_a_thing_has_one_german_name() -> None:
    """An order that is an Auftrag above and a Bestellung below is two things to whoever reads."""
    assert {text: said for text, said in translated().items() if OTHER_WORDS.search(" ".join(said))} == {}


def test_nothing_is_translated_that_is_not_used() -> None:
    """A text that was changed leaves no translation behind. Some stand elsewhere as data, such as what a role is for."""
    left = set(translated()) - set(used())
    written = "".join(path.read_text(encoding="utf-8") for top in ("dataflows", "schemas", "sinks") for path in (ROOT / top).rglob("*.py"))
    assert sorted(text for text in left if text not in written) == []


def test_times_and_amounts_are_written_as_the_language_does() -> None:
    """In the reader's zone, with its short name."""
    at, berlin = datetime(2026, 3, 29, 0, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    english, german = language("en"), language("de")
    assert english.date_time(at, berlin) == "29 Mar 2026, 01:30 CET"
    assert german.date_time(at + timedelta(hours=1), berlin) == "29.03.2026, 03:30 CEST"
    assert (english.money(Decimal("1234.5"), "EUR"), german.money(Decimal("1234.5"), "EUR")) == ("€1,234.50", "1.234,50\xa0€")
    assert (english.distance(timedelta(hours=-3)), german.distance(timedelta(days=2))) == ("3 hours ago", "in 2 Tagen")
    assert (english.plural("a", "b", 1), german.number(1_000_000)) == ("a", "1.000.000")


def test_a_length_is_written_as_babel_does() -> None:
    """Which is asked once for each count of each unit, and not for each row."""
    edges = [each * count for _, each in TIMEDELTA_UNITS for count in (0.9, 1, 1.19, 1.2, 1.5, 2.5, 11.6)]
    for code in ("en", "de"):
        for seconds in (0, 0.4, *edges, *(-edge for edge in edges)):
            length, spoken = timedelta(seconds=seconds), language(code)
            assert spoken.distance(length) == format_timedelta(length, threshold=1.2, add_direction=True, locale=spoken.locale)
            assert spoken.span(length) == format_timedelta(length, threshold=1.2, locale=spoken.locale)


def test_the_browsers_first_known_language_counts() -> None:
    """By weight; nonsense is English."""
    headers = ("de-AT,en;q=0.8", "fr, en;q=0.5, de;q=0.9", "fr", "", "de;q=x,en")
    assert [preferred(header) for header in headers] == ["de", "de", "en", "en", "en"]


def test_what_is_vendored_is_what_was_published() -> None:
    """Each file has its digest, and nothing else lies beside them."""
    folder = STATIC / "vendor"
    listed = tomllib.loads((folder / "vendored.toml").read_text(encoding="utf-8"))
    digests = {name: file["sha256"] for library in listed.values() for name, file in library["files"].items()}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "vendored.toml"}
    assert there == digests
    assert all(library["version"] in library["from"] and library["licence"] for library in listed.values())


def test_own_scripts_need_no_eval_and_stay_small() -> None:
    """As the Content-Security-Policy asks; the keys in at most 300 lines."""
    scripts = list(STATIC.glob("*.js"))
    assert scripts
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\beval\(|new Function|setAttribute\(.style|innerHTML", text), path.name
    assert len((STATIC / "keys.js").read_text(encoding="utf-8").splitlines()) <= 300
    templates = (Path(STATIC).parent / "templates").rglob("*.html")
    inline = re.compile(r"\sstyle=|\son[a-z]+=|hx-on|<script>|<style|javascript:", re.IGNORECASE)
    assert [path.name for path in templates if inline.search(path.read_text(encoding="utf-8"))] == []
