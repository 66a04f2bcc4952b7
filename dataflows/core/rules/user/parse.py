"""From an entry of `custom_rules` to the data of a rule. Everything that is wrong with it is told at its place, with the nearest name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, cast

from dataflows.core.clocks import Span
from dataflows.core.policy import values
from dataflows.core.policy.setting import LANES, SEVERITIES, Lane, Severity, Step
from dataflows.core.predicates import Part
from dataflows.core.rules.legality import CUSTOM
from dataflows.core.rules.user.doubts import doubts_about
from dataflows.core.rules.user.term_reader import SCAN_STATUSES, TermReader
from dataflows.core.rules.user.terms import EACH, FORMS, STATUSES, FormName, Handling, Occurrence, Share, ThresholdCase, UserRule, Word
from schemas.actions import ACTIONS, action_of
from schemas.plain import Data
from schemas.problems import nearest
from schemas.tree import Path, Tree

COMMON: Final = ("says", "form", "each", "where", "unless", "steps", "actions")
SETTINGS: Final = ("switch", "clock", "grace", "suppressed_by", "feeds", "severity", "owner", "lane")
OF_FORM: Final[dict[FormName, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "overdue": (("since", "within", "until"), ()),
    "early": (("when", "since", "within"), ("until",)),
    "reported": (("when",), ("until", "times", "within", "after", "not_after")),
    "silent": (("within",), ("of", "since")),
    "lasting": (("within",), ("state",)),
    "apart": (("date", "within"), ("later_than", "earlier_than", "until")),
}
"""What each form must state, and what it can."""
AT_ONCE: Final[frozenset[FormName]] = frozenset(("early", "reported", "apart"))
"""The forms that are raised as soon as their event is known; the others wait for a deadline."""
_CHANGES: Final = ("severity", "owner", "lane")
"""What a step may change."""
_PERCENT: Final = re.compile(r"(\d{1,3}) ?%")
_ACTION: Final = re.compile(r"[a-z][a-z_]{0,59}")


class EntryReader(TermReader):
    """Reads one entry. `threshold` and `steps` are those of its setting."""

    def __init__(self, tree: Tree, path: Path, data: Mapping[str, Data]) -> None:
        super().__init__(tree, path, data)
        self.steps: list[Step] = []
        self.threshold: Span | None = None

    def rule(self) -> UserRule | None:
        """The rule; None if anything is wrong with it."""
        form = cast("FormName | None", self._choice("form", FORMS, required=True))
        if form is None:
            return None
        required, optional = OF_FORM[form]
        known = (*COMMON, *required, *optional, *SETTINGS)
        for name in self._data:
            if name not in known:
                self.wrong((name,), f"`{form}` has no such key; known here: {', '.join(known)}", nearest(name, known), key=True)
        for name in ("says", *required):
            if self._data.get(name) is None:
                self.wrong((name,) if name in self._data else (), f"`{name}` is required here")
        each = self._choice("each", [part.value for part in EACH])
        self._each = Part.ORDER if each is None else Part(each)
        found = self._rule_of(form)
        if form == "apart" and ("later_than" in self._data) == ("earlier_than" in self._data):
            self.wrong((), "either `later_than` or `earlier_than` is required here, and not both")
        for path, message in doubts_about(found, self.threshold):
            self.wrong(path, message)
        self._settings_without_effect(form, found)
        return None if self.faults else found

    def _settings_without_effect(self, form: FormName, rule: UserRule) -> None:
        """What is stated of a rule that is raised at once, and could count only where it waits for something."""
        if form not in AT_ONCE:
            return
        if "grace" in self._data:
            self.wrong(("grace",), f"has no effect: `{form}` is raised at once", key=True)
        if rule.shares or self.steps:
            return
        if "feeds" in self._data:
            self.wrong(("feeds",), "counts for `steps` only, and there are none", key=True)
        spans = (self.threshold, rule.within, *(case.threshold for case in rule.cases))
        if "clock" in self._data and all(span is None or span.unit == "us" for span in spans):
            self.wrong(("clock",), "counts for `steps` and for spans in bd or bh only, and there are none", key=True)

    def _rule_of(self, form: FormName) -> UserRule:
        shares, handling = self._steps()
        cases, states, within = self._within(form)
        since = self._data.get("since")
        return UserRule(
            form=form,
            each=self._each,
            where=self._predicate(("where",), self._data.get("where"), self._each),
            since=None if since is None else self._anchor(("since",), since, dates=form != "silent"),
            until=tuple(self._terms("until", other=form in ("overdue", "reported", "early") and self._each is Part.PARCEL)),
            unless=cast("tuple[Word | Occurrence, ...]", tuple(self._terms("unless"))),
            when=self._when(form),
            after=cast("tuple[Word | Occurrence, ...]", tuple(self._terms("after"))),
            not_after=cast("tuple[Word | Occurrence, ...]", tuple(self._terms("not_after"))),
            times=self._times(),
            within=within,
            source=tuple(self._types(("of",), self._data.get("of"))) if "of" in self._data else (),
            states=states,
            date=self._date("date"),
            later_than=self._date("later_than"),
            earlier_than=self._date("earlier_than"),
            cases=cases,
            shares=shares,
            handling=handling,
        )

    # --- within and steps ------------------------------------------------------------------------

    def _within(self, form: FormName) -> tuple[tuple[ThresholdCase, ...], tuple[tuple[str, Span | None], ...], Span | None]:
        """The cases, the states with spans of their own and, of `reported`, the window; the threshold is kept apart."""
        value, path = self._data.get("within"), ("within",)
        states = self._states() if form == "lasting" else {}
        if value is None:
            return (), tuple(states.items()), None
        if form == "reported":
            return (), (), self._span(path, value)
        if isinstance(value, dict):
            if form != "lasting":
                self.wrong(path, "a table by status belongs to `lasting`; by anything else: [{where: ..., is: 2 bd}, 4 bd]")
                return (), (), None
            states = {name: self._span((*path, name), span) for name, span in value.items() if self._is_state((*path, name), name)}
            self.threshold = min((span for span in states.values() if span is not None), default=None)
            return (), tuple(states.items()), None
        if isinstance(value, list):
            return self._cases(value), tuple(states.items()), None
        self.threshold = self._span(path, value)
        return (), tuple(states.items()), None

    def _cases(self, value: list[Data]) -> tuple[ThresholdCase, ...]:
        """`[{where: ..., is: 2 bd}, 4 bd]`: the first that fits, else the last."""
        found: list[ThresholdCase] = []
        for number, item in enumerate(value[:-1]):
            path = ("within", number)
            if not isinstance(item, dict) or set(item) != {"where", "is"}:
                self.wrong(path, "a case is written {where: shipment.carrier == ups, is: 2 bd}")
                continue
            where, span = self._predicate((*path, "where"), item["where"], self._each), self._span((*path, "is"), item["is"])
            if where is not None and span is not None:
                found.append(ThresholdCase(where, span))
        if not value or isinstance(value[-1], dict):
            self.wrong(("within",), "the last of several thresholds is for all others: [{where: ..., is: 2 bd}, 4 bd]")
        else:
            self.threshold = self._span(("within", len(value) - 1), value[-1])
        return tuple(found)

    def _states(self) -> dict[str, Span | None]:
        value = self._data.get("state")
        if value is None:
            return {}
        items = value if isinstance(value, list) else [value]
        return {str(item): None for item in items if self._is_state(("state",), str(item))}

    def _is_state(self, path: Path, name: str) -> bool:
        known = SCAN_STATUSES if self._each is Part.PARCEL else STATUSES[:-1]
        if name in known:
            return True
        last = name == STATUSES[-1] and self._each is not Part.PARCEL
        said = "is the last: nothing follows that could end it" if last else "is no status"
        self.wrong(path, f"{name!r} {said} of {self._each}; known: {', '.join(known)}", nearest(name, known))
        return False

    def _steps(self) -> tuple[tuple[Share, ...], tuple[Handling, ...]]:
        value = self._data.get("steps")
        shares: list[Share] = []
        handling: list[Handling] = []
        if value is not None and not isinstance(value, list):
            self.wrong(("steps",), "a list is expected here: [{at: 2 d, severity: high}]")
            return (), ()
        for number, item in enumerate(value or []):
            path: Path = ("steps", number)
            if not isinstance(item, dict) or "at" not in item:
                self.wrong(path, "a step is written {at: 2 d, severity: high}; `owner` and `lane` may change there as well")
                continue
            unknown = [name for name in item if name != "at" and name not in _CHANGES]
            for name in unknown:
                self.wrong(
                    (*path, name), f"a step has no such key; known here: at, {', '.join(_CHANGES)}", nearest(name, _CHANGES), key=True
                )
            if len(item) == 1:
                self.wrong(path, f"changes nothing: a step states {', '.join(_CHANGES[:-1])} or {_CHANGES[-1]} from then on")
            elif not unknown:
                self._step(path, item, shares, handling)
        return tuple(shares), tuple(handling)

    def _step(self, path: Path, item: Mapping[str, Data], shares: list[Share], handling: list[Handling]) -> None:
        severity = item.get("severity") or self._data.get("severity") or "medium"
        for name, value, known in (("severity", severity, SEVERITIES), ("lane", item.get("lane") or "auto", LANES)):
            if value not in known:
                self.wrong((*path, name), f"unknown {name} {value!r}; known: {', '.join(known)}", nearest(str(value), known))
                return
        at = item["at"]
        if isinstance(at, str) and (match := _PERCENT.fullmatch(at)):
            if not 1 <= int(match[1]) <= 500 or "owner" in item or "lane" in item:
                self.wrong((*path, "at"), "a share is 1 % to 500 % of the threshold, and changes the severity alone")
                return
            shares.append(Share(int(match[1]), cast("Severity", severity)))
            return
        span = self._span((*path, "at"), at)
        if span is None:
            return
        self.steps.append(Step(at=span, severity=cast("Severity", severity)))
        if "owner" in item or "lane" in item:
            owner = self._read((*path, "owner"), values.named, item["owner"]) if "owner" in item else None
            handling.append(Handling(span, cast("str | None", owner), cast("Lane | None", item.get("lane"))))

    def actions(self) -> tuple[tuple[str, str], ...]:
        """What to do, best first, each with its reason."""
        value = self._data.get("actions")
        if value is None:
            return ()
        if not isinstance(value, dict):
            self.wrong(("actions",), "actions are written {notify_customer: why}, best first")
            return ()
        for name, reason in value.items():
            if not _ACTION.fullmatch(name):
                self.wrong(("actions", name), f"{name!r} is no action such as notify_customer", key=True)
            elif (meant := action_of(name)) is None:
                self.wrong(
                    ("actions", name), f"unknown action {name!r}; known: {', '.join(sorted(ACTIONS))}", nearest(name, ACTIONS), key=True
                )
            elif meant not in CUSTOM:
                self.wrong(("actions", name), f"a rule of your own may not propose {name}: {ACTIONS[meant].about}", key=True)
            if not isinstance(reason, str):
                self.wrong(("actions", name), "the reason is missing")
        return tuple((name, str(reason)) for name, reason in value.items())
