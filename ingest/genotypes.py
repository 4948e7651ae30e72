"""Taking persons out of landed genotypes: their bytes become missing, their samples' rows go.

The bulk of a genotype file is one matrix of all samples, so a person is not a row that could be
dropped. The rule that holds at all times: a sample without a row in raw.genotype_sample has only
missing values in raw.genotype. `mask_persons` removes the rows of persons and masks their
values; where something else has removed the rows (withdrawal from all of landing), it restores
the rule. Each source is changed in one transaction of the manifest; the replaced files leave
the disk with `Manifest.sweep`, which is run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import PARTIAL, disk_errors
from biobraid.core.genotypes import BLOCK_SAMPLES, mask_samples
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.connectors.genotype_samples import MASKED_SAMPLE
from biobraid.ingest.landing.change import Change, discarded_on_error
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.parts import (
    PACKED,
    PartFile,
    file_schema,
    finish_part,
    fitted,
    open_part,
    read_parts,
    row_group_rows,
)

SAMPLES, VALUES = "raw.genotype_sample", "raw.genotype"
_MASKED = "samples_masked"  # in the file's entry of the manifest
Places = npt.NDArray[np.int64]


def mask_persons(home: Home, source_person_keys: Sequence[str]) -> int:
    """Mask all landed genotypes of these source persons; returns how many samples that were.

    Samples whose rows something else removed are masked too (and counted). The caller holds
    core.lock.writer. Places of all other samples stay as they are; the books count the samples
    as deleted. Doing it again, before or after the rows were removed, changes nothing.
    """
    wanted = pa.array(sorted(set(source_person_keys)), pa.string())
    n_masked = 0
    with Manifest(home) as manifest:
        for study, source in sorted(
            {(p.study, p.source) for p in manifest.parts(VALUES) if p.rows}
        ):
            change = Change(home, manifest, study, source)
            with discarded_on_error(change):
                n_here = sum(_mask_file(home, change, b, wanted) for b in sorted(change.books))
                if n_here:
                    change.check()
                    change.commit(manifest)
                    n_masked += n_here
        if n_masked:
            manifest.sweep()
    return n_masked


def _mask_file(home: Home, change: Change, batch: str, wanted: pa.Array) -> int:
    """Remove the persons' rows of one file and mask every sample without a row; how many."""
    values = change.parts(VALUES, batch=batch)
    if not values:
        return 0
    share = Share(home.settings.memory_limit_gb, home.settings.threads, home.tmp)
    with scratch_duckdb(share) as con:
        losers = pa.table({"source_person_key": wanted, "fate": ["deleted"] * len(wanted)})
        con.register("losers", losers)
        n_rows = change.remove(con, batch, "losers", "source_person_key", "of persons masked")
        n_samples = _n_samples(con, values)
    if n_rows:
        change.move(batch, "records", "deleted", n_rows)
    unowned = np.setdiff1d(np.arange(n_samples), _owned(change, batch))
    detail = change.detail[batch]
    n_before = detail.get(_MASKED, detail.get("warnings", {}).get(MASKED_SAMPLE, 0))
    if len(unowned) > n_before:
        mask_values(change, batch, unowned)
        detail[_MASKED] = len(unowned)
    return len(unowned) - int(n_before)


def _owned(change: Change, batch: str) -> Places:
    """Sample indexes that have a row."""
    found = [
        pq.ParquetFile(part.path).read(columns=["sample_index"]).column(0).to_numpy()
        for part in change.parts(SAMPLES, batch=batch)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _n_samples(con: duckdb.DuckDBPyConnection, parts: Sequence[PartFile]) -> int:
    """Samples of a set: those of its blocks together."""
    found = con.execute(
        "SELECT coalesce(sum(n), 0) FROM (SELECT max(n_samples) AS n "  # noqa: S608
        f"FROM {read_parts(parts)} GROUP BY sample_block)"
    ).fetchone()
    return int(found[0]) if found else 0


def mask_values(change: Change, batch: str, places: Places) -> None:
    """Set the values at these sample indexes of one file to missing; rows of samples stay."""
    for part in change.parts(VALUES, batch=batch):
        change.replace(part, _masked(part, np.unique(places)), f"masked {len(places)}")


def _masked(part: PartFile, places: Places) -> PartFile:
    """A copy of a part of raw.genotype with the values at these places missing, staged."""
    target = part.path.with_name(f"{part.path.name}.{os.getpid()}.new{PARTIAL}")
    with disk_errors("landing"), pq.ParquetFile(part.path) as file:
        writer = open_part(target, file_schema(part.table))
        try:
            for group in range(file.num_row_groups):
                table = _masked_rows(file.read_row_group(group), places)
                writer.write_table(table, row_group_size=row_group_rows(table))
            finish_part(writer, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    return PartFile(part.table, target, part.batch, part.number, part.rows)


def _masked_rows(table: pa.Table, places: Places) -> pa.Table:
    blocks = table.column("sample_block").to_numpy()
    encodings = np.array(table.column("encoding").to_pylist())
    values = np.array(table.column(PACKED).to_pylist(), object)
    for block in np.unique(blocks):
        first = int(block) * BLOCK_SAMPLES
        here = places[(places >= first) & (places < first + BLOCK_SAMPLES)] - first
        if not len(here):
            continue
        for encoding in np.unique(encodings):
            at = np.flatnonzero((blocks == block) & (encodings == encoding))
            if len(at):
                rows = np.frombuffer(b"".join(values[at]), np.uint8).reshape(len(at), -1)
                masked = mask_samples(rows, str(encoding), here)
                for row, bytes_ in zip(at.tolist(), masked, strict=True):
                    values[row] = bytes_.tobytes()
    at = table.column_names.index(PACKED)
    masked_table = table.set_column(at, PACKED, pa.array(values.tolist(), pa.binary()))
    return fitted(masked_table, file_schema(VALUES)).unify_dictionaries()
