"""Pages from templates. What a page writes of times, amounts and names goes through `Shown`, which knows the reader's language and zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any, Final, NamedTuple, cast
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.runtime import Context, Macro
from markupsafe import Markup, escape

from dataflows.console.text import Language, is_text, language, mark

HERE: Final = Path(__file__).parent
SEVERITIES: Final = {mark("critical"): "◆", mark("high"): "▲", mark("medium"): "●", mark("low"): "○"}
"""By severity its shape: it is never said by colour alone."""


class StatedDate(NamedTuple):
    """A day, an instant, or the begin or end of a span, as it was stated. `at`: of an instant."""

    text: str
    at: datetime | None


class ShownTo:
    """How one reader sees instants, amounts and numbers. Used by the macros."""

    def __init__(self, spoken: Language, zone: ZoneInfo, now: datetime) -> None:
        self.language, self.zone, self.now = spoken, zone, now

    def absolute(self, at: datetime, zone: str | None = None) -> str:
        """An instant, in the reader's zone or in another one."""
        return self.language.date_time(at, self.zone if zone is None else ZoneInfo(zone))

    def other_zone(self, at: datetime, zone: str | None) -> str | None:
        """The instant in a zone that shows another time than the reader's does; None if it shows the same."""
        if zone is None or at.astimezone(ZoneInfo(zone)).utcoffset() == at.astimezone(self.zone).utcoffset():
            return None
        return self.absolute(at, zone)

    def relative(self, at: datetime) -> str:
        """How far away an instant is."""
        return self.language.distance(at - self.now)

    def short(self, at: datetime) -> str:
        """Day and time in few characters."""
        return self.language.short(at, self.zone)

    def is_past(self, at: datetime) -> bool:
        """Whether an instant is over."""
        return at <= self.now

    def stated(self, dates: str | None) -> list[StatedDate]:
        """The one or two dates of a promise. The event model takes any text there: what is no instant is shown as it was stated."""
        return [StatedDate(text, _instant(text)) for text in (dates or "").split("/") if text]

    def machine(self, at: datetime) -> str:
        """For `<time datetime>`."""
        return at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")

    def money(self, value: Decimal | float, currency: str | None) -> str:
        """An amount."""
        return self.language.money(value, currency)

    def number(self, value: Decimal | float, digits: int | None = None) -> str:
        """A number."""
        return self.language.number(value, digits)

    def shape(self, severity: str) -> str:
        """The shape of a severity."""
        return SEVERITIES.get(severity, "·")


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        return None
    return None if found is None or found.tzinfo is None else found


PLAIN: Final = (FunctionType, MethodType)


class PageContext(Context):
    """Calls what templates call most, functions of ours and macros, without asking first what else they might want."""

    def call(self, obj: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """As `Context.call`. No function of ours raises StopIteration, or wants the context."""
        kind = type(obj)
        if kind is Macro:
            args = (self.eval_ctx, *args)
        elif kind not in PLAIN or hasattr(obj, "jinja_pass_arg"):
            return super().call(obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return obj(*args, **kwargs)


@lru_cache(None)
def environment(code: str) -> Environment:
    """The templates in a language."""
    spoken = language(code)
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.context_class = PageContext
    made.globals.update(translating(spoken))
    made.filters["words"] = words
    made.globals.update(cast("dict[str, Any]", {"kind_words": spoken.kind, "kind_title": spoken.kind_title}))
    return made


def translating(spoken: Language) -> dict[str, Callable[..., Markup]]:
    """`_` and `ngettext` of templates: formats with `%(name)s`, of which the values are escaped. What is no text of ours is escaped too.

    Jinja's own do the same by three calls within each other; a page of a list has several hundred texts.
    """
    plain: dict[str, Markup] = {}

    def said(message: str) -> Markup:
        return Markup(spoken.text(message)) if is_text(message) else escape(message)  # noqa: S704 - a text of ours is markup

    def text(message: str, **values: object) -> Markup:
        if values:
            return said(message) % values
        found = plain.get(message)
        if found is None:
            found = said(message) % {}
            if is_text(message):
                plain[message] = found
        return found

    def plural(one: str, many: str, count: int, **values: object) -> Markup:
        return Markup(spoken.plural(one, many, count)) % {"num": count, **values}  # noqa: S704 - stands in the template

    return {"_": text, "gettext": text, "ngettext": plural}


def rendered(code: str, template: str, context: Mapping[str, Any]) -> str:
    """A template with its context."""
    return environment(code).get_template(template).render(context)


def words(name: str | None) -> str:
    """A name of code as words: `awaiting_customer` becomes `awaiting customer`."""
    return "" if name is None else name.replace("_", " ")


def safe(text: str) -> Markup:
    """A text that is markup already: made here, never from what somebody has sent."""
    return Markup(text)  # noqa: S704 - as the name says
