"""Connector `fitbit`: Google Takeout (JSON, also zipped), Fitabase's CSV, All of Us' tables.

Option `layout` says which. Fitabase and All of Us write local times without a zone; Takeout
writes those of minute and second series in UTC and those of sleep in local time. What has no
offset is placed in the source's time zone. Records are rows (Fitabase's wide tables: a row is an
hour of 60 facts) or, in Takeout, entries of the day files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.fitbit_tables import ALL_OF_US, FITABASE
from biobraid.ingest.connectors.fitbit_takeout import read_takeout
from biobraid.ingest.connectors.wearable_options import PersonFromPath, person_of_path
from biobraid.ingest.connectors.wearable_table import read_table


class FitbitOptions(PersonFromPath):
    """layout: what delivered the files. person_pattern counts for takeout only.

    weight_unit: that of the account, which Takeout does not tell.
    """

    layout: Literal["takeout", "fitabase", "all_of_us"]
    weight_unit: Literal["kg", "lb"] = "lb"


@connector("fitbit", options=FitbitOptions)
def read_fitbit(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one delivered file."""
    options = get_connector("fitbit").check_options(job.source.options)
    if not isinstance(options, FitbitOptions):
        raise TypeError("the connector is registered with other options")
    if options.layout == "takeout":
        yield from read_takeout(job, person_of_path(job, options), options.weight_unit)
    else:
        yield from read_table(job, FITABASE if options.layout == "fitabase" else ALL_OF_US)
