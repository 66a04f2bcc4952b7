"""Partitions of Kafka as channels: watermark, reading ahead, pace, resuming. The cluster is in memory, its clock the test's."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.record import FeedWatermark, Record
from sources.batch import BEGINNING, Batch, Refusal
from sources.exports import ExportWriter, decode
from sources.kafka.clock import HostClock
from sources.kafka.ends import End
from sources.kafka.settings import KafkaInputError
from sources.messages import CREATE_TIME, NO_TIMESTAMP, PartitionLog
from tests.support.logs import DAY, HOUR, MINUTE, T0, line
from tests.support.partitions import Answers, Client, Cluster, Harness, Told, harness, kept, names

TICK = 100_000
ALLOWANCE = 250_000


def offsets(batches: list[Batch], channel: str | None = None) -> list[int]:
    """The offsets of what came out, of one channel or of all."""
    return [
        item.offset for batch in batches if channel in (None, batch.channel) for item in batch.items if not isinstance(item, FeedWatermark)
    ]


def rounds(source: Harness, count: int, step: int = TICK) -> list[Batch]:
    """Several rounds."""
    return [batch for _ in range(count) for batch in source.round(step)]


def test_a_record_moves_the_watermark_up_to_its_own_log_time() -> None:
    """Later records of the partition have that log time or a later one."""
    cluster = Cluster(1)
    cluster.append(0)
    cluster.clock += HOUR
    cluster.append(0)
    (batch,) = harness(cluster).round()
    assert [item.log for item in batch.items] == [T0, T0 + HOUR]
    assert batch.watermark == T0 + HOUR


def test_log_time_never_runs_backwards_within_a_partition() -> None:
    """A broker whose clock is set back stamps earlier; the order of offsets stands."""
    cluster = Cluster(1)
    for stamp in (T0, T0 - MINUTE, T0 + 1_000):
        cluster.append(0, stamp=stamp)
    cluster.clock += MINUTE
    (batch,) = harness(cluster).round()
    assert [item.log for item in batch.items] == [T0, T0, T0 + 1_000]


def test_an_idle_partition_goes_with_the_clock_less_the_allowance() -> None:
    """Its end was asked for after the clock was read, and had been read up to."""
    cluster = Cluster(2)
    cluster.append(0)
    source = harness(cluster)
    batches = rounds(source, 20)
    last = {batch.channel: batch.watermark for batch in batches}
    assert all(cluster.clock - ALLOWANCE - 3 * TICK <= announced <= cluster.clock - ALLOWANCE for announced in last.values())


def test_a_partition_that_is_not_read_to_its_end_does_not_go_with_the_clock() -> None:
    """What was appended and is not read may be earlier than the clock says."""
    cluster = Cluster(1)
    client = Client(cluster)
    source = harness(cluster, client=client)
    cluster.append(0)
    rounds(source, 3)
    client.paused.add(0)
    announced = source.reader(0).announced
    cluster.append(0)
    cluster.clock += HOUR
    assert max((batch.watermark for batch in rounds(source, 5)), default=announced) < announced + 2 * TICK


def test_records_of_an_open_transaction_hold_time_back() -> None:
    """They are stamped already, and come out once the transaction is committed."""
    cluster = Cluster(1)
    cluster.append(0)
    source = harness(cluster)
    rounds(source, 5)
    began = cluster.clock
    cluster.hidden[0] = 1
    cluster.append(0)
    before = {channel: source.reader(0).announced for channel in names(1)}
    for _ in range(50):
        kept(source.round(TICK), before)
    assert source.reader(0).announced <= began
    del cluster.hidden[0]
    batches = source.round(TICK)
    kept(batches, before)
    assert offsets(batches) == [1]
    assert source.reading.stats.late == {"orders:00000": 0}


def test_the_end_of_a_transaction_counts_as_read() -> None:
    """Its marker takes an offset of its own, which no record ever has."""
    cluster = Cluster(1)
    cluster.append(0)
    source = harness(cluster)
    reader = source.reader(0)
    source.round()
    assert reader.position == 1
    reader.eof = 2
    assert reader.position == 2
    again = harness(cluster, {0: source.parts[0].snapshot()})
    assert again.client.at == {0: 2}


def test_a_broker_ahead_of_our_clock_does_not_push_the_watermark() -> None:
    """Its records keep their log time and wait until the clock has come to it."""
    cluster = Cluster(1)
    cluster.append(0, stamp=T0 + DAY)
    source = harness(cluster)
    (batch, *_) = source.round()
    assert batch.items[0].log == T0 + DAY
    assert batch.watermark == T0
    assert max(batch.watermark for batch in rounds(source, 20)) <= cluster.clock


def test_a_late_record_is_applied_at_the_watermark_and_counted() -> None:
    """A broker whose clock is behind ours by more than the allowance stamps it so."""
    cluster = Cluster(1)
    source = harness(cluster)
    rounds(source, 10)
    announced = source.reader(0).announced
    cluster.append(0, stamp=announced - HOUR)
    cluster.append(0, stamp=announced - HOUR)
    cluster.append(0)
    items = [item for batch in source.round(1_000) for item in batch.items]
    assert [item.log for item in items] == [announced, announced, items[2].log]
    assert items[2].log > announced
    assert source.reading.stats.late == {"orders:00000": 2}


def test_a_record_that_waits_in_the_buffer_bounds_the_idle_watermark() -> None:
    """Its stamp is known, so that a clock that differs by more than the allowance cannot push time past it."""
    cluster = Cluster(1)
    cluster.append(0)
    source = harness(cluster)
    rounds(source, 10)
    reader = source.reader(0)
    announced = reader.announced
    cluster.clock += HOUR
    source.answers.known = {reader.channel: End(cluster.clock, 1)}
    reader.buffer.append(cluster.append(0, stamp=announced + MINUTE))
    assert source.reading.watermark(reader) == (announced + MINUTE) // 1_000 * 1_000


def test_an_absurd_timestamp_of_a_producer_moves_no_time() -> None:
    """Where producers stamp, one beyond the clock counts as the greatest before it; the next one goes on as if nothing had been."""
    cluster = Cluster(1)
    cluster.clock += HOUR
    for stamp in (T0 + 5_000 * DAY, T0, T0 + 5_000 * DAY, T0 + MINUTE):
        cluster.append(0, stamp=stamp, kind=CREATE_TIME)
    batches = harness(cluster, create_time=True).round()
    assert [item.log for batch in batches for item in batch.items] == [0, T0, T0, T0 + MINUTE]


def test_a_producers_timestamp_is_refused_unless_allowed() -> None:
    """Log time rests on the broker's stamp; the line names topic, place and setting."""
    cluster = Cluster(1)
    cluster.append(0, kind=CREATE_TIME)
    with pytest.raises(KafkaInputError, match=r"topic orders, partition 0, offset 0.*message.timestamp.type=CreateTime.*allow_create_time"):
        harness(cluster).round()


def test_a_tombstone_is_counted_and_left_out() -> None:
    """It says nothing about an order, but the position goes on."""
    cluster = Cluster(1)
    cluster.append(0)
    cluster.tombstone(0)
    source = harness(cluster)
    assert offsets(source.round()) == [0]
    assert (source.reading.stats.records, source.reading.stats.tombstones, source.reader(0).next) == (2, 1, 2)


def test_a_refusal_keeps_value_key_and_headers() -> None:
    """It can be written out as it came in."""
    cluster = Cluster(1)
    cluster.append(0, b"\xff\x00junk", b"key", [("h", None), ("h", b"2")])
    (item,) = harness(cluster).round()[0].items
    assert isinstance(item, Refusal)
    assert (item.raw, item.key, item.headers, item.reason) == (b"\xff\x00junk", b"key", (("h", None), ("h", b"2")), "not_utf8")
    assert item.log == T0


def test_binary_mode_is_read_from_the_headers() -> None:
    """Attributes stand in `ce_` headers; an event without data has no value and is no tombstone."""
    cluster = Cluster(1)
    attributes = {"specversion": "1.0", "id": "h1", "source": "/carrier/ups", "type": "feed.heartbeat", "time": "2026-04-20T08:00:00Z"}
    cluster.append(0, None, headers=[(f"ce_{name}", text.encode()) for name, text in attributes.items()])
    (item,) = harness(cluster).round()[0].items
    assert isinstance(item, Record)
    assert (item.event.id, item.event.type, item.at, item.raw) == ("h1", "feed.heartbeat", T0, b"")


def test_marks_stand_right_after_their_record() -> None:
    """Of a monitored feed, the first record of each second of log time."""
    cluster = Cluster(1)
    for n in range(4):
        cluster.append(0, line(f"e{n}", cluster.clock, source="/carrier/ups"))
        cluster.clock += 500_000
    source = harness(cluster, feeds={"/carrier": 0})
    items = source.round()[0].items
    assert [(item.offset, isinstance(item, FeedWatermark)) for item in items] == [
        (0, False),
        (0, True),
        (1, False),
        (2, False),
        (2, True),
        (3, False),
    ]
    again = harness(cluster, {0: source.parts[0].snapshot()}, feeds={"/carrier": 0})
    cluster.append(0, line("e4", cluster.clock, source="/carrier/ups"), stamp=T0 + 1_900_000)
    assert [isinstance(item, FeedWatermark) for item in again.round()[0].items] == [False]


def test_a_resume_goes_on_behind_what_was_handed_out() -> None:
    """Not behind what was fetched: the state knows nothing of the buffer."""
    cluster = Cluster(1)
    for _ in range(10):
        cluster.append(0)
        cluster.clock += 1_000
    first = harness(cluster, batch=4)
    begun = first.round()
    state = first.parts[0].snapshot()
    second = harness(cluster, {0: state}, batch=100)
    rest = second.round()
    assert (offsets(begun), offsets(rest)) == ([0, 1, 2, 3], [4, 5, 6, 7, 8, 9])
    assert second.parts[0].snapshot() != state


def test_a_state_of_another_version_is_refused() -> None:
    """In one line, instead of being misread."""
    with pytest.raises(KafkaInputError, match="version 9"):
        harness(Cluster(1), {0: b"\x95\x09\x01\x00\x00\x90"})
    with pytest.raises(KafkaInputError, match="cannot be read"):
        harness(Cluster(1), {0: b"junk"})


def test_records_that_were_deleted_before_they_were_read_stop_the_engine() -> None:
    """They are never skipped, and the line says which are gone."""
    cluster = Cluster(1)
    for _ in range(10):
        cluster.append(0)
    source = harness(cluster, batch=3)
    source.round()
    cluster.first[0] = 7
    with pytest.raises(KafkaInputError, match=r"orders:00000: records from offset 3 to 7 were deleted"):
        harness(cluster, {0: source.parts[0].snapshot()}).round()


def test_a_partition_does_not_run_ahead_of_the_slowest_by_more_than_the_bound() -> None:
    """It waits, is fetched no more once its buffer is long, and goes on when the slowest has caught up; nothing is lost or twice."""
    cluster = Cluster(2)
    for n in range(400):
        cluster.append(0, stamp=T0 + n * 1_000_000)
    cluster.clock += HOUR
    client = Client(cluster)
    source = harness(cluster, client=client, batch=10, read_ahead=50)
    client.paused.add(1)
    cluster.append(1, stamp=T0)
    ahead = rounds(source, 60)
    assert offsets(ahead, "orders:00000") == list(range(50))
    assert not source.reader(1).paused
    client.paused.discard(1)
    rest = rounds(source, 400)
    assert offsets(ahead + rest, "orders:00000") == list(range(400))
    assert offsets(ahead + rest, "orders:00001") == [0]


def test_another_process_that_is_behind_holds_this_one_back() -> None:
    """Its low watermark counts like that of a partition of our own."""
    cluster = Cluster(1)
    for n in range(100):
        cluster.append(0, stamp=T0 + n * 1_000_000)
    cluster.clock += HOUR
    assert len(offsets(rounds(harness(cluster, others=T0, batch=10, read_ahead=30), 20))) == 30
    assert len(offsets(rounds(harness(cluster, others=T0 + DAY, batch=10, read_ahead=30), 20))) == 100


def test_what_is_long_in_the_buffer_is_fetched_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partition that must wait is paused, and resumed once its buffer has been handed out."""
    monkeypatch.setattr("sources.kafka.reading.BUFFERED", 100)
    cluster = Cluster(2)
    for n in range(1_000):
        cluster.append(0, stamp=T0 + n * 1_000_000)
    cluster.clock += HOUR
    client = Client(cluster)
    source = harness(cluster, client=client, batch=10, read_ahead=20)
    client.paused.add(1)
    cluster.append(1, stamp=T0)
    ahead = rounds(source, 100)
    assert source.reader(0).paused
    assert 0 in client.paused
    assert len(source.reader(0).buffer) < 150
    client.paused.discard(1)
    rest = rounds(source, 500)
    assert offsets(ahead + rest, "orders:00000") == list(range(1_000))
    assert source.reading.stats.paused >= 1


def test_records_after_until_are_left_out_and_all_parts_end_together() -> None:
    """The watermark stops right behind it; a part that has passed it waits for the others."""
    cluster = Cluster(2)
    for stamp in (T0, T0 + MINUTE, T0 + MINUTE + 1_000):
        cluster.append(0, stamp=stamp)
    cluster.clock += HOUR
    client = Client(cluster)
    source = harness(cluster, client=client, until=T0 + MINUTE)
    client.paused.add(1)
    batches = rounds(source, 20)
    assert offsets(batches) == [0, 1]
    assert max(batch.watermark for batch in batches) == T0 + MINUTE + 1
    assert source.reader(1).announced == BEGINNING
    client.paused.discard(1)
    with pytest.raises(StopIteration):
        rounds(source, 20)
    assert source.reader(1).announced == T0 + MINUTE + 1
    again = harness(cluster, {number: part.snapshot() for number, part in enumerate(source.parts)})
    assert offsets(again.round()) == [2]


def test_the_pace_holds_records_and_the_watermark_back() -> None:
    """Ten seconds of log time per second; a partition without records keeps pace with the others."""
    cluster = Cluster(2)
    for n in range(100):
        cluster.append(0, stamp=T0 + n * 1_000_000)
    cluster.append(1, stamp=T0 + 50_000_000)
    cluster.clock += HOUR
    source = harness(cluster, speed=10.0)
    before: dict[str, int] = {}
    came: list[int] = []
    for n in range(1, 101):
        batches = source.round(TICK)
        kept(batches, before)
        came += offsets(batches, "orders:00000")
        assert all(announced <= T0 + n * 1_000_000 for announced in before.values())
        if n > 2:
            assert min(before[name] for name in names(2)) >= T0 + (n - 2) * 1_000_000
    assert len(came) == 100
    assert min(before.values()) >= T0 + 98_000_000


def test_growth_ends_the_parts() -> None:
    """The engine is to be started again, so that the new partition is read as well."""
    cluster = Cluster(1)
    source = harness(cluster, growth_check=TICK)
    rounds(source, 5)
    assert source.growing.asked >= 3
    source.growing.found = "topic orders has grown from 1 to 2 partitions: restart to read them all"
    with pytest.raises(StopIteration):
        rounds(source, 3)


def test_lag_is_what_is_left_to_hand_out() -> None:
    """Counted in offsets, from the last answer about the end."""
    cluster = Cluster(1)
    source = harness(cluster, batch=4)
    for _ in range(10):
        cluster.append(0)
    rounds(source, 2)
    assert source.reading.lag() == {"orders:00000": 2}
    rounds(source, 2)
    assert source.reading.lag() == {"orders:00000": 0}


Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 2)),
        st.tuples(st.just("wait"), st.sampled_from([1, 999, 20_000, 100_000, 700_000])),
        st.tuples(st.just("part"), st.integers(0, 2)),
        st.tuples(st.just("hide"), st.integers(0, 2)),
        st.tuples(st.just("show"), st.integers(0, 2)),
        st.tuples(st.just("resume"), st.just(0)),
    ),
    max_size=120,
)


@settings(max_examples=300)
@given(steps=STEPS, most=st.integers(1, 5), after=st.integers(0, 4), batch=st.integers(1, 4), read_ahead=st.integers(1, 6))
def test_an_idle_watermark_never_passes_a_record_that_is_not_read(
    steps: list[Step], most: int, after: int, batch: int, read_ahead: int
) -> None:
    """Whatever the order of appends, polls, answers, open transactions and resumes: no record is behind the watermark, lost, or twice.

    The allowance is as small as the broker's timestamps are coarse: a millisecond.
    """
    cluster = Cluster(3)
    before: dict[str, int] = {}
    came: dict[str, list[int]] = {name: [] for name in names(3)}
    states: dict[int, bytes] = {}

    def begin() -> Harness:
        client, answers = Client(cluster, most), Answers(cluster, after)
        return harness(
            cluster, states, client=client, answers=answers, batch=batch, read_ahead=read_ahead, clock_allowance=1_000, tick=1_000
        )

    source = begin()
    for what, number in [*steps, *[("show", n) for n in range(3)], *[("part", n % 3) for n in range(600)]]:
        if what == "append":
            cluster.append(number)
        elif what == "wait":
            cluster.clock += number
        elif what == "hide":
            cluster.hidden.setdefault(number, len(cluster.logs[number]))
        elif what == "show":
            cluster.hidden.pop(number, None)
        elif what == "resume":
            states = {n: part.snapshot() for n, part in enumerate(source.parts)}
            source = begin()
        else:
            cluster.clock += 500
            batches = source.parts[number].next_batch()
            kept(batches, before)
            for item in batches:
                came[item.channel] += offsets([item])
    assert came == {name: list(range(len(cluster.logs[number]))) for number, name in enumerate(names(3))}
    assert sum(source.reading.stats.late.values()) == 0


def test_without_barriers_a_host_clock_that_steps_carries_no_silent_partition_along() -> None:
    """The step counts once a broker's stamp has confirmed it, as where the clock was wrong before."""
    cluster, ahead = Cluster(1), [0]
    cluster.append(0)
    source = harness(cluster, clock=HostClock(lambda: cluster.clock + ahead[0], lambda: cluster.clock))
    rounds(source, 20)
    ahead[0] = HOUR
    source.answers.known = {}
    rounds(source, 20)
    assert source.reader(0).announced <= cluster.clock - ALLOWANCE
    cluster.append(0, stamp=cluster.clock + HOUR)
    assert max(batch.watermark for batch in rounds(source, 2)) >= cluster.clock - 2 * TICK + HOUR - 1_000


def proving(cluster: Cluster, states: dict[int, bytes] | None = None, **more: object) -> Harness:
    """A source whose silent partitions are proved by barriers."""
    return harness(cluster, states, by_barriers=True, **more)  # type: ignore[arg-type]  # whichever the test names


def test_a_silent_partition_goes_by_the_barriers_read_from_it() -> None:
    """Not by the clock: one that takes none stands still, and the others go on."""
    cluster = Cluster(2)
    source = proving(cluster)
    source.proving.refusing.add(1)
    cluster.append(1)
    begun = cluster.clock
    rounds(source, 20)
    assert cluster.clock - 2 * TICK <= source.reader(0).announced <= cluster.clock
    assert source.reader(1).announced == begun
    assert (source.reading.stats.tombstones, source.reader(0).log.tombstones) == (0, 0)
    assert source.reader(0).log.barriers >= 10


def test_what_is_stamped_and_not_yet_shown_is_not_passed() -> None:
    """The barriers stand behind it and are not shown either, however long a replica hangs."""
    cluster = Cluster(1)
    source = proving(cluster)
    rounds(source, 5)
    cluster.hidden[0] = len(cluster.logs[0])
    cluster.append(0)
    stamped = cluster.clock
    rounds(source, 100)
    assert source.reader(0).announced <= stamped
    del cluster.hidden[0]
    batches = rounds(source, 2)
    assert [item.log for batch in batches for item in batch.items] == [stamped]
    assert source.reading.stats.late == {"orders:00000": 0}
    assert source.reader(0).announced >= cluster.clock - 2 * TICK


@pytest.mark.parametrize("wrong", [30_000_000, -30_000_000, DAY])
def test_where_barriers_are_read_this_hosts_clock_changes_nothing(wrong: int) -> None:
    """It may be wrong from the start, or step and be wrong when it starts again."""
    cluster, ahead = Cluster(2), [0]
    clock = HostClock(lambda: cluster.clock + ahead[0], lambda: cluster.clock)
    source = proving(cluster, clock=clock)
    rounds(source, 10)
    ahead[0] = wrong
    rounds(source, 10)
    again = proving(
        cluster,
        {number: part.snapshot() for number, part in enumerate(source.parts)},
        clock=HostClock(lambda: cluster.clock + wrong, lambda: cluster.clock),
    )
    for _ in range(10):
        cluster.append(0)
        rounds(again, 3)
        assert all(cluster.clock - 2 * TICK <= again.reader(number).announced <= cluster.clock for number in range(2))
    assert sum(again.reading.stats.late.values()) == 0


def test_a_broker_whose_clock_is_absurd_does_not_let_deadlines_fire() -> None:
    """A minute is within reason; a day waits for the present."""
    cluster = Cluster(1)
    cluster.append(0, stamp=T0 + DAY)
    source = proving(cluster)
    assert max(batch.watermark for batch in rounds(source, 20)) <= cluster.clock + MINUTE


@settings(max_examples=300)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["append", "part", "hide", "show"]), st.integers(0, 2)),
            st.tuples(st.just("wait"), st.sampled_from([1, 20_000, 700_000])),
            st.tuples(st.sampled_from(["host", "brokers"]), st.sampled_from([-30_000_000, -1_000, 5_000, 30_000_000])),
            st.tuples(st.just("resume"), st.just(0)),
        ),
        max_size=120,
    ),
    most=st.integers(1, 5),
)
def test_a_watermark_by_barriers_is_a_function_of_the_log(steps: list[Step], most: int) -> None:
    """Whatever hangs, steps or starts again: nothing is behind the watermark, and an export, without barriers, gives the same log times."""
    cluster, host, brokers = Cluster(3), [0], [0]
    before: dict[str, int] = {}
    came: dict[str, list[tuple[int, int]]] = {name: [] for name in names(3)}
    states: dict[int, bytes] = {}

    def begin() -> Harness:
        clock = HostClock(lambda: cluster.clock + host[0], lambda: cluster.clock)
        return proving(cluster, states, client=Client(cluster, most), clock=clock, tick=1_000)

    source = begin()
    for what, number in [*steps, *[("show", n) for n in range(3)], *[("part", n % 3) for n in range(60)]]:
        if what == "append":
            cluster.append(number, stamp=cluster.clock + brokers[0])
        elif what == "wait":
            cluster.clock += number
        elif what == "host":
            host[0] += number
        elif what == "brokers":
            cluster.ahead = brokers[0] = brokers[0] + number
        elif what == "hide":
            cluster.hidden.setdefault(number, len(cluster.logs[number]))
        elif what == "show":
            cluster.hidden.pop(number, None)
        elif what == "resume":
            states = {n: part.snapshot() for n, part in enumerate(source.parts)}
            source = begin()
        else:
            cluster.clock += 500
            batches = source.parts[number].next_batch()
            kept(batches, before)
            for batch in batches:
                came[batch.channel] += [(item.offset, item.log) for item in batch.items]
        assert sum(source.reading.stats.late.values()) == 0
    for number, name in enumerate(names(3)):
        announced = [record for record in cluster.logs[number] if record.value() is not None][: len(came[name])]
        assert came[name] == [(record.offset(), log) for record, log in zip(announced, exported(cluster.logs[number]), strict=False)]


def exported(log: list[Told]) -> list[int]:
    """The log times that an export of a partition gives to its records that have content."""
    with TemporaryDirectory() as folder:
        writer = ExportWriter(Path(folder), "orders", 0, "LogAppendTime", T0)
        for record in log:
            writer.write(record)
        writer.close()
        with gzip.open(writer.path) as lines:
            kept_ = [decode(line, "LogAppendTime") for line in list(lines)[1:]]
    assert len(kept_) <= 2 * len([record for record in log if record.value() is not None])
    return [item.log for item in PartitionLog("orders", 0, create_time=False).read(kept_, announced=BEGINNING, latest=0)]


@pytest.mark.parametrize("resumed", [False, True])
def test_what_the_client_cannot_unpack_is_rejected_in_its_place(*, resumed: bool) -> None:
    """Record for record, and what stands behind it is read, also if a run begins in the middle of the batch."""
    cluster = Cluster(2)
    for _ in range(6):
        cluster.append(0)
        cluster.append(1)
    cluster.packed[0] = (2, 3)
    source = harness(cluster)
    batches: list[Batch] = []
    if resumed:
        while not any(isinstance(item, Refusal) for batch in batches for item in batch.items):
            batches += source.round(TICK)
        source = harness(cluster, {number: part.snapshot() for number, part in enumerate(source.parts)})
    batches += rounds(source, 10)
    assert offsets(batches, names(2)[0]) == [0, 1, 2, 3, 4, 5]
    assert offsets(batches, names(2)[1]) == [0, 1, 2, 3, 4, 5]
    refused = [item for batch in batches for item in batch.items if isinstance(item, Refusal)]
    assert [(item.offset, item.reason, item.raw, item.size) for item in refused] == [(2, "too_large", b"", 0), (3, "too_large", b"", 0)]


@pytest.mark.parametrize("stamp", [-1, -5_000])
def test_a_record_without_a_timestamp_is_rejected(stamp: int) -> None:
    """Nobody can say when it was appended; it takes the log time of what stands before it, and moves no time."""
    cluster = Cluster(1)
    cluster.append(0, kind=CREATE_TIME)
    cluster.append(0, kind=CREATE_TIME, stamp=stamp * 1_000)
    cluster.append(0, kind=NO_TIMESTAMP, stamp=0)
    (batch,) = harness(cluster, create_time=True).round()
    assert [(item.log, getattr(item, "reason", "")) for item in batch.items] == [(T0, ""), (T0, "bad_time"), (T0, "bad_time")]
