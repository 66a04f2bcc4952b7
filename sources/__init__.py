"""Where events come from: Kafka, files and the simulator. Sources know the contract (`schemas`), and neither the core nor the sinks."""
