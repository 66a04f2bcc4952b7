"""Kafka topics as a source: `KafkaSource` reads them as `KafkaInput` says; `topics` creates and checks them."""

from sources.kafka.settings import KafkaInput, KafkaInputError, SourceStats
from sources.kafka.source import KafkaPart, KafkaSource

__all__ = ["KafkaInput", "KafkaInputError", "KafkaPart", "KafkaSource", "SourceStats"]
