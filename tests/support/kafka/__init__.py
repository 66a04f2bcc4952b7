"""The rungs of the broker ladder: each starts one kind of Kafka, or says why it cannot."""
