"""A simulated order world with labels: events as the contract has them, and the exceptions that they must cause.

Reading order: `topology` (who there is), `order` (one order's facts, script and labels), `life` (how an order normally goes), `quirks`
(what happens to healthy orders too), `faults` (what goes wrong), `feeds` (how events are delivered), `world`, `write`.
"""

from sources.simulator.faults import FAULTS, InjectedFault
from sources.simulator.moments import LASTING, OPENING
from sources.simulator.parts import Label
from sources.simulator.policy import policy_text
from sources.simulator.write import Summary, expected, files_of, stream, write_world

__all__ = [
    "FAULTS",
    "LASTING",
    "OPENING",
    "InjectedFault",
    "Label",
    "Summary",
    "expected",
    "files_of",
    "policy_text",
    "stream",
    "write_world",
]
