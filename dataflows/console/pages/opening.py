"""What the pages stand on beside the store, opened with the console: the policy of the settings, and where source records are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import structlog

from dataflows.console.pages.records import EmbeddedRecords, KafkaRecords, RecordSource
from dataflows.core.policy import Policy
from dataflows.core.policy.check import PolicyError
from dataflows.core.rules.load import load_policy
from dataflows.settings import Settings
from schemas.embedded import input_folder

PAGES: Final = "pages"
"""What this part is called among the parts of the console."""
LOG: Final = structlog.get_logger("orderwatch.console")


@dataclass(frozen=True, slots=True)
class PageParts:
    """`usual`: the policy that holds until one is activated; `records`: None where no source record can be read."""

    usual: Policy | None = None
    records: RecordSource | None = None


def open_pages(settings: Settings) -> PageParts:
    """As the settings say. A policy that is wrong is the engine's to refuse: here its calendars are not known then."""
    if settings.embedded.dir is not None:
        records: RecordSource = EmbeddedRecords(input_folder(settings.embedded.dir))
    else:
        records = KafkaRecords(settings.kafka.client(), settings.inputs.topics)
    return PageParts(usual_policy(settings.policy), records)


def usual_policy(path: Path | None) -> Policy | None:
    """The policy of a file, or the built-in one; None if the file is wrong."""
    try:
        return load_policy(path)
    except PolicyError as error:
        LOG.warning("the policy of the settings is wrong: deadlines are shown without their calendars", problems=len(error.problems))
        return None


def page_parts(more: Mapping[str, object]) -> PageParts:
    """This part among the parts of the console; one that knows nothing where it was not opened."""
    return cast("PageParts", more.get(PAGES) or PageParts())
