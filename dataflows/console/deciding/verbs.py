"""What can be decided in the console: one table. Links, forms, keys, permissions and undoing go by it."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from dataflows.console.text import mark
from schemas.roles import may_decide

About = Literal["case", "action", "order", "automation"]
"""What a decision is about: the case of an exception, an action, an order (a new action), or automation."""


class Verb(NamedTuple):
    """A decision that can be made. `fields`: of its form, beside the reason. `type`: the decision that it is.

    `title`, `button`: over the form and on the button; `several`: whether many can be decided at once.
    """

    name: str
    type: str
    about: About
    title: str
    button: str
    fields: tuple[str, ...] = ()
    several: bool = True
    key: str = ""

    def allowed(self, roles: tuple[str, ...]) -> bool:
        """Whether one of the roles may decide it; the intake and the engine ask again."""
        return may_decide(roles, self.type)


_VERBS: Final = (
    Verb("acknowledge", "case.acknowledged", "case", mark("Acknowledge"), mark("Acknowledge"), key="e"),
    Verb("take", "case.assigned", "case", mark("Assign to me"), mark("Assign to me"), key="m"),
    Verb("assign", "case.assigned", "case", mark("Assign"), mark("Assign"), ("assignee", "team"), key="a"),
    Verb("snooze", "case.snoozed", "case", mark("Snooze"), mark("Snooze"), ("snooze", "until"), key="h"),
    Verb("wait", "case.waiting", "case", mark("Wait for somebody else"), mark("Let it wait"), ("on", "until"), key="w"),
    Verb("label", "case.labelled", "case", mark("Label"), mark("Set the label"), ("label",), key="l"),
    Verb("note", "case.noted", "case", mark("Add a note"), mark("Add the note"), key="n"),
    Verb("resolve", "case.resolved", "case", mark("Resolve"), mark("Resolve"), ("outcome",), key="r"),
    Verb("reopen", "case.reopened", "case", mark("Reopen"), mark("Reopen")),
    Verb("approve", "action.approved", "action", mark("Approve"), mark("Approve"), key="y"),
    Verb("reject", "action.rejected", "action", mark("Reject"), mark("Reject"), key="shift+n"),
    Verb("observe", "action.observed", "action", mark("Say what became of it"), mark("Say so"), ("observed", "evidence"), several=False),
    Verb("initiate", "action.initiated", "order", mark("Ask for an action"), mark("Ask for it"), ("action", "parameters"), several=False),
    Verb("pause", "automation.paused", "automation", mark("Pause automation"), mark("Pause"), ("scope",), several=False),
    Verb("undo", "", "case", mark("Undo"), mark("Undo it"), key="u"),
    Verb("resume", "automation.resumed", "automation", mark("Resume automation"), mark("Resume"), ("scope",), several=False),
)

VERBS: Final[dict[str, Verb]] = {verb.name: verb for verb in _VERBS}
"""By the name that stands in links and forms as `do`."""
OF_CASES: Final = tuple(verb for verb in _VERBS if verb.about == "case")
OVER: Final = frozenset(("note", "label", "reopen"))
"""What can be decided about a case that somebody has resolved."""
RISKY: Final = frozenset(("approve", "initiate"))
"""What can set off something that cannot be undone: where it does, it is confirmed on a page of its own."""
COUNTED: Final = frozenset(("approve", "reject"))
"""Whose number is typed where there are many."""
MANY: Final = 20
"""More than so many are confirmed by typing how many they are."""
MOST: Final = 500
"""So many can be decided at once."""
