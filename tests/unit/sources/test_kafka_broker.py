"""Questions to a cluster: the mock cluster of librdkafka answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DROPPED = """
import gc, threading
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec
from {client} as Client
gc.disable()
mine = threading.get_ident()

def dropped():
    "Asks, and lets go of the client; returns the thread on which the collector then finds it."
    client = Client({{"bootstrap.servers": "none", "test.mock.num.brokers": 1}})
    client.list_topics("events", timeout=30)
    [answer] = client.list_offsets({{TopicPartition("events", 0): OffsetSpec.latest()}}, request_timeout=30).values()
    found, collected = [], threading.Event()
    def collect(_):
        found.append(threading.get_ident())
        gc.collect()
        collected.set()
    answer.add_done_callback(collect)
    ring = [client]
    ring.append(ring)
    del client, ring
    assert collected.wait(60), "no answer"
    return found[0]

# The answer may come before it is waited for: its callback runs here then.
while dropped() == mine:
    pass
"""
"""A client that nobody holds any longer when its answer comes: the collector finds it on the client's own thread."""


@pytest.mark.parametrize("client", ["sources.kafka.broker import admin", "sinks.kafka.reading import OutputAdmin"])
def test_a_client_that_is_collected_on_its_own_thread_does_not_end_the_process(client: str) -> None:
    """Librdkafka aborts a process that destroys a client there."""
    command = [sys.executable, "-c", DROPPED.format(client=client)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120)
    assert ended.returncode == 0, ended.stderr
