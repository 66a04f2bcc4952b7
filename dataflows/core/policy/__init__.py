"""What is expected of orders: which rules run, their deadlines, calendars, zones and owners, in one checked YAML file.

Reading order: `model` (what a policy says), `policy` (what the engine asks, and which setting wins), `load` (from a file), then how a file
is checked: `tree` (YAML with positions), `values` and `form` (its grammar), `crosscheck`, `check`; `effective` and `show` write one.
"""

from dataflows.core.policy.model import Dims, FeedPolicy, Override, Place, RetentionPolicy
from dataflows.core.policy.policy import Policy
from dataflows.core.policy.setting import Fallback, RuleSetting, Step, Switch

__all__ = [
    "Dims",
    "Fallback",
    "FeedPolicy",
    "Override",
    "Place",
    "Policy",
    "RetentionPolicy",
    "RuleSetting",
    "Step",
    "Switch",
]
