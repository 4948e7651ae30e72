"""Edges between source persons: rulings, authoritative maps, corroborated strong keys.

A map (genotype sample -> study id, device account -> study id) is an assertion: taken as it
stands unless it contradicts itself. A strong key (NHS number, national id) is a comparison:
it links two source persons only if something else agrees too. E-mail, phone and medical
record number never link by themselves; families and hospitals share them.

Measured on 1,000,000 x 1,000,000 synthetic records (design, linkage.md 2.2): NHS number
alone has precision .99857, with corroboration 1.00000, at half a point of recall.
"""

from __future__ import annotations

import duckdb

from biobraid.linkage.components import write_components

STRONG_KEYS = ("nhs_number", "national_id")
# No false link among 57,000 in the measurement above; the rule of three bounds the rate.
STRONG_KEY_CERTAINTY = 0.9999
_SLICE_ROWS = 250_000


def find_edges(con: duckdb.DuckDBPyConnection) -> None:
    """Make `found_edge`, `found_conflict`, `profile`, `asserted` and fill `set_aside`.

    Needs `set_aside` (source_person_key): source persons that take no part, such as the
    withdrawn; those whose map contradicts itself are added to it. Needs `many_of_one` (study):
    studies in which one person may have several records.
    """
    con.execute("""
        CREATE TEMP TABLE found_edge (
          key_l VARCHAR, key_r VARCHAR, method VARCHAR, rule_id VARCHAR,
          match_probability DOUBLE, decision VARCHAR, reason VARCHAR, match_weight DOUBLE)""")
    con.execute("""
        CREATE TEMP TABLE found_conflict (
          rule_id VARCHAR, severity VARCHAR, evidence VARCHAR, source_person_key VARCHAR)""")
    con.execute("""
        CREATE TEMP TABLE known_study AS
        SELECT DISTINCT source_person_key, study FROM source_record""")
    _ruled_edges(con)
    _map_edges(con)
    _profiles(con)
    _strong_edges(con)


def _ruled_edges(con: duckdb.DuckDBPyConnection) -> None:
    """What a reviewer called the same person is an assertion, as a map is."""
    con.execute("""
        INSERT INTO found_edge (key_l, key_r, method, rule_id, match_probability, decision)
        SELECT key_l, key_r, 'review', 'ruling', 1.0, 'accepted' FROM ruling
        WHERE verdict = 'same'
          AND key_l NOT IN (SELECT source_person_key FROM set_aside)
          AND key_r NOT IN (SELECT source_person_key FROM set_aside)""")


def _heed_rulings(con: duckdb.DuckDBPyConnection) -> None:
    """No evidence links two whom a reviewer called different."""
    con.execute("""
        UPDATE found_edge SET decision = 'refused', reason = 'ruling'
        FROM ruling AS r
        WHERE r.verdict = 'different'
          AND found_edge.key_l = r.key_l AND found_edge.key_r = r.key_r""")


def _map_edges(con: duckdb.DuckDBPyConnection) -> None:
    """One source person mapped to several of one study is a mistake somewhere: set aside.

    Several source persons mapped to one (two devices of a participant) are as they should be.
    """
    con.execute("""
        CREATE TEMP TABLE map_claim AS
        SELECT i.source_person_key, i.norm_value AS target, t.study,
          count(*) OVER (PARTITION BY i.source_person_key, t.study) > 1 AS is_torn
        FROM (
          SELECT DISTINCT source_person_key, norm_value FROM identifier
          WHERE split_part(type, ':', 1) = 'map_id' AND is_valid
        ) AS i
        INNER JOIN known_study AS t ON t.source_person_key = i.norm_value
        WHERE i.norm_value <> i.source_person_key
          AND i.source_person_key NOT IN (SELECT source_person_key FROM set_aside)
          AND i.norm_value NOT IN (SELECT source_person_key FROM set_aside)""")
    con.execute("""
        INSERT INTO found_conflict
        SELECT DISTINCT 'map-to-several', 'quarantine', source_person_key, source_person_key
        FROM map_claim WHERE is_torn""")
    con.execute(
        "INSERT INTO set_aside SELECT DISTINCT source_person_key FROM map_claim WHERE is_torn"
    )
    con.execute("""
        INSERT INTO found_edge
          (key_l, key_r, method, rule_id, match_probability, decision)
        SELECT least(source_person_key, target), greatest(source_person_key, target),
          'authoritative-map', 'map', 1.0,
          CASE WHEN bool_or(
            source_person_key IN (SELECT source_person_key FROM set_aside)
            OR target IN (SELECT source_person_key FROM set_aside)
          ) THEN 'refused' ELSE 'accepted' END
        FROM map_claim
        GROUP BY least(source_person_key, target), greatest(source_person_key, target)""")
    con.execute("DROP TABLE map_claim")
    _heed_rulings(con)
    write_components(
        con, "SELECT key_l, key_r FROM found_edge WHERE decision = 'accepted'", "asserted"
    )


def _profiles(con: duckdb.DuckDBPyConnection) -> None:
    """What is known of each source person, as lists of distinct valid values.

    Made in slices of the source persons: DuckDB cannot spill the state of list(). Rows lie
    slice by slice, so that none is read for another's sake.
    """
    known = con.execute("SELECT count(*) FROM identifier WHERE is_valid").fetchone()
    n_slices = 1 + (known[0] if known else 0) // _SLICE_ROWS
    con.execute(
        """
        CREATE TEMP TABLE trait AS
        SELECT DISTINCT (hash(source_person_key) % ?)::INTEGER AS slice, source_person_key,
          t.type, t.v
        FROM (
          SELECT source_person_key, unnest(CASE type
            WHEN 'full_name' THEN [
              {'type': 'first_name', 'v': split_part(norm_value, ' ', 1)},
              {'type': 'surname', 'v': split_part(norm_value, ' ', 2)}]
            ELSE [{'type': type, 'v': norm_value}] END) AS t
          FROM identifier
          WHERE is_valid AND type IN (
            'nhs_number', 'national_id', 'birth_date', 'first_name', 'surname', 'full_name', 'sex')
        )
        WHERE source_person_key NOT IN (SELECT source_person_key FROM set_aside)
        ORDER BY slice""",
        [n_slices],
    )
    con.execute("""
        CREATE TEMP TABLE profile (
          source_person_key VARCHAR, nhs_number VARCHAR[], national_id VARCHAR[],
          births VARCHAR[], first_names VARCHAR[], surnames VARCHAR[], sexes VARCHAR[])""")
    for n in range(n_slices):
        con.execute(
            """
            INSERT INTO profile
            SELECT source_person_key,
              coalesce(list(v) FILTER (type = 'nhs_number'), []),
              coalesce(list(v) FILTER (type = 'national_id'), []),
              coalesce(list(v) FILTER (type = 'birth_date'), []),
              coalesce(list(v) FILTER (type = 'first_name'), []),
              coalesce(list(v) FILTER (type = 'surname'), []),
              coalesce(list(v) FILTER (type = 'sex'), [])
            FROM trait WHERE slice = ?::INTEGER
            GROUP BY source_person_key""",
            [n],
        )
    con.execute("DROP TABLE trait")


def _strong_edges(con: duckdb.DuckDBPyConnection) -> None:
    for key_type in STRONG_KEYS:
        # A source person with two values of a strong key is linked by neither.
        con.execute(
            f"""
            INSERT INTO found_conflict
            SELECT 'two-values-of-' || ?, 'not-linked', source_person_key, source_person_key
            FROM profile WHERE len({key_type}) > 1""",  # noqa: S608  constant
            [key_type],
        )
        con.execute(f"""
            CREATE TEMP TABLE holder AS
            SELECT p.source_person_key, p.{key_type}[1] AS v,
              coalesce(a.root, p.source_person_key) AS root
            FROM profile AS p LEFT JOIN asserted AS a USING (source_person_key)
            WHERE len(p.{key_type}) = 1""")  # noqa: S608  constant
        _refuse_shared(con)
        _judge_pairs(con, key_type)
        con.execute("DROP TABLE holder; DROP TABLE shared")
    _heed_rulings(con)


def _refuse_shared(con: duckdb.DuckDBPyConnection) -> None:
    """A strong key that two persons of one study hold belongs to at most one of them."""
    con.execute("""
        CREATE TEMP TABLE shared AS
        SELECT DISTINCT h.v FROM holder AS h INNER JOIN known_study AS s USING (source_person_key)
        WHERE s.study NOT IN (SELECT study FROM many_of_one)
        GROUP BY h.v, s.study HAVING count(DISTINCT h.root) > 1""")
    con.execute("""
        INSERT INTO found_conflict
        SELECT 'strong-key-shared-in-study', 'not-linked', v, source_person_key
        FROM holder WHERE v IN (FROM shared)""")


def _judge_pairs(con: duckdb.DuckDBPyConnection, key_type: str) -> None:
    """Full birth date equal, or birth year and a name: corroborated; otherwise a conflict."""
    con.execute("""
        CREATE TEMP TABLE pair AS
        SELECT l.source_person_key AS key_l, r.source_person_key AS key_r, l.v,
          list_has_any(
            list_filter(pl.births, lambda d: length(d) = 10), pr.births) AS same_day,
          list_has_any(
            list_transform(pl.births, lambda d: left(d, 4)),
            list_transform(pr.births, lambda d: left(d, 4))) AND (
            list_has_any(pl.first_names, pr.first_names) OR list_has_any(pl.surnames, pr.surnames)
          ) AS same_year_and_name
        FROM holder AS l
        INNER JOIN holder AS r
          ON l.v = r.v AND l.source_person_key < r.source_person_key AND l.root <> r.root
        INNER JOIN profile AS pl ON pl.source_person_key = l.source_person_key
        INNER JOIN profile AS pr ON pr.source_person_key = r.source_person_key
        WHERE l.v NOT IN (FROM shared)""")
    con.execute(
        """
        INSERT INTO found_edge
          (key_l, key_r, method, rule_id, match_probability, decision)
        SELECT key_l, key_r, 'strong-key',
          ? || CASE WHEN same_day THEN '+birth-date'
            WHEN same_year_and_name THEN '+birth-year+name' ELSE '' END,
          CASE WHEN same_day OR same_year_and_name THEN ?::DOUBLE END,
          CASE WHEN same_day OR same_year_and_name THEN 'accepted' ELSE 'refused' END
        FROM pair""",
        [key_type, STRONG_KEY_CERTAINTY],
    )
    con.execute("""
        INSERT INTO found_conflict
        SELECT DISTINCT 'strong-key-uncorroborated', 'not-linked', key_l || key_r,
          unnest([key_l, key_r])
        FROM pair WHERE NOT same_day AND NOT same_year_and_name""")
    con.execute("DROP TABLE pair")
