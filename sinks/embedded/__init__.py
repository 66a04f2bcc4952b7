"""The logs of an embedded installation: who writes them, and with which guarantee.

Reading order: `log` (numbered records in segment files), `input` (the input log and its clock), `sink` (output records), `server` and
`decisions` (the local socket by which others write decisions).
"""
