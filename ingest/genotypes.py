"""Taking persons out of landed genotypes: their bytes become missing, their samples' rows go.

The bulk of a genotype file is one matrix of all samples, so a person is not a row that could be
dropped. `mask_persons` rewrites the parts of raw.genotype that hold values of the persons, and
removes their rows of raw.genotype_sample, in one transaction of the manifest per source. The
replaced files leave the disk with the next `Manifest.sweep`, which the function runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.files import PARTIAL, disk_errors
from biobraid.core.genotypes import BLOCK_SAMPLES, mask_samples
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing.change import Change, discarded_on_error
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.parts import (
    PACKED,
    PartFile,
    file_schema,
    finish_part,
    fitted,
    open_part,
    row_group_rows,
)

SAMPLES, VALUES = "raw.genotype_sample", "raw.genotype"
Places = npt.NDArray[np.int64]


def mask_persons(home: Home, source_person_keys: Sequence[str]) -> int:
    """Mask all landed genotypes of these source persons; returns how many samples that were.

    The caller holds core.lock.writer. Places of all other samples stay as they are. The books
    count the samples as deleted. Doing it again finds nothing and changes nothing.
    """
    wanted = pa.array(sorted(set(source_person_keys)), pa.string())
    n_masked = 0
    with Manifest(home) as manifest:
        touched = _places(home, manifest, wanted)
        for study, source in sorted({(s, x) for s, x, _ in touched}):
            change = Change(home, manifest, study, source)
            with discarded_on_error(change):
                for (s, x, batch), places in sorted(touched.items()):
                    if (s, x) == (study, source):
                        _mask_file(home, change, batch, places, wanted)
                        n_masked += len(places)
                change.check()
                change.commit(manifest)
        if touched:
            manifest.sweep()
    return n_masked


def _places(home: Home, manifest: Manifest, wanted: pa.Array) -> dict[tuple[str, str, str], Places]:
    """Sample indexes of the persons, by study, source and file."""
    found: dict[tuple[str, str, str], list[Places]] = {}
    for entry in manifest.parts(SAMPLES):
        if not entry.rows:
            continue
        rows = pq.read_table(
            home.landing / entry.path, columns=["source_person_key", "sample_index"],
            partitioning=None,
        )  # fmt: skip
        is_wanted = pc.is_in(rows.column("source_person_key").cast(pa.string()), value_set=wanted)
        mine = rows.filter(is_wanted)
        if mine.num_rows:
            key = (entry.study, entry.source, entry.batch)
            found.setdefault(key, []).append(mine.column("sample_index").to_numpy())
    return {key: np.unique(np.concatenate(listed)) for key, listed in found.items()}


def _mask_file(home: Home, change: Change, batch: str, places: Places, wanted: pa.Array) -> None:
    share = Share(home.settings.memory_limit_gb, home.settings.threads, home.tmp)
    mask_values(change, batch, places)
    with scratch_duckdb(share) as con:
        losers = pa.table({"source_person_key": wanted, "fate": ["deleted"] * len(wanted)})
        con.register("losers", losers)
        n = change.remove(con, batch, "losers", "source_person_key", f"masked {len(places)}")
    change.move(batch, "records", "deleted", n)


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
