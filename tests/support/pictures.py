"""Pictures of every view: `python -m tests.support.pictures OUT` makes them in both themes, and as a phone shows them.

`--only NAME` (repeatable) takes some of them, `--locale de-DE` another language.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.browser import PHONE, WIDE, Served, browser, why_not, window
from tests.support.console import console
from tests.support.views import shown_views

ORDERS = 200
SHOTS = (("light", WIDE, False), ("dark", WIDE, True), ("phone", PHONE, False), ("phone-dark", PHONE, True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes them; returns 2 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.pictures", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", action="append", metavar="NAME", help="of these views only")
    parser.add_argument("--locale", default="en-GB")
    parser.add_argument("--orders", type=int, default=ORDERS)
    given = parser.parse_args(arguments)
    if why := why_not():
        sys.stderr.write(f"pictures: {why}\n")
        return 2
    given.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, console(Path(folder), orders=given.orders, settings={"cookie": "plain"}) as host:
        served = Served(host.app)
        views = {name: path for name, path in shown_views(host).items() if not given.only or name in given.only}
        with browser() as chromium:
            for shot, size, dark in SHOTS:
                with window(chromium, served.url, host, "ada", size=size, dark=dark, locale=given.locale) as shown:
                    for name, path in views.items():
                        shown.open(path)
                        shown.picture(given.out / f"{name}-{shot}.png")
                    if shown.wrongs:
                        sys.stderr.write("".join(f"pictures: {shot}: {wrong}\n" for wrong in shown.wrongs))
                        shown.wrongs.clear()
        served.stop()
    sys.stdout.write(f"{len(views) * len(SHOTS)} pictures in {given.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
