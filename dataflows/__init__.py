"""The processes of Orderwatch. A folder here is a process: it says what it reads, does and writes.

Reading order: `core` (pure logic), `detect` (finds exceptions) and `ingest` (takes events in), `runtime` (Bytewax, processes, state),
`observe` and `settings`, `cli` (stands on top; nothing imports it).
"""
