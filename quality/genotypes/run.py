"""Keeps raw.variant_qc and raw.sample_qc in step with the genotypes that are landed and linked.

Runs after linkage and before the build: `biobraid build` calls it. A source is counted again
only when its files or the people who withdrew from it changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import Table
from biobraid.core.schemas.raw_genotype_qc import RAW_SAMPLE_QC, RAW_VARIANT_QC
from biobraid.quality.genotypes.samples import sample_table, sum_samples
from biobraid.quality.genotypes.sets import genotype_sets, source_marks
from biobraid.quality.genotypes.variants import tally_variants, variant_table

NOTE = "genotype_qc"  # manifest note: study/source -> mark of what was counted
FOLDER = "genotype_qc"  # below landing
_VERSION = 1  # raise it when the figures change for the same genotypes

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class QcResult:
    """Sources counted in this run, as study/source, and rows in force."""

    counted: tuple[str, ...]
    n_variants: int
    n_samples: int


def refresh_qc(home: Home, *, on_progress: Progress | None = None) -> QcResult:
    """Count what is new; the caller holds the home's writer lock. A second call does nothing."""
    report = on_progress or (lambda _what, _share: None)
    with Manifest(home) as manifest:
        withdrawn = _withdrawn(home, manifest)
        marks = {
            f"{study}/{source}": f"{_VERSION} {mark}"
            for (study, source), mark in source_marks(manifest, withdrawn).items()
        }
        known: dict[str, str] = manifest.note(NOTE) or {}
        stale = [name for name, mark in marks.items() if known.get(name) != mark]
        if not stale and set(known) <= set(marks):
            return _result(manifest, ())
        keep = [name for name in marks if name not in stale]
        variants = [_kept(home, manifest, RAW_VARIANT_QC, keep)]
        samples = [_kept(home, manifest, RAW_SAMPLE_QC, keep)]
        for n, name in enumerate(stale):
            report(f"genotypes of {name}", n / len(stale))
            study, _, source = name.partition("/")
            counted = []
            for of in genotype_sets(home, manifest, study, source, withdrawn):
                tally = tally_variants(of, home.settings.threads)
                variants.append(variant_table(of, tally))
                counted.append((of, sum_samples(of, tally, home.settings.threads)))
            if counted:
                samples.append(sample_table(counted))
        written = [
            _write(home, table, pa.concat_tables(rows))
            for table, rows in ((RAW_VARIANT_QC, variants), (RAW_SAMPLE_QC, samples))
        ]
        with manifest.transaction():
            for name, path, n_rows, mark in written:
                manifest.put_object(name, path, n_rows, mark)
            manifest.set_note(NOTE, marks)
        _remove_old(home, manifest)
        return _result(manifest, tuple(stale))


def _withdrawn(home: Home, manifest: Manifest) -> frozenset[str]:
    found = manifest.objects().get("link.person_bridge")
    if found is None:
        return frozenset()
    bridge = pq.read_table(
        home.landing / found[0], columns=["source_person_key", "link_status"],
        filters=[("link_status", "=", "withdrawn")],
    )  # fmt: skip
    return frozenset(bridge["source_person_key"].to_pylist())


def _kept(home: Home, manifest: Manifest, table: Table, sources: list[str]) -> pa.Table:
    """Rows of earlier runs whose sources have not changed."""
    found = manifest.objects().get(table.full_name)
    if found is None or not sources:
        return table.arrow.empty_table()
    rows = pq.ParquetFile(home.landing / found[0]).read()
    name = pc.binary_join_element_wise(rows["study"], rows["source"], "/")
    return rows.filter(pc.is_in(name, pa.array(sources, pa.string())))


def _write(home: Home, table: Table, rows: pa.Table) -> tuple[str, str, int, str]:
    """A table sorted by its key, in a file named by its content."""
    rows = rows.sort_by([(name, "ascending") for name in table.key])
    folder = home.landing / FOLDER
    draft = folder / f"{table.name}.{os.getpid()}.draft"
    with atomic_path(draft) as partial:
        pq.write_table(rows, partial, compression="zstd", write_statistics=False)
    with draft.open("rb") as handle:
        mark = hashlib.file_digest(handle, "sha256").hexdigest()
    final = folder / f"{table.name}-{mark[:16]}.parquet"
    draft.replace(final)
    return table.full_name, final.relative_to(home.landing).as_posix(), rows.num_rows, mark


def _remove_old(home: Home, manifest: Manifest) -> None:
    keep = {path for path, _, _ in manifest.objects().values()}
    for path in (home.landing / FOLDER).iterdir():
        if path.relative_to(home.landing).as_posix() not in keep:
            path.unlink(missing_ok=True)


def _result(manifest: Manifest, counted: tuple[str, ...]) -> QcResult:
    objects = manifest.objects()
    n_variants, n_samples = (
        objects.get(table.full_name, ("", 0, ""))[1] for table in (RAW_VARIANT_QC, RAW_SAMPLE_QC)
    )
    return QcResult(counted, n_variants, n_samples)
