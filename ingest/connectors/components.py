"""Connector `components`: principal components of samples (plink and plink2 .eigenvec).

One record per sample, one fact per component. Columns: IID (or the second of two without a
header) and PC1, PC2, ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.genotype_files import broken
from biobraid.ingest.connectors.genotype_options import WithdrawnIds
from biobraid.ingest.connectors.kinship import identities
from biobraid.ingest.connectors.sample_table import needed, read_sample_table, sort_rows
from biobraid.ingest.hashing import mix, person_keys, positive, record_ids

_COMPONENT = re.compile(r"PC_?(\d+)", re.IGNORECASE)


class ComponentOptions(BaseModel):
    """Columns are known by their names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    withdrawn_ids: WithdrawnIds = None


@connector("components", options=ComponentOptions)
def read_components(job: FileJob) -> Iterator[Chunk | Counts]:
    """A row per sample and component."""
    options = get_connector("components").check_options(job.source.options)
    if not isinstance(options, ComponentOptions):
        raise TypeError("the connector is registered with other options")
    table = read_sample_table(job, header=("FID", "IID"))
    column = needed(job, table, "IID", "ID", "eid")
    numbers = {name: int(found[1]) for name in table.names if (found := _COMPONENT.fullmatch(name))}
    if not numbers:
        raise broken(job, "there is no column of a component", "PC1, PC2, ...")
    yield Counts(columns=table.names)
    values = {name: table.number(name) for name in numbers}
    bad = np.any([np.asarray(v.is_null()) for v in values.values()], axis=0)
    kept = sort_rows(table, (column,), bad, options.withdrawn_ids)
    yield from kept.chunks
    counts, at = kept.counts, pa.array(kept.kept)
    ids = table.cells[column].to_arrow().cast(pa.string()).take(at)
    keys = person_keys(job.keys, job.study.person_namespace, ids).dictionary_decode()
    records = record_ids(job.keys, f"{job.study.id}/{job.source_id}/component", [("sample", keys)])
    for name, number in numbers.items():
        if len(at):
            rows = {
                "row_id": positive(mix(records, np.uint64(number))),
                "record_id": positive(records),
                "source_person_key": keys,
                "component": pa.array(np.full(len(at), number, np.int32)),
                "value": values[name].take(at),
            }
            yield Chunk("raw.component", pa.table(rows))
    counts.facts_read = len(at) * len(numbers)
    counts.bytes_done = job.path.stat().st_size
    if len(at):
        yield identities(ids, keys)
    yield counts
