"""A campaign: orders are placed in real time while engine and broker are killed; at the end every output record is held against a replay.

Read `world` (what happens to orders), `producer` (who writes it to Kafka), `engine` (the process that is killed), `fight` (the whole),
`verdicts` (what came of it).
"""
