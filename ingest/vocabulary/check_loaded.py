"""What can only be seen once tables of a download are side by side."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.warehouse import literal
from biobraid.ingest.vocabulary.stage import Stage

MOST_DANGLING_SHARE = 0.05  # Athena's own downloads have next to none
_REFERRING = {
    "concept_relationship": ("concept_id_1", "concept_id_2"),
    "concept_ancestor": ("ancestor_concept_id", "descendant_concept_id"),
}
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
    for table, (one, two) in _REFERRING.items():
        questions[_dangling(table)] = (
            f"SELECT COUNT(*) FROM {_table(stage, table)} AS t"  # noqa: S608
            f" LEFT JOIN (SELECT concept_id FROM {concept}) AS a ON a.concept_id = t.{one}"
            f" LEFT JOIN (SELECT concept_id FROM {concept}) AS b ON b.concept_id = t.{two}"
            " WHERE a.concept_id IS NULL OR b.concept_id IS NULL"
        )
    counts = {what: _number(con, question) for what, question in questions.items()}
    return {what: n for what, n in counts.items() if n}


def refuse_torn(stage: Stage, counts: Mapping[str, int]) -> None:
    """SourceFileError if so many rows name concepts that are not there that CONCEPT must be cut.

    A file cut at the end of a line looks whole; what refers to its lost rows gives it away.
    """
    faults = []
    for table in _REFERRING:
        n = counts.get(_dangling(table), 0)
        n_rows = pq.ParquetFile(stage.path(table)).metadata.num_rows
        if n > MOST_DANGLING_SHARE * n_rows:
            faults.append(
                Fault(
                    "CONCEPT",
                    f"{n:,} of {n_rows:,} rows of {table} name concepts that it does not hold",
                    f"at most {MOST_DANGLING_SHARE:.0%}",
                    "The file is cut: download it again. If it is an extract of a vocabulary, "
                    "add --extract.",
                )
            )
    if faults:
        raise SourceFileError(faults)


def _dangling(table: str) -> str:
    return f"rows of {table} whose concepts are not in CONCEPT"


def _number(con: duckdb.DuckDBPyConnection, question: str) -> int:
    found = con.execute(question).fetchone()
    return int(found[0]) if found else 0


def _table(stage: Stage, name: str) -> str:
    return f"read_parquet({literal(stage.path(name))})"
