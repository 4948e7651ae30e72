"""What can only be seen once tables of a download are side by side."""

from __future__ import annotations

import duckdb

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.warehouse import literal
from biobraid.ingest.vocabulary.stage import Stage

UNNAMED_CPT4 = "CPT4 concepts without names: run Athena's cpt4 step, then load again"


def check_concepts(con: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """SourceFileError if a concept id stands on several rows: the models count on one."""
    n = _number(
        con,
        "SELECT COUNT(*) - COUNT(DISTINCT concept_id) FROM " + _table(stage, "concept"),  # noqa: S608
    )
    if n:
        raise SourceFileError(
            Fault("CONCEPT", f"{n:,} rows repeat a concept_id", "one row per concept_id")
        )


def count_oddities(con: duckdb.DuckDBPyConnection, stage: Stage) -> dict[str, int]:
    """What was loaded although it is odd, by what it is; nothing that does not occur."""
    concept = _table(stage, "concept")
    questions = {
        UNNAMED_CPT4: f"SELECT COUNT(*) FROM {concept} WHERE vocabulary_id = 'CPT4'"  # noqa: S608
        " AND ENDS_WITH(concept_name, ' (no name in the download)')",
        "other concepts without a name": f"SELECT COUNT(*) FROM {concept}"  # noqa: S608
        " WHERE vocabulary_id <> 'CPT4' AND ENDS_WITH(concept_name, ' (no name in the download)')",
        "concepts of a vocabulary that VOCABULARY does not list": "SELECT COUNT(*)"  # noqa: S608
        f" FROM {concept} ANTI JOIN {_table(stage, 'vocabulary')} USING (vocabulary_id)",
    }
    for table, one, two in (
        ("concept_relationship", "concept_id_1", "concept_id_2"),
        ("concept_ancestor", "ancestor_concept_id", "descendant_concept_id"),
    ):
        questions[f"rows of {table} whose concepts are not in CONCEPT"] = (
            f"SELECT COUNT(*) FROM {_table(stage, table)} AS t"  # noqa: S608
            f" LEFT JOIN (SELECT concept_id FROM {concept}) AS a ON a.concept_id = t.{one}"
            f" LEFT JOIN (SELECT concept_id FROM {concept}) AS b ON b.concept_id = t.{two}"
            " WHERE a.concept_id IS NULL OR b.concept_id IS NULL"
        )
    counts = {what: _number(con, question) for what, question in questions.items()}
    return {what: n for what, n in counts.items() if n}


def _number(con: duckdb.DuckDBPyConnection, question: str) -> int:
    found = con.execute(question).fetchone()
    return int(found[0]) if found else 0


def _table(stage: Stage, name: str) -> str:
    return f"read_parquet({literal(stage.path(name))})"
