"""A person's own settings: language, zone, theme, keys, password, sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final
from zoneinfo import available_timezones

from starlette.responses import Response

from dataflows.console.access import Needs
from dataflows.console.people.directory import LANGUAGES, LOCAL, THEMES, PeopleError
from dataflows.console.people.passwords import WeakPasswordError
from dataflows.console.people.sessions import PersonSession
from dataflows.console.routes import Route
from dataflows.console.text import NAMES, mark
from dataflows.console.visit import NotHereError, Visit

SAVED: Final = mark("Saved.")
CHANGED: Final = mark("The password is changed. Your other sessions have ended.")
WRONG: Final = mark("The present password is another one.")
DIFFERENT: Final = mark("Both new passwords must be the same.")
ENDED: Final = mark("The session has ended.")


@lru_cache(1)
def zones() -> Sequence[str]:
    """The zones that can be chosen."""
    return sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/")))


async def show_settings(visit: Visit) -> Response:
    """All of it on one page."""
    return await _shown(visit)


async def save_settings(visit: Visit) -> Response:
    """Keeps language, zone, theme and keys."""
    form = await visit.form()
    chosen = {name: str(form.get(name, "")) or None for name in ("language", "zone", "theme")}
    try:
        await visit.own(
            visit.parts.directory.prefer,
            visit.person.name,
            language=chosen["language"],
            zone=chosen["zone"],
            theme=chosen["theme"],
            single_keys=form.get("single_keys") == "on",
            at=visit.now,
        )
    except PeopleError as error:
        return await _shown(visit, problem=str(error))
    return visit.done(visit.url("settings"), visit.say(SAVED))


async def change_password(visit: Visit) -> Response:
    """Gives a local person another password; other sessions end."""
    if visit.person.origin != LOCAL or visit.session is None:
        raise NotHereError
    form = await visit.form()
    present, wanted, again = (str(form.get(name, "")) for name in ("present", "wanted", "again"))
    directory, attempts, name = visit.parts.directory, visit.parts.attempts, visit.person.name
    subjects = (f"name:{name}",)
    keep, by = visit.session.digest, visit.person.by

    def change() -> str | None:
        """What is wrong, if anything is."""
        if attempts.wait(subjects, visit.now):
            return visit.say(WRONG)
        if directory.verified(name, present) is None:
            attempts.failed(subjects, visit.now)
            return visit.say(WRONG)
        if wanted != again:
            return visit.say(DIFFERENT)
        try:
            directory.set_password(name, wanted, keep=keep, by=by, at=visit.now)
        except WeakPasswordError as error:
            return visit.say(str(error))
        return None

    if problem := await visit.own(change):
        return await _shown(visit, wrong=problem)
    return visit.done(visit.url("settings"), visit.say(CHANGED))


async def end_session(visit: Visit) -> Response:
    """Ends one of the person's own sessions."""
    digest = str((await visit.form()).get("session", ""))
    own: Callable[[], Sequence[PersonSession]] = lambda: visit.parts.sessions.of(visit.person.name, visit.now)  # noqa: E731 - it is called once
    if digest not in {one.digest for one in await visit.own(own)}:
        raise NotHereError
    await visit.own(visit.parts.sessions.end, digest, by=visit.person.by, at=visit.now, what="session_ended")
    return visit.done(visit.url("settings"), visit.say(ENDED))


async def _shown(visit: Visit, problem: str | None = None, wrong: str | None = None) -> Response:
    sessions = await visit.own(visit.parts.sessions.of, visit.person.name, visit.now)
    return visit.page(
        "settings/settings.html",
        status=422 if problem or wrong else 200,
        sessions=sessions,
        zones=zones(),
        languages=[(code, NAMES[code]) for code in LANGUAGES],
        themes=THEMES,
        problem=problem,
        wrong=wrong,
        local=visit.person.origin == LOCAL,
    )


ROUTES: Final = (
    Route("settings", "/settings", show_settings, Needs.SIGNED_IN),
    Route("save_settings", "/settings", save_settings, Needs.SIGNED_IN, ("POST",)),
    Route("change_password", "/settings/password", change_password, Needs.SIGNED_IN, ("POST",)),
    Route("end_session", "/settings/sessions", end_session, Needs.SIGNED_IN, ("POST",)),
)
