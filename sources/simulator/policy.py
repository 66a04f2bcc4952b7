"""The policy of the simulated world, as the text of a policy file: what its feeds tell, and where its sites stand and rest."""

from __future__ import annotations

from sources.simulator.topology import CARRIERS, COURIER, KEYS, SITES

EMITS = "placed authorized captured allocated released picked packed shipped scans invoiced return_shipped inspected refunded".split()
"""Every milestone that a policy can declare."""


def policy_text() -> str:
    """The policy as YAML. Thresholds are the built-in ones; stated is what is true of this world, and that nothing is closed for age."""
    lines = [
        "# The simulated world: what its feeds tell, and where its sites stand and rest. All thresholds are the built-in defaults.",
        "name: simulated-world",
        "zone: Europe/Amsterdam",
        f"emits: [{', '.join(EMITS)}]",
        "calendars:",
    ]
    for site in SITES:
        lines += [
            f"  warehouse-{site.country.lower()}:",
            f"    zone: {site.zone.key}",
            '    hours: {mon-fri: "08:00-18:00"}',
            f"    holidays: {site.country}",
        ]
    lines.append("sites:")
    for site in SITES:
        lines.append(f"  {site.name}: {{country: {site.country}, zone: {site.zone.key}, calendar: warehouse-{site.country.lower()}}}")
    lines.append(f"  {KEYS.name}: {{country: {KEYS.country}, zone: {KEYS.zone.key}}}")
    lines.append("carriers:")
    for carrier in CARRIERS:
        if carrier.country is not None:
            lines.append(f"  {carrier.name}: {{calendar: warehouse-{carrier.country.lower()}}}")
    lines.append(f"  {COURIER.name}: {{calendar: warehouse-nl}}")
    lines += ["rules:", "  '*': {expire_after: off}  # the labels say what stands at the end, however long it has stood"]
    return "\n".join(lines) + "\n"
