"""Writes the parts of the documents that come from code, or checks that they are up to date: `python -m dataflows.cli.docs [--check]`.

A generated part stands between `<!-- generated: NAME -->` and `<!-- /generated -->`; everything else in a document is written by hand.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console

from dataflows.cli import docs_actions, docs_console, docs_endpoints, docs_roles, docs_store, docs_stories
from dataflows.cli.options import instant
from dataflows.cli.replay import replay_into
from dataflows.core.predicates.fields import KNOWN_FIELDS
from dataflows.core.rules import RULES, describe
from dataflows.core.rules.load import load_policy
from dataflows.detect.explain import history, last_instant, render
from dataflows.observe.catalogue import METRICS
from dataflows.settings.dispatch import ContactSettings, EndpointTerms, RouteSettings
from dataflows.settings.gateway import ConnectionSettings, HmacSettings, SecretSettings
from dataflows.settings.load import SettingsError, load_settings, setting_fields
from dataflows.settings.values import Section
from sources.adapters import ADAPTERS
from sources.files import FileSource
from sources.gateway.schemes import SCHEMES
from sources.logclock import DEFAULT_OUT_OF_ORDER
from sources.simulator import write_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic.fields import FieldInfo

    from dataflows.core.policy.setting import Step
    from dataflows.core.rules.model import Rule

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md",
    "dataflows/README.md",
    "dataflows/core/CATALOGUE.md",
    "dataflows/core/actions/README.md",
    "dataflows/ingest/README.md",
    "dataflows/core/rules/README.md",
    "dataflows/core/rules/USER-RULES.md",
    "dataflows/console/README.md",
    "dataflows/dispatch/README.md",
    "dataflows/store/README.md",
    "sinks/actions/README.md",
    "sources/README.md",
    "sources/CODES.md",
    "tests/README.md",
    "tests/stories/README.md",
    "tests/unit/adapters/README.md",
)
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def default_of(rule: Rule) -> str:
    """A rule's default threshold with its steps, in the policy's words."""
    setting = rule.defaults
    if rule.shape == "signal":
        text = f"after a grace of {setting.grace}" if setting.grace.n else "at once"
    else:
        clock = f" ({setting.clock})" if setting.threshold.unit != "us" else ""
        text = f"{setting.anchor} + {setting.threshold}" if setting.anchor else str(setting.threshold)
        text += clock
        if setting.international:
            text += f", {setting.international} across a border"
        if setting.fallback:
            text += f"; without a date {setting.fallback.anchor} + {setting.fallback.threshold}"
    steps = ", ".join(map(_step, setting.steps))
    return f"{text}; {steps}" if steps else text


def _step(step: Step) -> str:
    text = f"{step.severity} at {_counted(step)}"
    text += f" above {', '.join(f'{amount} {name}'.removesuffix(' *') for name, amount in step.above)}" if step.above else ""
    return f"{text} unless {step.unless}{f' ({step.owner})' if step.owner else ''}" if step.unless else text


def _counted(step: Step) -> str:
    if not step.since:
        return str(step.at)
    return f"{step.since} {step.at}" if step.at.n < 0 else f"{step.since} + {step.at}"


def kinds() -> str:
    """All kinds with what an owner of exceptions wants to know."""
    head = ("kind", "true when", "default", "its source", "owner", "severity", "lane", "first action", "clears by", "suppressed by")
    return table(
        head,
        (
            (
                f"`{rule.kind}`",
                rule.definition,
                default_of(rule),
                rule.source,
                rule.defaults.owner,
                rule.defaults.severity,
                rule.defaults.lane,
                rule.actions[0][0].replace("_", " ") if rule.actions else "",
                rule.clears,
                ", ".join(f"`{kind}`" for kind in rule.defaults.suppressed_by),
            )
            for rule in RULES
        ),
    )


def kinds_as_data() -> str:
    """The forms of all kinds, and when they are evaluated."""
    head = ("kind", "form", "each", "begins with", "ends with", "of orders", "waits for", "evaluated at")
    rows: list[tuple[str, ...]] = []
    for rule in RULES:
        form = rule.forms[0]
        orders = ", ".join((*form.methods, *form.terms))
        texts = (describe.form_of(rule), describe.each_of(rule), describe.begins(rule), describe.ends(rule), orders)
        rows.append((f"`{rule.kind}`", *texts, ", ".join(dict.fromkeys(rule.awaits)), describe.evaluated_at(rule)))
    return table(head, rows)


def kinds_by_domain() -> str:
    """The kinds at a glance."""
    domains: dict[str, list[str]] = {}
    for rule in RULES:
        domain, kind = rule.kind.split(".")
        domains.setdefault(domain, []).append(kind)
    rows = [(f"`{domain}.`", str(len(found)), ", ".join(found)) for domain, found in domains.items()]
    return f"{len(RULES)} kinds:\n\n" + table(("domain", "kinds", "which"), rows)


def predicate_fields() -> str:
    """What predicates can ask."""
    rows = (
        (f"`{one.name}`", one.type.value, one.about + (f": {', '.join(one.words)}" if one.words else "")) for one in KNOWN_FIELDS.values()
    )
    return table(("field", "is", "what"), rows)


def _shown(field: FieldInfo) -> str:
    """A setting's default as one would write it into an environment variable."""
    if field.is_required():
        return "required"
    default: object = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, tuple):
        default = ",".join(map(str, cast("tuple[object, ...]", default)))
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`" if default not in (None, "", {}) else ""


def settings() -> str:
    """All settings, section by section."""
    rows = ((f"`{'.'.join(at)}`", _shown(field), field.description or "") for at, field in setting_fields().items())
    return table(("setting", "default", "meaning"), rows)


def connections() -> str:
    """What is said of a connection of the gateway."""
    fields = {name: field for name, field in ConnectionSettings.model_fields.items() if name != "secrets"}
    rows = [("`secrets`", "required", ConnectionSettings.model_fields["secrets"].description or "")]
    rows += [(f"`secrets[].{name}`", _shown(field), field.description or "") for name, field in SecretSettings.model_fields.items()]
    rows += [(f"`{name}`", _shown(field), field.description or "") for name, field in fields.items() if name != "hmac"]
    rows += [(f"`hmac.{name}`", _shown(field), field.description or "") for name, field in HmacSettings.model_fields.items()]
    return table(("of a connection", "default", "meaning"), rows)


def endpoints() -> str:
    """What is said of an endpoint, whatever kind it is."""
    return table(("of an endpoint", "default", "meaning"), _fields(EndpointTerms))


def routes() -> str:
    """What is said of a route."""
    return table(("of a route", "default", "meaning"), _fields(RouteSettings))


def contacts() -> str:
    """What is said of a place where addresses stand."""
    return table(("of contacts", "default", "meaning"), _fields(ContactSettings))


def _fields(section: type[Section]) -> Iterable[tuple[str, str, str]]:
    return ((f"`{name}`", _shown(field), field.description or "") for name, field in section.model_fields.items())


def schemes() -> str:
    """How requests are signed."""
    return table(("scheme", "what is signed, and where the signature stands"), ((f"`{one.name}`", one.how) for one in SCHEMES.values()))


def metrics() -> str:
    """All metrics."""
    rows = ((f"`{metric.name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.help) for metric in METRICS)
    return table(("metric", "kind", "labels", "meaning"), rows)


def systems() -> str:
    """The systems that have an adapter."""
    head = ("system", "what it reads", "webhooks are signed by", "becomes")
    rows = ((f"`{a.system}`", f"{a.title}: {a.forms}", a.scheme, ", ".join(f"`{type_}`" for type_ in a.emits)) for a in ADAPTERS.values())
    return table(head, rows)


def codes() -> str:
    """Every code that an adapter understands, and what it becomes."""
    parts: list[str] = []
    for adapter in ADAPTERS.values():
        parts.append(f"## {adapter.title}\n")
        for one in adapter.tables:
            rows = ((f"`{code}`", "ignored" if m.ignored else " ".join(m.terms), m.why) for code, m in one.rows)
            parts.append(f"`{one.field}` ({one.source})\n\n{table((one.name, 'becomes', ''), rows)}")
    return "\n".join(parts)


def payloads() -> str:
    """What every payload of the tests becomes."""
    rows: list[tuple[str, str, str]] = []
    for path in sorted((ROOT / "tests/unit/adapters/expected").glob("*.jsonl")):
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            types = Counter(event["type"] for event in line["events"])
            text = [f"{count} `{type_}`" for type_, count in types.items()]
            text += [f"refused `{reason}`: {detail}" for reason, detail in line.get("refused", ())]
            text += [f"ignored `{what}`: {why}" for what, why in line.get("ignored", ())]
            rows.append((path.stem, line["payload"], "; ".join(dict.fromkeys(text)) or "nothing"))
    return table(("system", "payload", "becomes"), rows)


def fenced(text: str) -> str:
    """What a command printed."""
    return f"```\n{text.rstrip()}\n```\n"


def explained() -> str:
    """What `explain` says in the world that the commands of the README make."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    orders, seed = map(int, re.findall(r"orderwatch simulate --orders (\d+) --seed (\d+)", text)[0])
    until, name = re.findall(r"--until (\S+)", text)[0], re.findall(r"orderwatch explain (\w+)", text)[0]
    with tempfile.TemporaryDirectory() as folder:
        world = write_world(orders, seed, Path(folder) / "world.jsonl.gz")
        policy = load_policy(world.policy_path)
        end = instant("--until", until)
        source = FileSource([str(world.path)], until=end, out_of_order=DEFAULT_OUT_OF_ORDER, feeds=policy.lateness)
        out = Path(folder) / "out"
        replay_into(out, source, policy)
        printed = io.StringIO()
        said = out / "exceptions.jsonl"
        render(Console(file=printed, highlight=False, no_color=True), history(said, name), said, last_instant(said))
    return fenced(printed.getvalue())


def mistake() -> str:
    """What is said of a mistake in the settings that the document shows."""
    text = (ROOT / "dataflows/README.md").read_text(encoding="utf-8")
    shown = text.partition("```yaml\n")[2].partition("```")[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orderwatch.yaml"
        path.write_text(shown.replace("brokers:", "brokrs:", 1), encoding="utf-8")
        try:
            load_settings(path, {}, {})
        except SettingsError as error:
            text = next(problem for problem in error.problems if "brokrs" in problem)
            return fenced(f"orderwatch: {text}".replace(f"{folder}/", ""))
    raise AssertionError("a wrong name was taken for a setting")


PARTS: dict[str, Callable[[], str]] = {
    "actions": partial(docs_actions.actions, table),
    "steps": partial(docs_actions.steps, table),
    "legality": partial(docs_actions.legality, table),
    "topics": partial(docs_actions.topics, table),
    "template_variables": partial(docs_actions.template_variables, table),
    "store_tables": partial(docs_store.tables, table),
    "store_views": partial(docs_store.views, table),
    "permissions": partial(docs_console.permissions, table),
    "deciders": partial(docs_roles.deciders, table),
    "roles": partial(docs_roles.roles, table),
    "requirements": partial(docs_stories.requirements, table, ROOT),
    "systems": systems,
    "codes": codes,
    "payloads": payloads,
    "kinds": kinds,
    "kinds_as_data": kinds_as_data,
    "kinds_by_domain": kinds_by_domain,
    "explained": explained,
    "mistake": mistake,
    "settings": settings,
    "predicate_fields": predicate_fields,
    "connections": connections,
    "contacts": contacts,
    "endpoints": endpoints,
    "endpoint_kinds": partial(docs_endpoints.kinds, table),
    "endpoint_settings": partial(docs_endpoints.settings, table),
    "routes": routes,
    "schemes": schemes,
    "metrics": metrics,
}


def renewed(text: str) -> str:
    """The document with its generated parts written anew. Raises KeyError for a part that nobody generates."""
    return PART.sub(lambda match: f"{match[1]}\n{PARTS[match[2]]()}\n{match[3]}", text)


def main(arguments: list[str]) -> int:
    """Writes the documents, or with `--check` says which are out of date (exit code 1)."""
    stale = 0
    for name in DOCUMENTS:
        path = ROOT / name
        text = path.read_text(encoding="utf-8")
        wanted = renewed(text)
        if text == wanted:
            continue
        if "--check" in arguments:
            stale += 1
            sys.stderr.write(f"{name}: out of date; run `poe docs`\n")
        else:
            path.write_text(wanted, encoding="utf-8")
            sys.stdout.write(f"{name}: written\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
