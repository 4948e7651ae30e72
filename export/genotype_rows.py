"""Samples of a release's genotype sets, in an order of the project's own.

A set's samples are sorted by the project's person ids, which are drawn at random: their order
says nothing about the order of delivery, and is another in every project.
"""

from __future__ import annotations

import duckdb

from biobraid.export import row_rules
from biobraid.export.table_plan import SourceTable

SAMPLES = "omics.genotype_sample"
VARIANTS = "omics.variant"
# Tables of nobody that go with the sets of which a sample is released, and the condition on `t`.
OF_SETS = {
    "omics.variant": "t.genotype_set_id IN (SELECT genotype_set_id FROM kept_sample)",
    "omics.variant_qc": "t.genotype_set_id IN (SELECT genotype_set_id FROM kept_sample)",
    "omics.allele_mismatch": (
        "t.genotype_set_id IN (SELECT genotype_set_id FROM kept_sample) "
        "AND t.other_genotype_set_id IN (SELECT genotype_set_id FROM kept_sample)"
    ),
}


def find_samples(con: duckdb.DuckDBPyConnection, tables: list[SourceTable]) -> None:
    """Make `kept_sample`: samples that may go, with their place in the release.

    genotype_set_id, sample_index (in landing), place (in the release, from 0),
    project_person_id, sex (1 male, 2 female, 0 unknown: as the genotype file states it, else
    that of cdm.person). Needs `project_person` and what row_rules makes.
    """
    table = next((t for t in tables if t.full_name == SAMPLES), None)
    if table is None:
        con.execute(
            "CREATE TEMP TABLE kept_sample (genotype_set_id VARCHAR, sample_index INTEGER, "
            "place INTEGER, project_person_id BIGINT, sex TINYINT)"
        )
        return
    # rows_of ends with the join of project_person, so that another can follow.
    con.execute(f"""
        CREATE TEMP TABLE kept_sample AS
        SELECT t.genotype_set_id, t.sample_index,
          CAST(row_number() OVER (PARTITION BY t.genotype_set_id
            ORDER BY p.project_person_id, t.sample_index) - 1 AS INTEGER) AS place,
          p.project_person_id,
          CAST(CASE coalesce(t.sex, CASE c.gender_concept_id
              WHEN 8507 THEN 'male' WHEN 8532 THEN 'female' END)
            WHEN 'male' THEN 1 WHEN 'female' THEN 2 ELSE 0 END AS TINYINT) AS sex
        {row_rules.rows_of(table)}
        LEFT JOIN warehouse.cdm.person AS c ON c.person_id = t.person_id""")


def rows_of(table: SourceTable) -> str:
    """FROM clause of a table of the release; of genotype tables with what `find_samples` made."""
    if table.full_name in OF_SETS:
        origin = f'warehouse.{table.schema}."{table.name}" AS t'
        return f"FROM {origin} WHERE {OF_SETS[table.full_name]}"
    if table.full_name != SAMPLES:
        return row_rules.rows_of(table)
    return (
        "FROM (SELECT s.* REPLACE (k.place AS sample_index) FROM warehouse.omics.genotype_sample "
        "AS s JOIN kept_sample AS k ON k.genotype_set_id = s.genotype_set_id "
        "AND k.sample_index = s.sample_index) AS t "
        "JOIN project_person AS p ON p.person_id = t.person_id"
    )
