"""What packs orders under the built-in policy."""

from __future__ import annotations

from dataflows.core.engine.codec import OrderCodec
from dataflows.core.engine.ruleset import RuleSet
from dataflows.core.rules.load import load_policy

CODEC = OrderCodec(RuleSet(load_policy(None)))
