"""The live engine: settings in, a running graph out.

    Kafka ─► source ─► graph (state in the state directory) ─► sink ─► Kafka or files
    or the input log and the output logs of an embedded installation (`embedded`)

Guarantee: the output is a function of the logs that are read and of the policy. Whatever is killed, and whenever, a restart over the same
state directory resumes: no output record is lost, none is written twice.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn, TypeAlias
from uuid import uuid4

from dataflows.core.engine.shard import Shard
from dataflows.core.policy import Policy
from dataflows.core.policy.check import PolicyError
from dataflows.core.policy.show import render
from dataflows.core.rules.load import load_policy
from dataflows.detect.announce import announcer, to_topic, topic_of_decisions
from dataflows.detect.embedded import EmbeddedSource, check_owner, embedded_sink, embedded_source, to_socket
from dataflows.detect.flow import FlowOptions, LiveSink, get_live_flow
from dataflows.detect.in_force import policy_before
from dataflows.detect.metrics import output_records, watch
from dataflows.detect.names import ACTION_SHARDS, FIRST_SHARDS, ORDER_SHARDS, SECOND_SHARDS, THIRD_SHARDS
from dataflows.detect.topics import Allowed, check_whose, output_topics, prepare
from dataflows.errors import MisuseError, RunError, ending
from dataflows.observe import Observer
from dataflows.runtime.checkpoint import CheckpointError
from dataflows.runtime.runner import NativeError, Noted, PeerError, Stoppable, run
from dataflows.runtime.state.directory import StateHome, hashed, policy_file, read_state
from dataflows.runtime.state.errors import REMEDY, DamagedStateError, FailingVolumeError, StateError, of_system
from dataflows.runtime.state.pins import Pins, policy_changes
from dataflows.runtime.state.store import ShardStore
from dataflows.runtime.stop import Stop
from dataflows.settings import Settings as LiveSettings
from schemas.instants import DAY
from schemas.output import OutputRecord
from sinks.embedded.sink import EmbeddedSink
from sinks.jsonl import JsonlSink, LostError, UnwritableError
from sinks.kafka.errors import KafkaOutputError
from sinks.kafka.sink import KafkaSink
from sources.embedded.source import CHANNEL
from sources.kafka.broker import Topic
from sources.kafka.settings import KafkaInput, KafkaInputError, NoResponseError, ReplacedError
from sources.kafka.source import KafkaSource

SHARDS = {
    "orders": len(ORDER_SHARDS),
    "identity_first": len(FIRST_SHARDS),
    "identity_second": len(SECOND_SHARDS),
    "identity_third": len(THIRD_SHARDS),
    "actions": len(ACTION_SHARDS),
}
"""How many shards there are of each kind: pinned in every state directory."""


WEAKER = "weaker: silent partitions go by this host's clock; what brokers show late, or clocks that step, may change or repeat output"
"""What is lost without barriers (`inputs.barriers`)."""


EMBEDDED_KIND = "embedded"
"""What the sink of an embedded installation is called. Stored data: it must not change."""
LiveSource: TypeAlias = "KafkaSource | EmbeddedSource"
LiveOutput: TypeAlias = "JsonlSink | KafkaSink | EmbeddedSink"
UNLOGGED = "another one than at the last start; no topic of decisions is among inputs.topics, so a replay of the log does not know of it"


@dataclass(slots=True)
class HomeStores:
    """The stores of a state directory, by shard; `opened` are those of this process."""

    home: StateHome
    opened: list[ShardStore] = field(default_factory=list[ShardStore])

    def open(self, shard: str, token: bytes | None) -> ShardStore:
        """Opens the store of a shard."""
        store = ShardStore.open(self.home, shard, token)
        self.opened.append(store)
        return store


def run_live(settings: LiveSettings, stop: Stop, observer: Observer, allowed: Allowed | None = None) -> None:
    """Runs the engine until `stop` is asked for, or `inputs.until` has passed.

    Raises:
        MisuseError: if the settings do not fit what is there: policy, topics, state directory; or part of the state is lost.
        RunError: if no broker answers, or it breaks off; state and output stand as of the last epoch, and a restart goes on.
    """
    allowed = allowed or Allowed()
    with _refusals(settings.state.dir):
        topics = prepare(settings) if settings.embedded.dir is None else {}
        home = StateHome.open(settings.state.dir, settings.cluster.process_id or 0, settings.cluster.size, fsync=settings.state.fsync)
    with closing(home):
        with _refusals(home.path):
            policy, holds, source, outputs = _resume(settings, home, topics, observer, allowed)
        if isinstance(source, EmbeddedSource):
            source.drains = allowed.drains
        try:
            _run(settings, home, (policy, holds), source, _sink(settings, home, topics, outputs, observer), stop, observer)
        except (DamagedStateError, ReplacedError, LostError) as error:
            raise MisuseError(str(error)) from error
        except CheckpointError as error:
            raise MisuseError(f"{home.path}: {error}; {REMEDY}") from error
        except (NativeError, PeerError) as error:
            _raise_failure(home, error)
        except OSError as error:
            raise RunError(str(of_system(error, home.path))) from error
        except UnwritableError as error:
            raise ending(error) from error
        except (StateError, KafkaInputError, KafkaOutputError) as error:
            raise RunError(str(error)) from error


@contextmanager
def _refusals(state: Path) -> Generator[None]:
    """While inside, before the first event: what is refused has to be mended, what a broker or a volume fails at may pass."""
    try:
        yield
    except (NoResponseError, KafkaOutputError) as error:
        raise RunError(str(error)) from error
    except OSError as error:
        _refuse(of_system(error, state))
    except (StateError, KafkaInputError) as error:
        _refuse(error)


def _refuse(error: StateError | KafkaInputError) -> NoReturn:
    raise (RunError if isinstance(error, FailingVolumeError) else MisuseError)(str(error)) from error


def _raise_failure(home: StateHome, error: NativeError | PeerError) -> NoReturn:
    """Raises what an operator can act on: what ails the recovery store, if anything, else what the engine said.

    Where several processes use one volume each of them finds the same reason, whoever met it first.
    """
    reason = home.why_failed()
    if reason is not None:
        raise (MisuseError if isinstance(reason, DamagedStateError) else RunError)(str(reason)) from reason
    if isinstance(error, PeerError):
        raise RunError(str(error)) from error
    raise RunError(f"{home.recovery}: the engine failed: {error}") from error


def _resume(
    settings: LiveSettings, home: StateHome, topics: dict[str, Topic], observer: Observer, allowed: Allowed
) -> tuple[Policy, Policy, LiveSource, dict[str, int]]:
    """What the run must go on with.

    Its policy with the state's form of identifiers, the one that holds until one is activated, its source, the partitions that it writes.
    """
    try:
        policy = load_policy(settings.policy, tell=lambda problem: observer.log.warning("policy", note=str(problem)))
    except PolicyError as error:
        raise MisuseError(*map(str, error.problems)) from error
    state = read_state(home.path)
    data = settings.embedded.dir
    if data is not None:
        check_owner(data, home, fresh=state.policy is None)
    elif settings.state.recovery:
        check_whose(settings, home, topics, fresh=state.policy is None, allowed=allowed)
    ids = {name: topic.id for name, topic in topics.items() if topic.id is not None}
    source = _source(settings, home, policy, state.inputs, None, ids, observer)
    outputs = {name: topic.partitions for name, topic in topics.items() if name not in source.partitions}
    topic = topic_of_decisions(settings.inputs.topics)
    write = to_socket(data) if data is not None else None if topic is None else to_topic(settings.kafka.client(), topic)
    text = render(policy) if settings.policy is None else settings.policy.read_text(encoding="utf-8")
    # As it holds, defaults included: another version of this program may have others.
    pins = Pins(
        SHARDS,
        dict(source.partitions),
        outputs,
        version("orderwatch"),
        policy.version,
        render(policy),
        ids,
        allowed.topics,
        policy.identifiers,
        hashed(text.encode()),
        None if write is None else announcer(home.path, policy, text, write),
    )
    if write is None and state.policy is not None and policy_changes(state, pins):
        observer.log.warning("policy", note=UNLOGGED)
    resume = home.begin(pins)
    if state.begins:
        home.forget(CHANNEL)  # the log of an embedded installation, which is read no more
    for note in resume.topics if data is None else ():
        observer.log.warning("topics", note=note)
    for note in resume.notes:
        observer.log.warning("held over", note=note)
    if resume.policy != policy.version:
        policy = load_policy(policy_file(home.path))
    if (resume.policy, resume.inputs) != (pins.policy, pins.inputs):
        source = _source(settings, home, policy, state.inputs, resume.inputs, ids, observer)
    for topic, why in source.weaker.items():
        observer.log.warning("no barriers", topic=topic, why=why, guarantee=WEAKER)
    observer.log.info(
        "starting",
        version=pins.engine,
        policy=policy.version,
        state=str(home.uuid),
        fresh=resume.fresh,
        clean=resume.clean,
        process=home.process,
        processes=home.processes,
        inputs=source.partitions,
        outputs=resume.outputs,
    )
    policy = replace(policy, identifiers=resume.identifiers)
    return policy, policy_before(home.path, policy), source, resume.outputs


def _source(
    settings: LiveSettings,
    home: StateHome,
    policy: Policy,
    pinned: dict[str, int],
    only: dict[str, int] | None,
    ids: dict[str, str],
    observer: Observer,
) -> LiveSource:
    inputs = settings.inputs
    if settings.embedded.dir is not None:
        return embedded_source(settings.embedded.dir, inputs.batch, policy)
    given = KafkaInput(
        options=settings.kafka.client(),
        topics=inputs.topics,
        start=inputs.start,
        batch=inputs.batch,
        read_ahead=inputs.read_ahead,
        allow_create_time=inputs.allow_create_time,
        barriers=inputs.barriers,
        barrier_interval=inputs.barrier_ms * 1_000,
        clock_allowance=inputs.clock_allowance_ms * 1_000,
        growth_check=int(inputs.growth_check_seconds * 1_000_000),
        until=inputs.until_us,
        speed=inputs.speed,
        feeds=policy.lateness,
    )

    def troubled(text: str) -> None:
        observer.log.warning("connection", error=text)

    def clocks(text: str) -> None:
        observer.log.warning("clock", note=text)

    return KafkaSource(
        given,
        expected=pinned,
        only=only,
        ids=ids,
        others=home.low_watermark,
        on_watermark=home.advise,
        on_error=troubled,
        on_clock=clocks,
    )


def _sink(settings: LiveSettings, home: StateHome, topics: dict[str, Topic], outputs: dict[str, int], observer: Observer) -> LiveOutput:
    if settings.embedded.dir is not None:
        return embedded_sink(settings, str(home.uuid), observer)
    if settings.outputs.folder is not None and settings.outputs.kind == "files":
        return JsonlSink(settings.outputs.folder, durable=settings.state.fsync, state=str(home.uuid))
    written = output_topics(settings, topics, outputs)
    # A run that keeps no state begins anew each time: what it says has nothing to do with what an earlier one said.
    state = home.uuid if settings.state.recovery else uuid4()
    # Nothing of this state is older; a day's grace for brokers whose clocks are far off.
    since = max(0, home.made - DAY) or None
    return KafkaSink(settings.kafka.client(), str(state), written, since=since, begins=read_state(home.path).begins, listener=observer)


def _run(
    settings: LiveSettings,
    home: StateHome,
    policies: tuple[Policy, Policy],
    source: LiveSource,
    sink: LiveOutput,
    stop: Stop,
    observer: Observer,
) -> None:
    stores = HomeStores(home)
    # Shards are spread over the processes; each has its part of what its process may use.
    hot = settings.state.cache_bytes * settings.cluster.size // len(ORDER_SHARDS)
    durable = stores if settings.state.recovery else None
    policy, holds = policies
    graph = FlowOptions(source.channels, make_shard=partial(Shard, hot=hot), stores=durable, on_snapshot=observer.snapshot, holds=holds)
    watch(observer, source, graph, stores.opened, policy)
    # What goes to Kafka, or to a log, stands there only once it is committed; the sink tells of that itself.
    on_output = observer.published if isinstance(sink, JsonlSink) else _sink_reports
    live = LiveSink(Noted(sink), lambda out: sink.part_for(out.topic, out), on_output, observer.resumed)
    name = settings.outputs.kind if settings.embedded.dir is None else EMBEDDED_KIND
    flow = get_live_flow(Stoppable(source, stop, observer), {name: live}, policy, graph)
    began = time.monotonic()
    observer.joining()
    run(
        flow,
        recovery=home.recovery if settings.state.recovery else None,
        epoch=timedelta(seconds=settings.state.epoch_seconds),
        process_id=settings.cluster.process_id,
        addresses=settings.cluster.addresses,
    )
    for store in stores.opened:
        store.close()
    home.stop_clean()
    stats, seconds = source.stats, round(time.monotonic() - began, 1)
    observer.log.info(
        "stopped", records=stats.records, late_records=sum(stats.late.values()), output_records=output_records(graph), seconds=seconds
    )
    if source.grown is not None:
        raise RunError(source.grown)


def _sink_reports(topic: str, outs: Sequence[OutputRecord]) -> None:
    del topic, outs
