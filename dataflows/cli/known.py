"""Names in options that are to be known ones: a misspelt one would choose nothing, silently."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import typer

from dataflows.errors import MisuseError


def among(option: str, values: Sequence[str] | None, known: Collection[str]) -> tuple[str, ...]:
    """The values of an option. Raises MisuseError of one that is not known, with the nearest name."""
    from schemas.problems import nearest

    for value in values or ():
        if value not in known:
            meant = nearest(value, known)
            raise MisuseError(f"{option} {value}: one of {', '.join(known)}{f'; did you mean {meant}?' if meant else ''}")
    return tuple(values or ())


def kinds(option: str, values: Sequence[str] | None) -> tuple[str, ...]:
    """Kinds of exceptions, or domains of them; rules of users may have any name. Raises MisuseError."""
    from dataflows.core.rules import RULES
    from dataflows.core.rules.user.build import DOMAIN
    from schemas.problems import nearest

    found = tuple(values or ())
    known = {rule.kind for rule in RULES}
    domains = {kind.partition(".")[0] for kind in known} | {DOMAIN}
    for value in found:
        if value not in known | domains and not value.startswith(f"{DOMAIN}."):
            meant = nearest(value, known if "." in value else domains)
            raise MisuseError(f"{option} {value}: no kind, and no domain of kinds{f'; did you mean {meant}?' if meant else ''}")
    return found


def person(name: str) -> str:
    """Somebody as events name them: what has no prefix is a person's name."""
    return name if name.startswith(("user:", "service:")) else f"user:{name}"


def say_unknown_roles(roles: Sequence[str]) -> None:
    """Says of roles that are none of ours what they are good for, since they may as well be misspelt."""
    from schemas.problems import nearest
    from schemas.roles import ROLES

    for one in roles:
        if one not in ROLES:
            meant = nearest(one, ROLES)
            hint = f"did you mean {meant}? " if meant else ""
            typer.echo(f"role {one} is none of {', '.join(ROLES)}: {hint}It may approve and reject where the policy names it", err=True)
