"""Connector `biom`: BIOM tables (1.0 JSON, 2.x HDF5) of taxa or other features by sample.

A fact is a non-zero entry; a taxon that was not found in a sample makes no row. Whose a sample
is stands in the table of samples (option `samples`) or in the file's own sample metadata.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.ingest.connectors.biom_file import BiomTable, open_biom
from biobraid.ingest.connectors.biom_parts import Entries, Metadata
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.omics_features import (
    FeatureTableBeside,
    definitions,
    feature_hashes,
    refuse_repeated,
    value_rows,
)
from biobraid.ingest.connectors.omics_options import OmicsOptions
from biobraid.ingest.connectors.omics_samples import Admission, SampleDesk
from biobraid.ingest.hashing import U64
from biobraid.ingest.tabular.block import reject_table

_TAXONOMY = ("taxonomy", "Taxonomy", "taxon")
A_COUNT = "a finite number"


class BiomOptions(OmicsOptions):
    """Options of the `biom` connector: those that all omics connectors share."""


@connector("biom", options=BiomOptions)
def read_biom(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one table, a few samples after another."""
    options = get_connector("biom").check_options(job.source.options)
    if not isinstance(options, BiomOptions):
        raise TypeError("the connector is registered with other options")
    with open_biom(job) as table:
        refuse_repeated(f"{job.where}, observations", table.observations, "observations")
        desk = SampleDesk(job, options, tuple(table.sample_metadata))
        names = pa.array(table.observations, pa.string())
        beside = FeatureTableBeside(job, options)
        unread = [n for n in table.observation_metadata if n not in _TAXONOMY]
        counts = Counts(keys_are_unique=True)
        counts.warnings.update({f"feature-column-ignored:{name}": 1 for name in unread})
        yield counts
        given = _lineages(table) | beside.texts(names)
        names = beside.names(names)
        if len(names):
            yield definitions(job, options, names, given, "taxon")
        yield from _values(job, desk, table, feature_hashes(job, names))


def _lineages(table: BiomTable) -> dict[str, pa.StringArray]:
    for name in _TAXONOMY:
        if name in table.observation_metadata:
            return {"taxonomy": pa.array(table.observation_metadata[name], pa.string())}
    return {}


def _values(
    job: FileJob, desk: SampleDesk, table: BiomTable, hashes: U64
) -> Iterator[Chunk | Counts]:
    n_bytes, n_samples = job.path.stat().st_size, max(len(table.samples), 1)
    for entries in table.blocks():
        counts = Counts(bytes_done=n_bytes * entries.n_samples // n_samples)
        stop = entries.first + entries.n_samples
        numbers = np.arange(entries.first + 1, stop + 1)
        admitted = desk.admit(
            pa.array(table.samples[entries.first : stop], pa.string()),
            _slice(table.sample_metadata, entries.first, stop),
            numbers,
            counts,
        )
        yield from admitted.chunks
        yield from _of_block(admitted, entries, hashes, counts)
        yield counts
    if not table.samples:
        yield Counts(warnings=Counter({"no-records": 1}))


def _slice(metadata: Metadata, first: int, stop: int) -> dict[str, pa.StringArray]:
    return {name: pa.array(values[first:stop], pa.string()) for name, values in metadata.items()}


def _of_block(
    admitted: Admission, entries: Entries, hashes: U64, counts: Counts
) -> Iterator[Chunk]:
    """Values of the samples that land; zeros that the file spells out are no facts."""
    place = np.full(entries.n_samples, -1, dtype=np.int64)
    place[admitted.kept] = np.arange(len(admitted.kept))
    sample = place[entries.sample - entries.first]
    is_fact = (sample >= 0) & (entries.value != 0)
    is_bad = is_fact & ~np.isfinite(entries.value)
    is_twice = is_fact & ~is_bad
    is_twice[is_twice] = _repeated(entries, is_twice)
    counts.facts_read += int(is_fact.sum())
    for is_out, reason, expected in (
        (is_bad, "invalid-number", A_COUNT),
        (is_twice, "duplicate-measurement", "each sample and feature once"),
    ):
        if is_out.any():
            counts.facts_rejected += int(is_out.sum())
            yield Chunk(
                "raw.reject", reject_table(entries.sample[is_out] + 1, reason, expected, "")
            )
    lands = is_fact & ~(is_bad | is_twice)
    if lands.any():
        yield value_rows(
            admitted.samples,
            sample[lands],
            hashes,
            entries.observation[lands],
            value=pa.array(entries.value[lands]),
        )


def _repeated(entries: Entries, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which of some entries give a feature of a sample again; as a rule they are sorted."""
    sample, observation = entries.sample[where], entries.observation[where]
    pairs = sample * (int(observation.max(initial=0)) + 1) + observation
    found = np.zeros(len(pairs), dtype=bool)
    if len(pairs) and not (np.diff(pairs) > 0).all():
        found[:] = True
        found[np.unique(pairs, return_index=True)[1]] = False
    return found
