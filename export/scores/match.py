"""Which variant each weight belongs to: by place, else by rs number; on either strand.

matched      the alleles agree; dosages count the effect allele, whichever it is
flipped      they agree after both were read from the other strand
ambiguous    A/T or C/G: the strand cannot be told from the alleles
mismatch     the place is known, with other alleles
missing      no such place and no such rs number
duplicate    another weight has taken the variant
unsupported  a weight that does not go with the number of alleles (haplotypes, dominance)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import pyarrow as pa

STATUSES = (
    "matched", "flipped", "ambiguous", "mismatch", "missing", "duplicate", "unsupported",
)  # fmt: skip


@dataclass(frozen=True)
class MatchReport:
    """What became of the weights of one score in one source.

    coverage: share of the weights that are used; weight_coverage: share of their sum of
    absolute values. n_swapped: used weights whose effect allele is the reference.
    """

    score_name: str
    study: str
    source: str
    n_weights: int
    counts: Mapping[str, int]
    n_used: int
    n_swapped: int
    coverage: float
    weight_coverage: float


def match_weights(
    con: duckdb.DuckDBPyConnection,
    *,
    score_name: str,
    study: str,
    source: str,
    build: str | None,
    keep_ambiguous: bool,
) -> MatchReport:
    """Match the table `weight` with `variant`; returns what became of the weights.

    weight: of pgs_file.load_weights. variant: batch, variant_index, variant_id, build,
    chromosome, position, ref_allele, alt_allele, allele_number, n_alt_alleles, source_label of
    the source.
    build: of the weights' positions; variants of another build match by rs number only.
    Makes two temporary tables. fitting: one row per weight and set (batch) that knows its place;
    weights of one `sharing` are used in the same sets. matching: one row per weight, its best of
    all sets: row, status, is_used, batch, variant_index, variant_id, counts_ref, weight.
    """
    con.execute("""
        CREATE OR REPLACE TEMP TABLE candidate AS
        SELECT w.row, w.effect, w.other, v.batch, v.variant_index, v.variant_id,
          v.ref_allele AS ref, v.alt_allele AS alt, v.allele_number, v.n_alt_alleles,
          0 AS by_label
        FROM weight AS w JOIN variant AS v
          ON v.chromosome = w.chromosome AND v.position = w.position AND v.build = $build
        WHERE w.is_additive
        UNION ALL
        SELECT w.row, w.effect, w.other, v.batch, v.variant_index, v.variant_id,
          v.ref_allele, v.alt_allele, v.allele_number, v.n_alt_alleles, 1
        FROM weight AS w JOIN variant AS v ON v.source_label = w.rsid
        WHERE w.is_additive AND w.rsid IS NOT NULL
          AND (w.position IS NULL OR v.build IS DISTINCT FROM $build)""", {"build": build})  # fmt: skip
    con.execute("""
        CREATE OR REPLACE TEMP TABLE judged AS
        WITH stranded AS (
          SELECT *, reverse(translate(effect, 'ACGT', 'TGCA')) AS effect_flipped,
            reverse(translate(other, 'ACGT', 'TGCA')) AS other_flipped,
            ref = reverse(translate(alt, 'ACGT', 'TGCA')) AS is_ambiguous
          FROM candidate
        ),
        agreed AS (
          SELECT *,
            effect = alt AND coalesce(other = ref, TRUE) AS is_alt,
            effect = ref AND coalesce(other = alt, TRUE) AS is_ref,
            effect_flipped = alt AND coalesce(other_flipped = ref, TRUE) AS is_alt_flipped,
            effect_flipped = ref AND coalesce(other_flipped = alt, TRUE) AS is_ref_flipped
          FROM stranded
        )
        SELECT row, batch, variant_index, variant_id, by_label,
          CASE WHEN n_alt_alleles > 1 THEN variant_index - allele_number END AS record,
          CASE WHEN NOT (is_alt OR is_ref OR is_alt_flipped OR is_ref_flipped) THEN 'mismatch'
            WHEN is_ambiguous THEN 'ambiguous'
            WHEN is_alt OR is_ref THEN 'matched'
            ELSE 'flipped' END AS status,
          CASE WHEN is_alt THEN FALSE WHEN is_ref THEN TRUE ELSE is_ref_flipped END AS counts_ref,
          row_number() OVER (PARTITION BY row, batch ORDER BY
            CASE WHEN is_alt OR is_ref THEN 0 WHEN is_alt_flipped OR is_ref_flipped THEN 1
              ELSE 2 END, by_label, variant_index) AS choice
        FROM agreed""")
    # A variant goes to one weight for either allele: to one that agrees as it stands, if any does.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE fitting AS
        WITH ranked AS (
          SELECT j.*, w.weight, row_number() OVER (
            PARTITION BY j.batch, j.variant_index, j.counts_ref, j.status = 'mismatch'
            ORDER BY j.status = 'flipped', j.row) AS nth
          FROM judged AS j JOIN weight AS w ON w.row = j.row WHERE j.choice = 1
        ),
        final AS (
          SELECT * REPLACE (CASE WHEN nth > 1 AND status <> 'mismatch' THEN 'duplicate'
            ELSE status END AS status) FROM ranked
        ),
        told AS (
          SELECT *, status IN ('matched', 'flipped') OR (status = 'ambiguous' AND $keep) AS is_used
          FROM final
        ),
        shared AS (
          SELECT row, bit_xor(hash(batch)) AS holders
          FROM told WHERE is_used GROUP BY row
        )
        SELECT t.row, t.batch, t.variant_index, t.variant_id, t.record, t.counts_ref, t.weight,
          t.status, t.by_label, t.is_used, dense_rank() OVER (ORDER BY s.holders) AS sharing
        FROM told AS t LEFT JOIN shared AS s ON s.row = t.row""",
        {"keep": keep_ambiguous},
    )
    con.execute("""
        CREATE OR REPLACE TEMP TABLE matching AS
        WITH best AS (
          SELECT *, row_number() OVER (PARTITION BY row ORDER BY NOT is_used,
            list_position(['matched', 'flipped', 'ambiguous', 'duplicate', 'mismatch'], status),
            by_label, batch) AS place
          FROM fitting
        )
        SELECT w.row,
          CASE WHEN w.is_additive THEN coalesce(b.status, 'missing') ELSE 'unsupported' END
            AS status,
          coalesce(b.is_used, FALSE) AS is_used, b.batch, b.variant_index, b.variant_id,
          coalesce(b.counts_ref, FALSE) AS counts_ref, w.weight
        FROM weight AS w LEFT JOIN best AS b ON b.row = w.row AND b.place = 1""")
    return _report(con, score_name, study, source)


def used_weights(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The used rows of `fitting`: batch, variant_index, weight, counts_ref, sharing, is_rest.

    Copies of the reference are what is left of two by *all* alternate alleles of a record: a
    weight that counts it goes, negated, to the record's other alternate alleles too (is_rest).
    """
    found: pa.Table = con.execute("""
        WITH swapped AS (
          SELECT * FROM fitting WHERE is_used AND counts_ref AND record IS NOT NULL
        ),
        used AS (
          SELECT batch, variant_index, weight, counts_ref, sharing, row, FALSE AS is_rest
          FROM fitting WHERE is_used
          UNION ALL
          SELECT s.batch, v.variant_index, -s.weight, FALSE, s.sharing, s.row, TRUE
          FROM swapped AS s JOIN variant AS v
            ON v.batch = s.batch AND v.variant_index - v.allele_number = s.record
              AND v.variant_index <> s.variant_index
        )
        SELECT batch, variant_index, weight, counts_ref, sharing, is_rest FROM used
        ORDER BY batch, variant_index, row, is_rest""").to_arrow_table()
    return found


def _report(
    con: duckdb.DuckDBPyConnection, score_name: str, study: str, source: str
) -> MatchReport:
    found = dict(con.execute("SELECT status, count(*) FROM matching GROUP BY status").fetchall())
    n, used, swapped, share = con.execute("""
        SELECT count(*), count(*) FILTER (is_used), count(*) FILTER (is_used AND counts_ref),
          coalesce(sum(abs(weight)) FILTER (is_used) / nullif(sum(abs(weight)), 0), 0)
        FROM matching""").fetchall()[0]
    return MatchReport(
        score_name, study, source, int(n), {s: int(found.get(s, 0)) for s in STATUSES},
        int(used), int(swapped), used / n if n else 0.0, float(share),
    )  # fmt: skip
