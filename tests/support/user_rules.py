"""The rules of USER-RULES.md: all of its examples in one policy."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from dataflows.core.policy.values import MILESTONES
from dataflows.core.rules.load import load_policy
from tests.support.terminal import ROOT

if TYPE_CHECKING:
    from dataflows.core.policy import Policy

DOCUMENT = ROOT / "dataflows/core/rules/USER-RULES.md"
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def loaded(form: dict[str, Any]) -> Policy:
    """The policy of a form."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(yaml.safe_dump(form), encoding="utf-8")
        return load_policy(path)


@cache
def entries() -> dict[str, Any]:
    """All entries of the examples, by name."""
    blocks = [yaml.safe_load(text) for text in BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))]
    return {
        name: entry for block in blocks if isinstance(block, dict) for name, entry in cast("Any", block).get("custom_rules", {}).items()
    }


def form_of(names: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A policy with these examples (all of them where none is named) and no other rule."""
    chosen = {name: entry for name, entry in entries().items() if names is None or name in names}
    rules = {"*": "off", **{f"custom.{name}": "on" for name in chosen}}
    return {"emits": list(MILESTONES), "custom_rules": chosen, "rules": rules, **more}
