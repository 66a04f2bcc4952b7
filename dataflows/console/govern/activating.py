"""Whether a policy may be activated in the place of the one that holds, and the decision that does it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflows.console.govern.trials import PolicyTrial
from dataflows.core.engine.activation import GREATEST, all_belonging_to_state, untested_rules
from dataflows.core.policy import Policy
from schemas.envelope import ACTIVATED


@dataclass(frozen=True, slots=True)
class ActivationCheck:
    """What stands in the way of an activation.

    `of_the_state`: what of it is changed by a clean stop only; `untested`: what no back-test covers that must; `trial`: the back-test that
    the activation names.
    """

    same: bool
    too_large: bool
    of_the_state: Sequence[str]
    untested: str | None
    trial: PolicyTrial | None

    @property
    def possible(self) -> bool:
        """Whether nothing does."""
        return not (self.same or self.too_large or self.of_the_state or self.untested)


def activation_check(active: Policy, new: Policy, text: str, trial: PolicyTrial | None) -> ActivationCheck:
    """Looks, as the engine will. `trial`: the last back-test of the new policy beside the one that holds."""
    covered = () if trial is None else trial.covered
    return ActivationCheck(
        same=active.version == new.version and active.name == new.name,
        too_large=len(text.encode()) > GREATEST,
        of_the_state=all_belonging_to_state(active, new),
        untested=untested_rules(active, new, covered, None if trial is None else trial.old_version),
        trial=trial,
    )


def activation_of(new: Policy, text: str, trial: PolicyTrial | None, note: str, key: str) -> Mapping[str, object]:
    """The decision. `key`: the same however often it is sent."""
    tested = {} if trial is None else {"against": trial.old_version, "covered": list(trial.covered)}
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"id": key, "type": ACTIVATED, "data": {"version": new.version, "text": text, "text_hash": digest, **tested, "note": note}}
