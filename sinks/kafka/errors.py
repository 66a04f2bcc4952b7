"""How writing to Kafka fails: one line that names the topic, what happened and, where there is one, what to mend."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaError, KafkaException


class KafkaOutputError(Exception):
    """Output records cannot be written; the message is one line. `fenced`: because another instance has taken over."""

    def __init__(self, message: str, *, fenced: bool = False) -> None:
        super().__init__(message)
        self.fenced = fenced


# librdkafka's own codes begin with an underscore; they are no less public.
END_OF_PARTITION: Final = KafkaError._PARTITION_EOF  # pyright: ignore[reportPrivateUsage]
UNPACKABLE: Final = KafkaError._BAD_COMPRESSION  # pyright: ignore[reportPrivateUsage]
BROKE: Final = KafkaError._TRANSPORT  # pyright: ignore[reportPrivateUsage]
FAILED: Final = KafkaError._FAIL  # pyright: ignore[reportPrivateUsage]
FENCED: Final = frozenset(
    {
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError._FENCED,  # pyright: ignore[reportPrivateUsage]
    }
)
TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
HINTS: Final = {
    KafkaError.MSG_SIZE_TOO_LARGE: "a record is larger than the topic takes: raise its max.message.bytes",
    KafkaError.RECORD_LIST_TOO_LARGE: "a record is larger than the topic takes: raise its segment.bytes",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "the topic or partition does not exist",
    KafkaError._UNKNOWN_TOPIC: "the topic does not exist",  # pyright: ignore[reportPrivateUsage]
    KafkaError._UNKNOWN_PARTITION: "the topic has fewer partitions than the state was made with",  # pyright: ignore[reportPrivateUsage]
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "not allowed to write to the topic",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "not allowed to use the transactional id",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "not allowed to write idempotently",
    KafkaError._AUTHENTICATION: "authentication failed",  # pyright: ignore[reportPrivateUsage]
    KafkaError.SASL_AUTHENTICATION_FAILED: "authentication failed",
    KafkaError.INVALID_RECORD: "the broker refuses a record",
    KafkaError.POLICY_VIOLATION: "a policy of the broker refuses it",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "the broker allows no transaction.timeout.ms as long as this",
}
"""What no second try mends, and what to say of it."""


def kafka_error(exception: KafkaException) -> KafkaError:
    """The error within an exception of confluent-kafka."""
    error: object = exception.args[0]
    return error if isinstance(error, KafkaError) else KafkaError(FAILED, str(error))


def is_final(error: KafkaError) -> bool:
    """Whether no second try can help."""
    return error.fatal() or error.code() in HINTS


def output_error(place: str, error: KafkaError) -> KafkaOutputError:
    """The one line of an error that ends the writing to `place`."""
    if error.code() in FENCED:
        return KafkaOutputError(
            f"{place}: another instance with the same state has taken over, or this one stood still for too long ({error.name()})",
            fenced=True,
        )
    return KafkaOutputError(f"{place}: {HINTS.get(error.code(), 'cannot be written')} ({error.name()}: {error.str()})")
