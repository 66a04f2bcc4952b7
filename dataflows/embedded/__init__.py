"""The whole system on one machine, without a broker: `orderwatch up`.

Reading order: `plan` (the data directory and the settings of its parts), `system` (runs them), `status` (whether they are well),
`retention` (what of the logs goes), `haste` and `demo` (a simulated world that passes within minutes).
"""
