"""Output records to Kafka. Read `sink` for the guarantee, `readback` for how it holds across a crash, `writer` for the transactions."""

from schemas.topics import TOPIC_NAMES
from sinks.kafka.errors import KafkaOutputError
from sinks.kafka.sink import PATIENCE, KafkaSink, OutputTopic, part_name
from sinks.kafka.stats import WriterListener, WriterStats

__all__ = ["PATIENCE", "TOPIC_NAMES", "KafkaOutputError", "KafkaSink", "OutputTopic", "WriterListener", "WriterStats", "part_name"]
