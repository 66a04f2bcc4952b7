"""How the single values of a policy file are read: from its texts to what the engine uses. Each refusal names what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, cast

from pydantic import ValidationInfo

from dataflows.core.clocks import Span, span
from dataflows.core.clocks.calendar import Intervals
from dataflows.core.clocks.days import holiday_regions, is_holiday_region
from dataflows.core.clocks.spans import Later, Portion
from dataflows.core.policy.matching import value_test
from dataflows.core.policy.setting import Switch
from schemas.instants import HOUR
from schemas.place_names import country_code
from schemas.places import countries, is_country, is_region, zone_names
from schemas.problems import mistake, nearest, unknown_zone
from schemas.values import BadTimeError, micros, parse_instant

MILESTONES: Final = (
    "placed", "captured", "shipped", "scans", "delivered", "first_scan", "progress", "authorized", "allocated", "released", "picked",
    "packed", "invoiced", "inspected", "refunded", "return_shipped",
)  # fmt: skip
FROM_THE_START: Final = frozenset({"placed", "captured", "shipped", "delivered"})
"""The milestones that are waited for where a policy does not list any: all others must be seen first (`core.history.learned`)."""
CLOCKS: Final = ("site", "carrier", "destination", "tenant")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_REPEATS: Final = 20
_SWITCHES: Final[dict[str, Switch]] = {
    "on": "on", "true": "on", "yes": "on", "off": "off", "false": "off", "no": "off", "shadow": "shadow",
}  # fmt: skip
_SHARE: Final = re.compile(r"(\d{1,3}) ?%", re.ASCII)
_AMOUNT: Final = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)
_TIME: Final = re.compile(r"(\d\d?):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """The names that a file may use beyond its grammar: rule kinds and the calendars that it defines itself."""

    kinds: frozenset[str]
    calendars: frozenset[str]


def text(value: object) -> str:
    """A text that is not empty."""
    if value is None:
        raise mistake("a value is missing")
    if not isinstance(value, str):
        raise mistake("a single text is expected here")
    return value.strip()


def one_of(value: object, what: str, allowed: Collection[str], *, known: str = "") -> str:
    """A name out of a set, which the refusal lists; `known` says instead where the list is, if it is long."""
    name = text(value)
    if name not in allowed:
        raise mistake(f"unknown {what} {name!r}; {known or 'known: ' + ', '.join(allowed)}", nearest(name, allowed))
    return name


def choice(what: str, allowed: Collection[str], *, any_case: bool = False) -> Callable[[object], str]:
    """A reader of a name out of a fixed set; in any case where orders are compared with it, since events state it so."""
    by_fold = {name.casefold(): name for name in allowed} if any_case else {}
    return lambda value: by_fold.get(text(value).casefold()) or one_of(value, what, allowed)


def named(value: object) -> str:
    """A free name: a team, a site, a feed."""
    name = text(value)
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise mistake(f"{name!r} is no name: 1 to 100 printable characters")
    return name


def amount_test(value: object) -> str:
    """A limit of an order's total: `above 200`, `below 20 EUR`."""
    name = text(value)
    found = value_test(name)
    if found is None:
        raise mistake(f"{name!r} is no limit of a total: write 'above 200', 'below 20' or 'above 200 EUR'")
    sense, bound, currency = found
    if sense == "below" and bound == 0:
        raise mistake("no total is below 0")
    return " ".join(part for part in (sense, str(bound), currency) if part)


def feed(value: object) -> str:
    """A prefix of `source` that ends where a part of the path does: `/carrier`, `/carrier/ups`."""
    name = named(value)
    if not name.startswith("/"):
        raise mistake(f"{name!r} is no prefix of a source: it must start with '/'", f"/{name}".rstrip("/"))
    if name.endswith("/") or "//" in name:
        raise mistake(f"{name!r}: a prefix is made of whole parts, such as /carrier/ups", "/" + "/".join(filter(None, name.split("/"))))
    return name


def calendar_key(value: object) -> str:
    """The name of a new calendar; the names of the built-in clocks are taken."""
    name = named(value)
    if name in CLOCKS:
        raise mistake(f"{name!r} is a clock already; a calendar needs a name of its own")
    return name


def switch(value: object) -> Switch:
    """`on`, `shadow` or `off`; `true` and `false` count as on and off."""
    name = text(value).lower()
    return _SWITCHES[name] if name in _SWITCHES else cast("Switch", one_of(name, "switch", ("on", "shadow", "off")))


def any_span(value: object) -> Span:
    """A span of elapsed or business time; one that was read already stays as it is."""
    if isinstance(value, Span):
        return value
    try:
        return span(text(value))
    except ValueError as error:
        raise mistake(str(error)) from None


def step(value: object) -> Span:
    """When a step comes: a span counted from the anchor, with a `+` from the deadline; or a share of the time until the deadline."""
    if isinstance(value, str) and (share := _SHARE.fullmatch(value.strip())) is not None:
        if not 1 <= int(share[1]) <= 99:
            raise mistake(f"{value.strip()!r}: a share of the time until the deadline is 1 % to 99 %")
        return Portion(int(share[1]), "us")
    if not isinstance(value, str) or not value.strip().startswith("+"):
        return any_span(value)
    found = any_span(value.strip()[1:])
    if found.n <= 0:
        raise mistake(f"{value.strip()!r}: what is counted from the deadline comes after it, such as '+1 bd'")
    return Later(*found)


def elapsed(value: object) -> Span:
    """A span of elapsed time that is not negative."""
    found = any_span(value)
    if found.unit != "us" or found.n < 0:
        raise mistake(f"{text(value)!r}: elapsed time is expected here, such as '5 m' or '24 h'")
    return found


def hours(value: object) -> Span:
    """Whole hours, at least one."""
    found = elapsed(value)
    if found.n < HOUR or found.n % HOUR:
        raise mistake(f"{text(value)!r}: whole hours are expected here, such as '16 h'")
    return found


def instant(value: object) -> int:
    """An instant with an offset, as µs, UTC."""
    try:
        return micros(parse_instant(text(value)))
    except (ValueError, BadTimeError):
        raise mistake(f"{text(value)!r}: an instant with an offset is expected here, such as 2026-11-02T00:00:00Z") from None


def period(value: object) -> Span:
    """A span of elapsed time longer than nothing."""
    found = elapsed(value)
    if found.n == 0:
        raise mistake("this must be longer than nothing")
    return found


def allowed(value: object) -> Span | None:
    """How long something may take, elapsed or business time; None where it may take as long as it likes."""
    if isinstance(value, str) and value.strip().lower() in {"off", "none", "false", "no"}:
        return None
    found = any_span(value)
    if found.n <= 0:
        raise mistake("this must be longer than nothing, or off")
    return found


def repeats(value: object) -> int:
    """How often a ladder is gone through again, 0 to 20."""
    name = text(value)
    if not (name.isascii() and name.isdigit() and int(name) <= MOST_REPEATS):
        raise mistake(f"{name!r}: a ladder ends, it is gone through again 0 to {MOST_REPEATS} times")
    return int(name)


def currency(value: object) -> str:
    """A currency by its three letters, in any case; `*` stands for all others."""
    name = text(value).upper()
    if name != "*" and not (len(name) == 3 and name.isascii() and name.isalpha()):
        raise mistake(f"{text(value)!r} is no currency: three letters such as EUR, or '*' for all others")
    return name


def amount(value: object) -> Decimal:
    """An amount of money that is not negative."""
    written = text(value)
    if not _AMOUNT.fullmatch(written):
        raise mistake(f"{written!r} is no amount of money, such as 0.02")
    return Decimal(written)


def amounts(value: object) -> tuple[tuple[str, Decimal], ...]:
    """An amount for all currencies, or amounts by currency."""
    stated = cast("dict[object, object]", value) if isinstance(value, dict) else {"*": value}
    found = {currency(name): amount(one) for name, one in stated.items()}
    if "*" not in found:
        raise mistake("'*' is missing: what counts for all other currencies")
    return tuple(sorted(found.items()))


def count(value: object) -> int:
    """How often something must happen, 1 to 100."""
    name = text(value)
    if not (name.isascii() and name.isdigit() and 1 <= int(name) <= 100):
        raise mistake(f"{name!r} is no count: 1 to 100")
    return int(name)


def events(value: object) -> int:
    """How many events an order may have, 100 to 1000000."""
    name = text(value)
    if not (name.isascii() and name.isdigit() and 100 <= int(name) <= 1_000_000):
        raise mistake(f"{name!r} is no number of events that an order may have: 100 to 1000000")
    return int(name)


def kind(value: object, info: ValidationInfo) -> str:
    """A rule kind."""
    return one_of(value, "rule kind", cast("Known", info.context).kinds, known="`orderwatch policy show` lists them all")


def kind_or_all(value: object, info: ValidationInfo) -> str:
    """A rule kind, or `*` for all rules."""
    return "*" if value == "*" else kind(value, info)


def calendar(value: object, info: ValidationInfo) -> str:
    """The name of a calendar of the file."""
    return one_of(value, "calendar", sorted(cast("Known", info.context).calendars))


def clock(value: object, info: ValidationInfo) -> str:
    """Whose business time counts: `site`, `carrier`, `destination`, `tenant`, or a calendar of the file."""
    return one_of(value, "clock", (*CLOCKS, *sorted(cast("Known", info.context).calendars)))


def zone(value: object) -> str:
    """A time zone of the IANA database."""
    name = text(value)
    if name not in zone_names():
        raise mistake(*unknown_zone(name))
    return name


def country(value: object) -> str:
    """An ISO 3166-1 alpha-2 code."""
    name = text(value)
    if not is_country(name):
        message = f"unknown country {name!r}: a code of two capitals (ISO 3166-1) is expected, such as DE"
        raise mistake(message, country_code(name) or nearest(name, countries()))
    return name


def country_of(value: object) -> str:
    """The code of a country that is stated by its code or its name, in any case, as events state it."""
    return country_code(text(value)) or country(value)


def region(value: object) -> str:
    """An ISO 3166-2 code such as `US-CA`."""
    name = text(value)
    if not is_region(name):
        hint = f"; the zone of a whole country goes under `countries: {{{name}: {{zone: ...}}}}`" if is_country(name) else ""
        upper = name.upper().replace("_", "-")
        raise mistake(f"{name!r} is not a region such as US-CA{hint}", upper if is_region(upper) else None)
    return name


def holidays(value: object) -> str | None:
    """A country or subdivision whose public holidays are known, or `off`."""
    name = text(value)
    if name in {"off", "none", "false"}:
        return None
    if not is_holiday_region(name):
        regions = holiday_regions()
        known = (*regions, *(f"{code}-{part}" for code, parts in regions.items() for part in parts))
        message = f"the public holidays of {name!r} are not known; a country or region such as DE or US-CA is expected, or off"
        meant = country_code(name)
        raise mistake(message, meant if meant in regions else nearest(name, known))
    return name


def day(value: object) -> date:
    """A date."""
    name = text(value)
    try:
        return date.fromisoformat(name)
    except ValueError:
        raise mistake(f"{name!r} is not a date such as 2026-12-24") from None


def minutes(value: object) -> int:
    """A local time, `00:00` to `24:00`, in minutes after midnight."""
    name = text(value)
    found = _TIME.fullmatch(name)
    total = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else -1
    if not 0 <= total <= 24 * 60:
        raise mistake(f"{name!r} is not a time such as '16:00'")
    return total


def intervals(value: object) -> Intervals:
    """The working hours of a day: `08:00-12:00, 13:00-18:00`, or `off`."""
    name = text(value)
    if name in {"off", "closed"}:
        return ()
    found: list[tuple[int, int]] = []
    for part in name.split(","):
        opening, dash, closing = part.strip().partition("-")
        if not dash:
            raise mistake(f"{part.strip()!r} is not an interval such as '08:00-18:00'")
        opens, closes = minutes(opening.strip()), minutes(closing.strip())
        if opens >= closes:
            raise mistake(f"{part.strip()!r} ends before it starts; split hours over midnight in two days: '22:00-24:00' and '00:00-06:00'")
        if found and opens < found[-1][1]:
            raise mistake(f"{name!r}: the intervals overlap or are out of order")
        found.append((opens, closes))
    return tuple(found)


def weekdays(value: object) -> tuple[int, ...]:
    """Weekdays, Monday is 0: `mon`, `mon-fri`, `sat,sun`, and over the end of a week: `sun-thu`."""
    found: list[int] = []
    for part in text(value).lower().split(","):
        first, dash, last = part.strip().partition("-")
        ends = [WEEKDAYS.index(one_of(end, "weekday", WEEKDAYS)) for end in ((first, last) if dash else (first,))]
        length = (ends[-1] - ends[0]) % len(WEEKDAYS) + 1
        found.extend((ends[0] + day) % len(WEEKDAYS) for day in range(length))
    if len(set(found)) < len(found):
        raise mistake(f"{text(value)!r} names a weekday twice")
    return tuple(found)
