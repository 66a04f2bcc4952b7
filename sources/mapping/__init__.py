"""Mappings: a YAML file that turns the JSON, CSV or XML of a system without an adapter into contract events. See README.md.

Reading order: `form` (the file's keys), `build` and `codes` (what its expressions and tables become), `check` (the checked whole), then
what happens at run time: `files` (bytes to records), `reading` (records to events), `values`, `times`, `expressions`.
"""

from sources.mapping.check import Mapping, MappingError, examine, load_mapping, read_mapping

__all__ = ["Mapping", "MappingError", "examine", "load_mapping", "read_mapping"]
