"""Connector `kinship`: pairs of relatives from KING and plink2 (.kin0, .kin) and UK Biobank.

One record and one fact per pair. Columns are found by name: ID1/IID1, ID2/IID2, Kinship, and
where they are there N_SNP/NSNP, HetHet, IBS0.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.genotype_options import WithdrawnIds
from biobraid.ingest.connectors.sample_table import needed, read_sample_table, sort_rows
from biobraid.ingest.hashing import mix, person_keys, positive, record_ids


class KinshipOptions(BaseModel):
    """Columns are known by their names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    withdrawn_ids: WithdrawnIds = None


@connector("kinship", options=KinshipOptions)
def read_kinship(job: FileJob) -> Iterator[Chunk | Counts]:
    """Pairs; the first key of a pair is the smaller, so that a pair is a pair in any order."""
    options = get_connector("kinship").check_options(job.source.options)
    if not isinstance(options, KinshipOptions):
        raise TypeError("the connector is registered with other options")
    table = read_sample_table(job)
    first = needed(job, table, "ID1", "IID1")
    second = needed(job, table, "ID2", "IID2")
    kinship = table.number(needed(job, table, "Kinship"))
    bad = np.asarray(kinship.is_null())
    yield Counts(columns=table.names)
    kept = sort_rows(
        table,
        (first, second),
        bad | (table.cells[first] == table.cells[second]).to_numpy(),
        options.withdrawn_ids,
    )
    yield from kept.chunks
    counts = kept.counts
    at = pa.array(kept.kept)
    namespace = job.study.person_namespace
    ids = [table.cells[name].to_arrow().cast(pa.string()).take(at) for name in (first, second)]
    keys = [person_keys(job.keys, namespace, i).dictionary_decode() for i in ids]
    swap = pc.greater(keys[0], keys[1])
    low, high = pc.if_else(swap, keys[1], keys[0]), pc.if_else(swap, keys[0], keys[1])
    records = record_ids(
        job.keys, f"{job.study.id}/{job.source_id}/kinship", [("first", low), ("second", high)]
    )
    rows = {
        "row_id": positive(mix(records, np.uint64(1))),
        "record_id": positive(records),
        "source_person_key": low,
        "other_person_key": high,
        "n_variants": pc.cast(table.number("N_SNP", "NSNP").take(at), pa.int32(), safe=False),
        "het_het": table.number("HetHet").take(at),
        "ibs0": table.number("IBS0").take(at),
        "kinship": kinship.take(at),
    }
    counts.facts_read = len(at)
    counts.bytes_done = job.path.stat().st_size
    if len(at):
        yield Chunk("raw.kinship", pa.table(rows))
        yield identities(pa.concat_arrays(ids), pa.concat_arrays(keys))
    yield counts


def identities(native_ids: pa.Array, keys: pa.Array) -> Chunk:
    """Native ids of samples, each once, for the vault."""
    rows = pa.table({"source_person_key": keys, "value": native_ids})
    rows = rows.group_by(["source_person_key", "value"], use_threads=False).aggregate([])
    kind = pa.array(["native_id"] * len(rows), pa.string())
    return Chunk("identity", rows.append_column("type", kind))
