"""Where events come from: Kafka, files and the simulator. Sources know the words (`schemas`) and nothing of the heart or of sinks."""
