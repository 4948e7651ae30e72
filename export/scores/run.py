"""biobraid score: one scoring file over every source of genotypes of the warehouse.

Scores are kept per source, beside the landed genotypes (raw.score, raw.score_match); the build
carries them to omics.score and omics.score_match, a release to its people.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, QualityError, SettingsError, SourceFileError
from biobraid.core.genotypes.landed import genotype_sets, withdrawn_keys
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.objects import put_objects, read_object
from biobraid.core.schemas.raw_genotype_qc import RAW_SCORE, RAW_SCORE_MATCH
from biobraid.core.schemas.table import Table
from biobraid.core.warehouse import duckdb_settings, parquet_list
from biobraid.export.scores.match import STATUSES, MatchReport, match_weights, used_weights
from biobraid.export.scores.pgs_file import ScoringFile, load_weights, open_scoring_file
from biobraid.export.scores.sets import score_sets

FOLDER = "scores"  # below landing, and below reports for the matching of each weight
MIN_COVERAGE = 0.75  # the PGS Catalog Calculator's default

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class ScoreResult:
    """Where a score stands now: a report per source, persons scored, files of matching."""

    score_name: str
    trait: str | None
    reports: tuple[MatchReport, ...]
    refused: tuple[str, ...]  # sources, as study/source, whose coverage is too small
    n_samples: int
    folder: Path
    unread: tuple[Fault, ...] = ()  # of sources whose referenced files cannot be read: not scored


def score_file(
    home: Home,
    path: Path,
    *,
    keep_ambiguous: bool = False,
    min_coverage: float = MIN_COVERAGE,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> ScoreResult:
    """Score everybody who is genotyped; the caller holds the home's writer lock.

    A source that has less than min_coverage of the weights, or whose referenced files cannot be
    read, is reported and not scored. The same score_name again replaces the earlier scores.
    Raises SourceFileError for the file, or if no source can be read, SettingsError without genotypes, QualityError if no
    source has enough of the weights.
    """
    report = on_progress or (lambda _what, _share: None)
    file = open_scoring_file(path)
    with Manifest(home) as manifest, _connection(home) as con:
        sources = _sources(manifest)
        load_weights(con, file)
        reports: list[MatchReport] = []
        scored: list[pa.Table] = []
        unread: list[Fault] = []
        folder = home.reports / FOLDER / file.score_name
        for n, (study, source) in enumerate(sources):
            report(f"{study}/{source}", n / len(sources))
            matched = _match(con, home, manifest, file, study, source, keep_ambiguous)
            reports.append(matched)
            if not dry_run:
                _keep_matching(con, folder / f"{study}.{source}.parquet")
            if matched.n_used and matched.coverage >= min_coverage and not dry_run:
                try:
                    scored += _score(con, home, manifest, file, matched)
                except SourceFileError as error:
                    unread += error.faults
        refused = refused_sources(file, reports, min_coverage, may_be_all=dry_run)
        if unread and not scored:
            raise SourceFileError(unread)
        if not dry_run:
            _put(home, manifest, file, reports, scored)
    n_samples = sum(len(table) for table in scored)
    return ScoreResult(
        file.score_name, file.trait, tuple(reports), tuple(refused), n_samples, folder,
        tuple(unread),
    )  # fmt: skip


def _connection(home: Home) -> duckdb.DuckDBPyConnection:
    home.tmp.mkdir(exist_ok=True)
    con = duckdb.connect(config=dict(duckdb_settings(home.settings, home.tmp)))
    con.execute("SET enable_progress_bar = false")
    return con


def _sources(manifest: Manifest) -> list[tuple[str, str]]:
    found = sorted(
        {(part.study, part.source) for part in manifest.parts("raw.variant") if part.study}
    )
    if not found:
        raise SettingsError(
            Fault("landing", "there are no genotypes", "a source of genotypes that was ingested",
                  "Run: biobraid ingest")
        )  # fmt: skip
    return found


def _match(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    manifest: Manifest,
    file: ScoringFile,
    study: str,
    source: str,
    keep_ambiguous: bool,
) -> MatchReport:
    files = [home.landing / part.path for part in manifest.parts("raw.variant", study, source)]
    con.execute(
        "CREATE OR REPLACE TEMP VIEW variant AS SELECT batch, variant_index, variant_id, build, "  # noqa: S608
        "chromosome, position, ref_allele, alt_allele, allele_number, n_alt_alleles, source_label "
        f"FROM read_parquet({parquet_list(files)})"
    )
    return match_weights(
        con, score_name=file.score_name, study=study, source=source, build=file.build,
        keep_ambiguous=keep_ambiguous,
    )  # fmt: skip


def _keep_matching(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """One row per weight; nothing of a person."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = con.execute(
        "SELECT row, status, is_used, variant_id, counts_ref, weight FROM matching ORDER BY row"
    ).to_arrow_table()
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    pq.write_table(table, partial, compression="zstd")
    partial.replace(path)


def _score(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    manifest: Manifest,
    file: ScoringFile,
    matched: MatchReport,
) -> list[pa.Table]:
    """Rows of raw.score of one source, added up over its files."""
    used = used_weights(con)
    gone = withdrawn_keys(home, manifest)
    sets = genotype_sets(home, manifest, matched.study, matched.source, gone)
    parts = [
        pa.table(
            {
                "source_person_key": found.of.keys,
                "score": found.total,
                "n_variants": found.n_variants,
                "n_imputed": found.n_imputed,
            }
        ).filter(pa.array(found.n_variants > 0))
        for found in score_sets(sets, used, home.settings.threads)
    ]
    return [_rows(file, matched, parts)] if parts else []


def _rows(file: ScoringFile, matched: MatchReport, parts: list[pa.Table]) -> pa.Table:
    summed = (
        pa.concat_tables(parts)
        .group_by("source_person_key", use_threads=False)
        .aggregate([("score", "sum"), ("n_variants", "sum"), ("n_imputed", "sum")])
    )
    n = len(summed)
    columns = {
        "score_name": pa.array([file.score_name] * n, pa.string()),
        "study": pa.array([matched.study] * n, pa.string()),
        "source": pa.array([matched.source] * n, pa.string()),
        "source_person_key": summed["source_person_key"],
        "score": summed["score_sum"],
        "n_variants": summed["n_variants_sum"],
        "n_imputed": summed["n_imputed_sum"],
    }
    return pa.table(columns).cast(RAW_SCORE.arrow)


def _put(
    home: Home,
    manifest: Manifest,
    file: ScoringFile,
    reports: list[MatchReport],
    scored: list[pa.Table],
) -> None:
    fresh = pa.Table.from_pylist(
        [
            {"score_name": r.score_name, "study": r.study, "source": r.source, "trait": file.trait,
             "build": file.build, "n_weights": r.n_weights,
             **{f"n_{status}": r.counts[status] for status in STATUSES}, "n_used": r.n_used,
             "n_swapped": r.n_swapped, "coverage": r.coverage,
             "weight_coverage": r.weight_coverage}
            for r in reports
        ],
        RAW_SCORE_MATCH.arrow,
    )  # fmt: skip
    tables = {
        RAW_SCORE: [_others(home, manifest, RAW_SCORE, file), *scored],
        RAW_SCORE_MATCH: [_others(home, manifest, RAW_SCORE_MATCH, file), fresh],
    }
    whole = {table: pa.concat_tables(rows) for table, rows in tables.items()}
    put_objects(home, manifest, FOLDER, whole, {})


def _others(home: Home, manifest: Manifest, table: Table, file: ScoringFile) -> pa.Table:
    rows = read_object(home, manifest, table)
    return rows.filter(pc.not_equal(rows["score_name"], file.score_name))


def refused_sources(
    file: ScoringFile, reports: Sequence[MatchReport], min_coverage: float, *, may_be_all: bool
) -> tuple[str, ...]:
    """Sources, as study/source, without enough of the weights.

    Raises QualityError if these are all sources, unless may_be_all: a dry run only reports.
    """
    refused = [r for r in reports if not r.n_used or r.coverage < min_coverage]
    if may_be_all or len(refused) < len(reports):
        return tuple(f"{r.study}/{r.source}" for r in refused)
    raise QualityError(
        [
            Fault(
                f"{r.study}/{r.source}",
                f"{r.n_used} of {r.n_weights} weights of {file.score_name} can be used ("
                + ", ".join(f"{n} {status}" for status, n in r.counts.items() if n) + ")",
                f"at least {min_coverage:.0%}",
                "Ask for less with --min-coverage, or keep ambiguous ones with --keep-ambiguous.",
            )
            for r in reports
        ]
    )  # fmt: skip
