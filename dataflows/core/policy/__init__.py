"""The policy: which rules run, their deadlines, calendars, zones and owners, in one checked YAML file.

Reading order: `setting` (a rule's settings), `model` (what a policy says), `policy` (what the engine asks, and which setting wins), then
how a file is checked (YAML with positions is `schemas.tree`): `values` and `form` (its grammar), `build`, `crosscheck`, `check`;
`effective` and `show` write one. `core.rules.load` reads a file together with the rules.
"""

from dataflows.core.policy.model import QUIET, BackfillPolicy, Dims, FeedPolicy, Override, PacePolicy, Place, RetentionPolicy
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.setting import Fallback, RuleSetting, Step, Switch

__all__ = [
    "QUIET",
    "BackfillPolicy",
    "Dims",
    "Fallback",
    "FeedPolicy",
    "Override",
    "PacePolicy",
    "Place",
    "Policy",
    "RetentionPolicy",
    "RuleSetting",
    "Step",
    "Switch",
]
