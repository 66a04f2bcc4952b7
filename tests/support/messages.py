"""The texts of the console: those of code and templates, and those of its German files. Run as a module, it lists what is missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

HERE = Path(__file__).parents[2] / "dataflows" / "console"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "mark": None, "say": None, "say_many": (1, 2)}
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "silent": "false", "newstyle_gettext": "true"}}


@cache
def used() -> dict[str, str]:
    """Every text, and a place where it stands."""
    found: dict[str, str] = {}
    for name, line, message, _comments, _context in extract_from_dir(HERE, METHODS, OPTIONS, KEYWORDS):
        text = message[0] if isinstance(message, tuple) else message
        if text:
            found.setdefault(text, f"{name}:{line}")
    return found


@cache
def translated(language: str = "de") -> dict[str, tuple[str, ...]]:
    """By text, its translations: one, or one for each number."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted((HERE / "locale" / language).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if message.id and not message.fuzzy:
                    text = message.id[0] if isinstance(message.id, tuple | list) else message.id
                    said = message.string if isinstance(message.string, tuple | list) else (message.string,)
                    found[str(text)] = tuple(str(one) for one in said)
    return found


def main() -> None:
    """Prints what has no German yet, by place."""
    known = translated()
    for text, place in sorted(used().items(), key=lambda one: one[1]):
        if not all(known.get(text, ("",))):
            print(f"{place}: {text!r}")  # noqa: T201


if __name__ == "__main__":
    main()
