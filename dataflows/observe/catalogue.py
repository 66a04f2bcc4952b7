"""Every metric by name.

Labels are bounded by configuration (topics, partitions, feeds, kinds, connections): never an order, a customer or a tenant.

Counters count from the start of their process. Instants are seconds since the epoch, UTC; by log time where it says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LATENCY = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 21_600.0)
"""Seconds, from a signal that is published at once to the backlog of an outage."""
WORK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds that a step of the engine's own work may take."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is exported; `buckets` are those of a histogram, in the unit of its name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


INFO = Metric("orderwatch_info", "gauge", "Always 1; labels name the version and the policy that run.", ("version", "policy"))
READY = Metric("orderwatch_ready", "gauge", "1 if this process is ready (as /readyz), else 0.")
RESUME = Metric("orderwatch_resume_seconds", "gauge", "How long it took to load the state when this process started.")

RECORDS = Metric("orderwatch_records_total", "counter", "Records read, those that are rejected included.")
RECORD_BYTES = Metric("orderwatch_record_bytes_total", "counter", "Bytes of the values of records read.")
NULL_RECORDS = Metric(
    "orderwatch_null_records_total", "counter", "Records without a value (Kafka tombstones; barriers are not counted). They are skipped."
)
REJECTED = Metric("orderwatch_rejected_total", "counter", "Records rejected, by reason.", ("reason",))
DUPLICATES = Metric("orderwatch_duplicates_total", "counter", "Events that had been read before and were dropped.")
MISSED = Metric(
    "orderwatch_withdrawals_missed_total", "counter", "Withdrawals that named no event of their order that was known when they came."
)
LAG = Metric("orderwatch_lag_records", "gauge", "Offsets between what was handed on and the end of the partition.", ("partition",))
WATERMARK = Metric(
    "orderwatch_watermark_timestamp_seconds",
    "gauge",
    "Watermark of a partition: the log time before which all of it has been read.",
    ("partition",),
)
LOW_WATERMARK = Metric(
    "orderwatch_low_watermark_timestamp_seconds",
    "gauge",
    "Low watermark: the log time up to which the shards of this process have decided all deadlines.",
)
LATE_RECORDS = Metric(
    "orderwatch_late_records_total",
    "counter",
    "Late records: read after their partition's watermark had passed them. Above 0 only without barriers, if clocks or brokers lag.",
    ("partition",),
)
BARRIERS = Metric("orderwatch_barriers_total", "counter", "Barriers written into silent partitions.")
BARRIER_WAIT = Metric(
    "orderwatch_barrier_wait_seconds",
    "gauge",
    "How long a barrier has been waiting to be read. Above a few seconds: a leader or replica hangs, and the watermark waits.",
    ("partition",),
)
CLOCK_STEPS = Metric(
    "orderwatch_clock_steps_total",
    "counter",
    "Clock steps seen, by clock: the host's or the brokers'.",
    ("clock",),
)
CLOCK_AHEAD = Metric(
    "orderwatch_clock_ahead_seconds",
    "gauge",
    "Seconds by which this host's clock is at least ahead of the brokers' timestamps; negative: behind.",
)
PAUSES = Metric("orderwatch_read_ahead_pauses_total", "counter", "How often a partition that was far ahead of the slowest was paused.")
CONNECTION_ERRORS = Metric(
    "orderwatch_connection_errors_total", "counter", "Errors of the connection to the brokers from which the client recovered."
)
BUFFERED = Metric("orderwatch_held_back_records", "gauge", "Records read that wait for the slowest partition.")

OUTPUT_RECORDS = Metric("orderwatch_output_records_total", "counter", "Output records published.", ("topic", "type", "severity"))
EXCEPTIONS = Metric("orderwatch_exceptions_total", "counter", "Output records about exceptions published, by kind.", ("kind", "type"))
OPEN_EXCEPTIONS = Metric(
    "orderwatch_open_exceptions",
    "gauge",
    "Open exceptions of the shards of this process; rules in shadow are not counted.",
    ("kind", "owner", "severity"),
)
CASES = Metric(
    "orderwatch_cases",
    "gauge",
    "Cases of open exceptions of the shards of this process, by the team that has them; level: how far they have escalated, 0 not at all.",
    ("state", "team", "level"),
)
ACTIONS = Metric(
    "orderwatch_actions",
    "gauge",
    "Actions that have not ended; escalated: whether their approval is overdue.",
    ("action", "state", "lane", "escalated"),
)
GUARDED = Metric(
    "orderwatch_guarded_actions",
    "gauge",
    "Actions that wait, by each guardrail that speaks against them.",
    ("guardrail", "effect"),
)
ACTION_STATES = Metric(
    "orderwatch_action_states_total",
    "counter",
    "Output records about actions published, by action and by the state that they say.",
    ("action", "state"),
)
PUBLISHED = Metric("orderwatch_published_total", "counter", "Output records committed to their topic.", ("topic",))
DROPPED = Metric(
    "orderwatch_dropped_total", "counter", "Output records not written because the run before a crash had written them.", ("topic",)
)
MISMATCHES = Metric(
    "orderwatch_mismatches_total",
    "counter",
    "Shards whose output after a crash differs from what they had written before it. Above 0: investigate.",
    ("topic",),
)
RETRIES = Metric("orderwatch_transaction_retries_total", "counter", "Output transactions that were aborted and tried again.", ("topic",))
CUT = Metric("orderwatch_cut_total", "counter", "Rejects cut to fit their topic; the record says what was cut.", ("topic",))
QUEUED = Metric("orderwatch_queued_output_records", "gauge", "Output records that wait to be committed.", ("topic",))
COMMIT = Metric("orderwatch_commit_seconds", "histogram", "How long output transactions take.", ("topic",), WORK)
DELAY = Metric(
    "orderwatch_detection_delay_seconds",
    "histogram",
    "From the log time at which an output record was decided to its publication, by cause: a signal or a deadline.",
    ("by",),
    LATENCY,
)
DECISION_LAG = Metric(
    "orderwatch_decision_lag_seconds",
    "histogram",
    "From the missed deadline (its grace and the feed's delay included) to the publication of the exception.",
    (),
    LATENCY,
)

DEFERRED = Metric("orderwatch_deferred_deadlines", "gauge", "Deferred deadlines: they wait for a feed that is stale.", ("feed",))
FEED_STALE = Metric(
    "orderwatch_feed_stale",
    "gauge",
    "1 if the feed (or a source of payments) is silent for longer than policy or pace allow, else 0.",
    ("feed",),
)
FEED_WATERMARK = Metric(
    "orderwatch_feed_watermark_timestamp_seconds", "gauge", "Watermark of a feed: the event time up to which it has reported.", ("feed",)
)

OPEN_ORDERS = Metric("orderwatch_open_orders", "gauge", "Open orders.")
CLOSED_ORDERS = Metric("orderwatch_closed_orders_total", "counter", "Orders that were closed.")
TOMBSTONES = Metric(
    "orderwatch_tombstones", "gauge", "Closed orders whose IDs are still remembered, so that their late events are recognised."
)
STATE_BYTES = Metric("orderwatch_state_bytes", "gauge", "Bytes on disk of this process's shards, including garbage not yet compacted.")
SNAPSHOT = Metric("orderwatch_snapshot_seconds", "histogram", "How long the end of an epoch blocks a shard.", (), WORK)

GATEWAY_REQUESTS = Metric(
    "orderwatch_gateway_requests_total",
    "counter",
    "Requests answered, by connection and outcome.",
    ("system", "connection", "outcome"),
)
GATEWAY_BYTES = Metric(
    "orderwatch_gateway_request_bytes_total", "counter", "Bytes of the bodies of requests answered.", ("system", "connection")
)
GATEWAY_EVENTS = Metric("orderwatch_gateway_events_total", "counter", "Events written and durable.", ("system", "connection"))
GATEWAY_REFUSED = Metric(
    "orderwatch_gateway_refused_total",
    "counter",
    "Authentic payloads, or parts of them, that were refused, by reason; the requests are stored as dead letters.",
    ("system", "connection", "reason"),
)
GATEWAY_UNMAPPED = Metric(
    "orderwatch_gateway_unmapped_total", "counter", "Codes found in no table, by table; the log names each once.", ("system", "table")
)
GATEWAY_MISSING = Metric(
    "orderwatch_gateway_field_missing_total",
    "counter",
    "Payloads without the field that a setting of the connection names, such as `order_field`; the log names one that is never found.",
    ("system", "connection", "setting"),
)
GATEWAY_SECONDS = Metric(
    "orderwatch_gateway_seconds", "histogram", "From the head of a request to its answer, by outcome.", ("outcome",), WORK
)
GATEWAY_FAILURES = Metric("orderwatch_gateway_failures_total", "counter", "Failures that are not the sender's fault.", ("what",))
GATEWAY_UNDER_WAY = Metric("orderwatch_gateway_requests_under_way", "gauge", "Authentic requests in progress.")
GATEWAY_CONNECTIONS = Metric("orderwatch_gateway_connections", "gauge", "Open connections.")
GATEWAY_EVICTED = Metric(
    "orderwatch_gateway_evicted_total",
    "counter",
    "Connections closed to make room for others, by stage: new, idle, head, body or unread (the response).",
    ("stage",),
)
GATEWAY_REMEMBERED = Metric(
    "orderwatch_gateway_remembered", "gauge", "Deliveries (seen) and parcels (histories) that are remembered.", ("what",)
)
GATEWAY_DROPPED = Metric(
    "orderwatch_gateway_refused_files_dropped_total", "counter", "Files of refused requests that were deleted to make room for newer ones."
)
GATEWAY_RELOADS = Metric("orderwatch_gateway_reloads_total", "counter", "Reloads of the connections.", ("outcome",))

PART_UP = Metric("orderwatch_part_up", "gauge", "1 if this part of `orderwatch up` runs and is ready, else 0.", ("part",))
PART_STARTS = Metric(
    "orderwatch_part_starts_total", "counter", "How often this part was started; each but the first followed a death.", ("part",)
)
STORE_RECORDS = Metric(
    "orderwatch_store_records_total", "counter", "Records that the store has taken in, by what their log holds.", ("topic",)
)
STORE_ROWS = Metric("orderwatch_store_rows_total", "counter", "Rows written to the store; rows that a record does not change are not.")
STORE_REJECTED = Metric(
    "orderwatch_store_rejected_total",
    "counter",
    "Records that no rows could be made of, by reason; they are kept in the table `unprojected`, and tried again at each start.",
    ("reason",),
)
STORE_LAG = Metric("orderwatch_store_lag_records", "gauge", "Records between what the store holds and the end of a log.", ("partition",))
STORE_TRANSACTION = Metric("orderwatch_store_transaction_seconds", "histogram", "From a batch of records to its rows, committed.", (), WORK)
STORE_DELAY = Metric(
    "orderwatch_store_delay_seconds",
    "histogram",
    "From the append of the last record of a batch to its rows, committed; by both hosts' clocks.",
    (),
    LATENCY,
)
STORE_FAILURES = Metric(
    "orderwatch_store_failures_total",
    "counter",
    "Failures that are tried again, by what failed: the database, the logs, or the offsets that another writer moved.",
    ("what",),
)
STORE_ERASED = Metric("orderwatch_store_erased_orders_total", "counter", "Orders erased from the store.")
STORE_PURGED = Metric("orderwatch_store_purged_cases_total", "counter", "Cases that went by the store's retention.")
DISPATCH_ATTEMPTS = Metric(
    "orderwatch_dispatch_attempts_total",
    "counter",
    "Outcomes of calls: executed, retried, retried_in_doubt, asked, in_doubt, refused, failed (no try is left).",
    ("endpoint", "outcome"),
)
DISPATCH_SECONDS = Metric(
    "orderwatch_dispatch_seconds",
    "histogram",
    "From the request of an action to the moment when it was first begun, and when it ended.",
    ("endpoint", "until"),
    LATENCY,
)
DISPATCH_WAITING = Metric(
    "orderwatch_dispatch_waiting_actions",
    "gauge",
    "Actions that are not carried out yet, by reason: paused, no_route, retry, elsewhere (another dispatcher's), begun, in_doubt, or what "
    "their endpoint waits for: busy, rate, throttled, breaker, disabled.",
    ("endpoint", "reason"),
)
DISPATCH_OLDEST = Metric(
    "orderwatch_dispatch_oldest_seconds",
    "gauge",
    "How long the oldest action that could be begun has waited for its endpoint.",
    ("endpoint",),
)
DISPATCH_ENDPOINTS = Metric(
    "orderwatch_dispatch_endpoint_state",
    "gauge",
    "1 for the state that an endpoint is in: well, throttled, open, probing, disabled.",
    ("endpoint", "state"),
)
DISPATCH_UNDER_WAY = Metric("orderwatch_dispatch_calls_under_way", "gauge", "Calls under way, and what belongs to them.", ("endpoint",))
DISPATCH_DEAD_LETTERS = Metric("orderwatch_dispatch_dead_letters", "gauge", "Actions that failed for good and are kept for a replay.")
DISPATCH_REFUSED = Metric(
    "orderwatch_dispatch_refused_decisions", "gauge", "Decisions that the log has refused for good, and that are kept to be written again."
)
DISPATCH_OUTBOX = Metric(
    "orderwatch_dispatch_outbox_seconds", "gauge", "How long the oldest decision waits to be acknowledged by the log; 0: none does."
)
DISPATCH_LOST = Metric(
    "orderwatch_dispatch_lost_total", "counter", "Attempts not called since another dispatcher had begun them, or the engine refused them."
)
DISPATCH_FAILURES = Metric(
    "orderwatch_dispatch_failures_total",
    "counter",
    "Failures of what dispatch stands on: reading the log, writing decisions, a refused decision, executors' own mistakes.",
    ("what",),
)
CONSOLE_REQUESTS = Metric("orderwatch_console_requests_total", "counter", "Requests answered, by route and status.", ("route", "status"))
CONSOLE_SECONDS = Metric("orderwatch_console_seconds", "histogram", "From a request to its answer, by route.", ("route",), WORK)
CONSOLE_LOG_INS = Metric(
    "orderwatch_console_log_ins_total",
    "counter",
    "Log-ins by way (password, oidc) and outcome (done, refused, slowed).",
    ("way", "outcome"),
)
CONSOLE_SESSIONS = Metric("orderwatch_console_sessions", "gauge", "Sessions that have not ended.")
CONSOLE_CLIENTS = Metric("orderwatch_console_live_clients", "gauge", "Pages that follow changes.")
CONSOLE_REPORTS = Metric(
    "orderwatch_console_csp_reports_total", "counter", "What browsers say that a page was kept from doing, by directive.", ("directive",)
)
CONSOLE_FAILURES = Metric(
    "orderwatch_console_failures_total",
    "counter",
    "Failures: page, store, own (the console's own database), provider, decisions.",
    ("what",),
)
CONSOLE_DECISIONS = Metric("orderwatch_console_decisions_total", "counter", "Decisions that people made here and that are in the log.")

METRICS = (
    INFO, READY, RESUME,
    RECORDS, RECORD_BYTES, NULL_RECORDS, REJECTED, DUPLICATES, MISSED, LAG, WATERMARK, LOW_WATERMARK, LATE_RECORDS, BARRIERS, BARRIER_WAIT,
    CLOCK_STEPS, CLOCK_AHEAD, PAUSES, CONNECTION_ERRORS, BUFFERED,
    OUTPUT_RECORDS, EXCEPTIONS, PUBLISHED, DROPPED, MISMATCHES, RETRIES, CUT, QUEUED, COMMIT, DELAY, DECISION_LAG,
    DEFERRED, FEED_STALE, FEED_WATERMARK,
    CASES, ACTIONS, GUARDED, ACTION_STATES,
    OPEN_ORDERS, OPEN_EXCEPTIONS, CLOSED_ORDERS, TOMBSTONES, STATE_BYTES, SNAPSHOT,
    GATEWAY_REQUESTS, GATEWAY_BYTES, GATEWAY_EVENTS, GATEWAY_REFUSED, GATEWAY_UNMAPPED, GATEWAY_MISSING, GATEWAY_SECONDS,
    GATEWAY_FAILURES,
    GATEWAY_UNDER_WAY, GATEWAY_CONNECTIONS, GATEWAY_EVICTED, GATEWAY_REMEMBERED, GATEWAY_DROPPED, GATEWAY_RELOADS,
    PART_UP, PART_STARTS,
    STORE_RECORDS, STORE_ROWS, STORE_REJECTED, STORE_LAG, STORE_TRANSACTION, STORE_DELAY, STORE_FAILURES, STORE_ERASED, STORE_PURGED,
    DISPATCH_ATTEMPTS, DISPATCH_SECONDS, DISPATCH_WAITING, DISPATCH_OLDEST, DISPATCH_ENDPOINTS, DISPATCH_UNDER_WAY,
    DISPATCH_DEAD_LETTERS, DISPATCH_REFUSED, DISPATCH_OUTBOX, DISPATCH_LOST, DISPATCH_FAILURES,
    CONSOLE_REQUESTS, CONSOLE_SECONDS, CONSOLE_LOG_INS, CONSOLE_SESSIONS, CONSOLE_CLIENTS, CONSOLE_REPORTS, CONSOLE_FAILURES,
    CONSOLE_DECISIONS,
)  # fmt: skip
"""All of them, in the order in which they are documented."""
