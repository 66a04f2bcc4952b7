"""The logs of an embedded installation, read: by the live engine, by a replay, and by store and dispatch.

Reading order: `tail` (both input logs as one, in log order), `source` (live), `recorded` (replay), `outputs` (what follows the engine).
"""
