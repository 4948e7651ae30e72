"""Keeps raw.variant_qc and raw.sample_qc in step with the genotypes that are landed.

Runs after linkage and before the build: `biobraid build` calls it. A source is counted again
only when its files or the people who withdrew from it changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.genotypes.landed import genotype_sets, source_marks, withdrawn_keys
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.objects import put_objects, read_object
from biobraid.core.schemas import Table
from biobraid.core.schemas.raw_genotype_qc import RAW_SAMPLE_QC, RAW_VARIANT_QC
from biobraid.quality.genotypes.samples import sample_table, sum_samples
from biobraid.quality.genotypes.variants import tally_variants, variant_table

NOTE = "genotype_qc"  # manifest note: study/source -> mark of what was counted
FOLDER = "genotype_qc"  # below landing
_VERSION = 2  # raise it when the figures change for the same genotypes

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
        withdrawn = withdrawn_keys(home, manifest)
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
                if of.reference is not None:  # tens of terabytes: counted only when asked for
                    continue
                tally = tally_variants(of, home.settings.threads)
                variants.append(variant_table(of, tally))
                counted.append((of, sum_samples(of, tally, home.settings.threads)))
            if counted:
                samples.append(sample_table(counted))
        tables = {
            RAW_VARIANT_QC: pa.concat_tables(variants),
            RAW_SAMPLE_QC: pa.concat_tables(samples),
        }
        put_objects(home, manifest, FOLDER, tables, {NOTE: marks})
        return _result(manifest, tuple(stale))


def _kept(home: Home, manifest: Manifest, table: Table, sources: list[str]) -> pa.Table:
    """Rows of earlier runs whose sources have not changed."""
    rows = read_object(home, manifest, table)
    name = pc.binary_join_element_wise(rows["study"], rows["source"], "/")
    return rows.filter(pc.is_in(name, pa.array(sources, pa.string())))


def _result(manifest: Manifest, counted: tuple[str, ...]) -> QcResult:
    objects = manifest.objects()
    n_variants, n_samples = (
        objects.get(table.full_name, ("", 0, ""))[1] for table in (RAW_VARIANT_QC, RAW_SAMPLE_QC)
    )
    return QcResult(counted, n_variants, n_samples)
