"""Dispatch: carries requested actions out, each effect once.

Read `pipeline` (the stages in their order), then each stage: `wanted`, `paused`, `healthy`, `prepare`, `begin`, `call`, `result`. What they
stand on: `journal` (what survives a kill), `following` (what the log says), `outbox` (what is said to the log), `recovery`, `sharing`.
"""
