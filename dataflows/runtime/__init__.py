"""Bytewax and processes.

Reading order: `runner` (runs a graph, turns failures into errors), `failure`, `stop` (signals), `launcher` (a cluster on one host),
`ports`, `merge` (many channels in log order), `checkpoint` (what outlives an epoch), `state` (the state directory).
"""
