"""The names of the flow, its steps and its shards. They are stored data: a state directory is read by them, so they never change."""

FLOW = "orderwatch"

ORDER_SHARDS = tuple(f"s{number:02d}" for number in range(64))
"""Bytewax keys; each holds the open orders whose hash falls on it, and one heap of deadlines."""
FIRST_SHARDS = tuple(f"a{number}" for number in range(8))
"""Alias shards of the first identity stage. Few, because each forwards its watermark to every order shard."""
SECOND_SHARDS = tuple(f"b{number}" for number in range(8))
"""Alias shards of the second identity stage."""
ACTION_SHARDS = tuple(f"t{number}" for number in range(4))
"""Action shards; each owns the actions of the tenants whose hash falls on it. Few: each hears all order shards."""
OUTPUT = "out"
"""The one key under which output records are put into their final order."""

STEP_EVENTS = "events"
STEP_ROUTE = "route"
STEP_TO_FIRST = "to_identity_first"
STEP_TO_SECOND = "to_identity_second"
STEP_TO_ORDERS = "to_orders"
STEP_FIRST = "identity_first"
STEP_ONWARD = "onward"
STEP_INTO_SECOND = "into_identity_second"
STEP_SECOND = "identity_second"
STEP_RESOLVED_FIRST = "placed_first"
STEP_RESOLVED_SECOND = "placed_second"
STEP_INTO_ORDERS = "into_orders"
STEP_JUDGE = "judge"
STEP_DECISIONS = "to_actions"
STEP_INTENTS = "intents"
STEP_INTO_ACTIONS = "into_actions"
STEP_ACTIONS = "actions"
STEP_SAID = "said"
STEP_COLLECT = "collect"
STEP_ORDER = "order_verdicts"
STEP_TOPICS = "topics"
SINK_PREFIX = "sink_"
TO_SINK_PREFIX = "to_sink_"
