"""Scores over a release, in the project's own file: omics.score and omics.score_match there.

A release never changes. A researcher who scores its people by a file of their own finds the
scores beside their cohorts, under the release's person ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.genotypes.landed import GenotypeSet, regions
from biobraid.core.home import Home
from biobraid.core.warehouse import transaction
from biobraid.export.genotype_files import SAMPLES, VALUES
from biobraid.export.project import INTERNAL
from biobraid.export.release import find_release
from biobraid.export.scores.match import STATUSES, MatchReport, match_weights, used_weights
from biobraid.export.scores.pgs_file import ScoringFile, load_weights, open_scoring_file
from biobraid.export.scores.run import MIN_COVERAGE, ScoreResult, refused_sources
from biobraid.export.scores.sets import score_sets
from biobraid.export.session import release_session

_DDL = """
CREATE SCHEMA IF NOT EXISTS project.omics;
CREATE TABLE IF NOT EXISTS project.omics.score (
  score_name VARCHAR, release VARCHAR, genotype_set_id VARCHAR, person_id BIGINT,
  sample_index INTEGER, score DOUBLE, n_variants INTEGER, n_imputed INTEGER);
ALTER TABLE project.omics.score ADD COLUMN IF NOT EXISTS study VARCHAR;
ALTER TABLE project.omics.score ADD COLUMN IF NOT EXISTS source VARCHAR;
CREATE TABLE IF NOT EXISTS project.omics.score_match (
  score_name VARCHAR, release VARCHAR, study VARCHAR, source VARCHAR, n_weights BIGINT,
  status VARCHAR, n BIGINT, n_used BIGINT, coverage DOUBLE, weight_coverage DOUBLE);
"""


def score_release(
    home: Home,
    path: Path,
    release: str | None,
    *,
    keep_ambiguous: bool = False,
    min_coverage: float = MIN_COVERAGE,
    dry_run: bool = False,
) -> ScoreResult:
    """Score the people of a release; the same score of the same release again replaces itself.

    release: "project/name", "project", or None for the only project's current one.
    Raises SettingsError for a release without genotypes or without a project, QualityError if
    no source has enough of the weights.
    """
    folder = find_release(home, release)
    owner = folder.parent.name
    where = f"releases/{owner}/{folder.name}"
    if owner == INTERNAL:
        raise SettingsError(
            Fault(where, "an internal release has no project to keep scores in",
                  "a project's release, or the warehouse", "Leave --release out.")
        )  # fmt: skip
    if not (folder / SAMPLES).is_file():
        raise SettingsError(Fault(where, "the release holds no genotypes"))
    file = open_scoring_file(path)
    with release_session(home, folder, write_project=not dry_run) as con:
        load_weights(con, file)
        sources = con.execute(
            "SELECT DISTINCT study, source FROM release.omics.variant ORDER BY ALL"
        ).fetchall()
        reports, tables = [], []
        for study, source in sources:
            matched = _match(con, file, study, source, keep_ambiguous)
            reports.append(matched)
            if matched.n_used and matched.coverage >= min_coverage and not dry_run:
                tables += _score(con, home, folder, file, matched)
        refused = refused_sources(file, reports, min_coverage, may_be_all=dry_run)
        if not dry_run:
            _keep(con, folder.name, file, reports, tables)
    n_samples = sum(len(table) for table in tables)
    kept_in = home.projects / owner
    return ScoreResult(file.score_name, file.trait, tuple(reports), refused, n_samples, kept_in)


def _match(
    con: duckdb.DuckDBPyConnection,
    file: ScoringFile,
    study: str,
    source: str,
    keep_ambiguous: bool,
) -> MatchReport:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE variant AS SELECT genotype_set_id AS batch, variant_index, "
        "variant_id, build, chromosome, position, ref_allele, alt_allele, allele_number, n_alt_alleles, source_label "
        "FROM release.omics.variant WHERE study = ? AND source = ?",
        [study, source],
    )
    return match_weights(
        con, score_name=file.score_name, study=study, source=source, build=file.build,
        keep_ambiguous=keep_ambiguous,
    )  # fmt: skip


def _score(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    folder: Path,
    file: ScoringFile,
    matched: MatchReport,
) -> list[pa.Table]:
    """Rows of project.omics.score of one source: one per sample and file that adds to its person."""
    found = []
    sets = _sets(con, folder, matched)
    for part in score_sets(sets, used_weights(con), home.settings.threads):
        n = len(part.of.places)
        rows = pa.table(
            {
                "score_name": pa.array([file.score_name] * n, pa.string()),
                "genotype_set_id": pa.array([part.of.batch] * n, pa.string()),
                "person_id": pc.cast(part.of.keys, pa.int64()),
                "sample_index": part.of.places,
                "score": part.total,
                "n_variants": part.n_variants,
                "n_imputed": part.n_imputed,
                "study": pa.array([matched.study] * n, pa.string()),
                "source": pa.array([matched.source] * n, pa.string()),
            }
        )
        found.append(rows.filter(pa.array(part.n_variants > 0)))
    return found


def _sets(con: duckdb.DuckDBPyConnection, folder: Path, matched: MatchReport) -> list[GenotypeSet]:
    """The release's sets of one source; keys are person ids."""
    files: dict[str, Path] = {}
    for path in sorted((folder / VALUES).glob("*.parquet")):
        first = pq.ParquetFile(path).read_row_group(0, columns=["genotype_set_id"])
        files[first["genotype_set_id"][0].as_py()] = path
    made = []
    for (name,) in con.execute("SELECT DISTINCT batch FROM variant ORDER BY 1").fetchall():
        if name not in files:
            continue
        variants = con.execute(
            "SELECT variant_index, chromosome, position, build FROM variant WHERE batch = ? "
            "ORDER BY variant_index", [name],
        ).to_arrow_table()  # fmt: skip
        samples = con.execute(
            "SELECT CAST(person_id AS VARCHAR) AS key, sample_index, CASE sex WHEN 'male' THEN 1 "
            "WHEN 'female' THEN 2 ELSE 0 END AS sex FROM release.omics.genotype_sample "
            "WHERE genotype_set_id = ? ORDER BY sample_index", [name],
        ).to_arrow_table()  # fmt: skip
        places = samples["sample_index"].to_numpy().astype(np.int64)
        made.append(
            GenotypeSet(
                study=matched.study,
                source=matched.source,
                batch=name,
                n_samples=int(places.max()) + 1 if len(places) else 0,
                region=regions(variants),
                keys=samples["key"].combine_chunks(),
                places=places,
                sexes=samples["sex"].to_numpy().astype(np.int8),
                value_files=(files[name],),
            )
        )
    return made


def _keep(
    con: duckdb.DuckDBPyConnection,
    release: str,
    file: ScoringFile,
    reports: Sequence[MatchReport],
    tables: Sequence[pa.Table],
) -> None:
    con.execute(_DDL)
    with transaction(con):
        for name in ("score", "score_match"):
            con.execute(
                f"DELETE FROM project.omics.{name} WHERE score_name = ? AND release = ?",  # noqa: S608
                [file.score_name, release],
            )
        for table in tables:
            con.register("scored", table)
            con.execute(
                "INSERT INTO project.omics.score BY NAME SELECT *, ? AS release FROM scored "
                "ORDER BY person_id",
                [release],
            )
            con.unregister("scored")
        con.executemany(
            "INSERT INTO project.omics.score_match VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (r.score_name, release, r.study, r.source, r.n_weights, status, r.counts[status],
                 r.n_used, r.coverage, r.weight_coverage)
                for r in reports for status in STATUSES
            ],
        )  # fmt: skip
