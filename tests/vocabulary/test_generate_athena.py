"""The generated vocabulary is what it says: hierarchy and closure agree, shares are real."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from biobraid.core.home import Home
from biobraid.ingest.vocabulary.generate_athena import generate_athena
from biobraid.ingest.vocabulary.load import load
from tests.vocabulary.download import in_force


@pytest.fixture
def con(home: Home, tmp_path: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the generated vocabulary's tables as views."""
    generate_athena(tmp_path / "athena", 3_000, seed=5)
    loaded = load(home, tmp_path / "athena")
    assert loaded.warnings == {}
    made = duckdb.connect()
    for name, (path, _, _) in in_force(home).items():
        view = name.removeprefix("vocab.")
        made.execute(f"CREATE VIEW {view} AS SELECT * FROM read_parquet('{home.landing / path}')")
    return made


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate_athena(tmp_path / name, 1_000, seed=seed)
    texts = [[f.read_bytes() for f in sorted((tmp_path / n).iterdir())] for n in "abc"]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_ancestors_are_the_closure_of_is_a(con: duckdb.DuckDBPyConnection) -> None:
    walked = """
      WITH RECURSIVE up AS (
        SELECT concept_id AS ancestor, concept_id AS descendant, 0 AS level FROM concept
        WHERE standard_concept IN ('S', 'C') AND concept_id > 100000000
        UNION
        SELECT r.concept_id_2, up.descendant, up.level + 1 FROM up
        JOIN concept_relationship AS r ON r.concept_id_1 = up.ancestor
          AND r.relationship_id = 'Is a'
      ) SELECT ancestor, descendant, MIN(level), MAX(level) FROM up GROUP BY ALL
    """
    given = "SELECT * FROM concept_ancestor WHERE descendant_concept_id > 100000000"
    assert con.execute(f"SELECT COUNT(*) FROM ({given})").fetchone() > (10_000,)
    for one, two in ((walked, given), (given, walked)):
        assert con.execute(f"({one}) EXCEPT ({two}) LIMIT 3").fetchall() == []


def test_every_relationship_has_its_reverse_and_codes_map_to_standard_concepts(
    con: duckdb.DuckDBPyConnection,
) -> None:
    lonely = """
      SELECT COUNT(*) FROM concept_relationship AS r
      JOIN relationship AS k USING (relationship_id)
      ANTI JOIN concept_relationship AS b ON b.concept_id_1 = r.concept_id_2
        AND b.concept_id_2 = r.concept_id_1 AND b.relationship_id = k.reverse_relationship_id
      WHERE r.concept_id_1 > 100000000
    """
    assert con.execute(lonely).fetchall() == [(0,)]
    kinds = con.execute(
        "SELECT t.standard_concept, COUNT(DISTINCT c.concept_id) FROM concept AS c"
        " JOIN concept_relationship AS r ON r.concept_id_1 = c.concept_id"
        " AND r.relationship_id = 'Maps to' JOIN concept AS t ON t.concept_id = r.concept_id_2"
        " WHERE c.standard_concept IS NULL AND c.concept_id BETWEEN 100000000 AND 200000000 GROUP BY ALL"
    ).fetchall()
    n = con.execute(
        "SELECT COUNT(*) FROM concept WHERE standard_concept IS NULL AND concept_id BETWEEN 100000000 AND 200000000"
    ).fetchone()
    assert n is not None
    assert kinds == [("S", n[0])]
    invalid = con.execute(
        "SELECT AVG(CASE WHEN invalid_reason = 'D' THEN 1 ELSE 0 END) FROM concept"
        " WHERE vocabulary_id = 'NDC'"
    ).fetchone()
    assert invalid is not None
    assert 0.02 < invalid[0] < 0.12
