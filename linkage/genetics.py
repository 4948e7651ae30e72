"""What genotypes say against a linkage: a swapped sample shows in nothing else.

Sources: Westra et al. 2011 (MixupMapper) for why; Manichaikul et al. 2010 (KING) for kinship
above 0.354 as one person or identical twins.
"""

from __future__ import annotations

import duckdb

from biobraid.core.home import Home
from biobraid.core.link_inputs import GENETIC_PAIR, GENETIC_SEX, link_input_path
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import parquet_list
from biobraid.linkage.clusters import DATES_DISAGREE


def load_genetics(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> None:
    """Make `genetic_sex` and `genetic_pair` from what genotype QC published, empty otherwise."""
    for table in (GENETIC_SEX, GENETIC_PAIR):
        columns = ", ".join(f"{f.name} {'DOUBLE' if f.name == 'kinship' else 'VARCHAR'}"
                            for f in table.arrow)  # fmt: skip
        con.execute(f"CREATE TEMP TABLE {table.name} ({columns})")
        path = link_input_path(home, manifest, table)
        if path is not None:
            con.execute(
                f"INSERT INTO {table.name} BY NAME SELECT * FROM read_parquet({parquet_list([path])})"  # noqa: S608  our own path
            )


def find_genetic_conflicts(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `found_conflict`; needs `cluster` and `profile`, and the tables of load_genetics."""
    con.execute("""
        CREATE TEMP TABLE belongs AS
        SELECT p.source_person_key, coalesce(c.root, p.source_person_key) AS root, p.sexes, p.births
        FROM (
          SELECT source_person_key, sexes, births FROM profile
          UNION ALL
          SELECT DISTINCT source_person_key, []::VARCHAR[], []::VARCHAR[] FROM known_study
          WHERE source_person_key NOT IN (SELECT source_person_key FROM profile)
            AND source_person_key NOT IN (SELECT source_person_key FROM set_aside)
        ) AS p LEFT JOIN cluster AS c USING (source_person_key)""")
    con.execute("CREATE TEMP TABLE genetic_contradiction (rule_id VARCHAR, root VARCHAR)")
    con.execute("""
        INSERT INTO genetic_contradiction
        SELECT DISTINCT 'genotype-sex', g.root
        FROM genetic_sex AS s
        INNER JOIN belongs AS g USING (source_person_key)
        INNER JOIN belongs AS m ON m.root = g.root
        WHERE len(m.sexes) = 1 AND m.sexes[1] <> s.sex""")
    # What the genotype file itself states counts where nobody else says anything.
    con.execute("""
        INSERT INTO genetic_contradiction
        SELECT DISTINCT 'genotype-sex', g.root
        FROM genetic_sex AS s
        INNER JOIN belongs AS g USING (source_person_key)
        WHERE s.sex_stated <> s.sex AND g.root NOT IN (
          SELECT root FROM belongs WHERE len(sexes) > 0
          UNION SELECT root FROM genetic_contradiction)""")
    con.execute("""
        INSERT INTO genetic_contradiction
        SELECT DISTINCT 'genotypes-differ', l.root
        FROM genetic_pair AS g
        INNER JOIN belongs AS l ON l.source_person_key = g.source_person_key_1
        INNER JOIN belongs AS r ON r.source_person_key = g.source_person_key_2
        WHERE g.relation = 'different' AND l.root = r.root""")
    _duplicates_apart(con)
    con.execute("""
        INSERT INTO found_conflict
        SELECT x.rule_id, 'quarantine', x.root, b.source_person_key
        FROM genetic_contradiction AS x INNER JOIN belongs AS b USING (root)""")
    con.execute("DROP TABLE belongs; DROP TABLE genetic_contradiction")


def _duplicates_apart(con: duckdb.DuckDBPyConnection) -> None:
    """One genotype in two persons: one label is wrong, unless both were born on one day (twins)."""
    con.execute(f"""
        CREATE TEMP TABLE apart AS
        WITH pair AS (
          SELECT DISTINCT l.root AS root_l, r.root AS root_r
          FROM genetic_pair AS g
          INNER JOIN belongs AS l ON l.source_person_key = g.source_person_key_1
          INNER JOIN belongs AS r ON r.source_person_key = g.source_person_key_2
          WHERE g.relation = 'duplicate' AND l.root <> r.root
        ),
        born AS (
          SELECT root, unnest(births) AS birth FROM belongs
          WHERE root IN (SELECT root_l FROM pair UNION SELECT root_r FROM pair)
        ),
        compared AS (
          SELECT p.root_l, p.root_r, l.birth AS a, r.birth AS b
          FROM pair AS p INNER JOIN born AS l ON l.root = p.root_l
          INNER JOIN born AS r ON r.root = p.root_r
        ),
        twin AS (
          SELECT root_l, root_r FROM compared GROUP BY root_l, root_r
          HAVING bool_or(a = b AND length(a) = 10) AND NOT bool_or({DATES_DISAGREE})
        )
        SELECT p.root_l, p.root_r, t.root_l IS NOT NULL AS may_be_twins
        FROM pair AS p LEFT JOIN twin AS t USING (root_l, root_r)""")  # noqa: S608  constant
    con.execute("""
        INSERT INTO genetic_contradiction
        SELECT DISTINCT 'genotypes-equal-in-two-persons', unnest([root_l, root_r])
        FROM apart WHERE NOT may_be_twins""")
    con.execute("""
        INSERT INTO found_conflict
        SELECT 'genotypes-equal-perhaps-twins', 'not-linked', a.pair, b.source_person_key
        FROM (
          SELECT root_l || root_r AS pair, unnest([root_l, root_r]) AS root
          FROM apart WHERE may_be_twins
        ) AS a INNER JOIN belongs AS b USING (root)""")
    con.execute("DROP TABLE apart")
