"""Tables of a download made ready: sorted for look-ups, with what only the starter has.

Sorting is DuckDB's, which spills to the home's tmp folder, so memory stays within the home's
limit whatever the size.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.core.omop.domains import cdm_table_of_domain
from biobraid.core.warehouse import duckdb_settings, literal
from biobraid.ingest.vocabulary.athena import CPT4
from biobraid.ingest.vocabulary.check_loaded import check_concepts
from biobraid.ingest.vocabulary.publish import starter_mark
from biobraid.ingest.vocabulary.stage import Stage
from biobraid.ingest.vocabulary.tables import (
    VOCABULARY_TABLES,
    read_stubs,
    starter_concepts,
    starter_table,
)

# Order of the rows; look-ups by its first column read few row groups.
SORTED_BY = {
    "concept": "concept_id",
    "vocabulary": "vocabulary_id",
    "domain": "domain_id",
    "concept_class": "concept_class_id",
    "relationship": "relationship_id",
    "concept_relationship": "concept_id_1, relationship_id, concept_id_2",
    "concept_synonym": "concept_id, language_concept_id, concept_synonym_name",
    "concept_ancestor": "ancestor_concept_id, descendant_concept_id",
    "source_to_concept_map": "source_vocabulary_id, source_code, target_concept_id",
    "drug_strength": "drug_concept_id, ingredient_concept_id",
}
# The concept columns that an addition's row must find among the concepts.
_ENDS = {
    "concept_relationship": ("concept_id_1", "concept_id_2"),
    "concept_ancestor": ("ancestor_concept_id", "descendant_concept_id"),
}
# Vocabularies whose ids our own models and settings name: a starter row of them stays where
# the download, which need not have been asked for all of them, lacks it.
OWN_VOCABULARIES = ("Gender", "Race", "Ethnicity", "Visit", "Type Concept", "CDM", "UCUM")
_NULLABLE = ("standard_concept", "invalid_reason", "vocabulary_reference", "vocabulary_version",
             "source_code_description")  # fmt: skip
KEPT = "kept"  # starter concepts that stay


@dataclass
class Preparing:
    """One download's preparation: the stage, and a DuckDB connection within the home's limits."""

    home: Home
    stage: Stage
    version: str

    def __post_init__(self) -> None:
        config = duckdb_settings(self.home.settings, self.home.tmp)
        self.con = duckdb.connect(config={**config, "preserve_insertion_order": "true"})
        self.con.execute("SET enable_progress_bar = false")
        self.con.register("starter_concept", starter_concepts())

    def prepare(self, table: str) -> None:
        """Make one table ready and finish it in the stage; `concept` comes before the others."""
        if self.stage.note(table) is not None:
            return
        if table == "concept":
            self._keep_starter_concepts()
        columns = VOCABULARY_TABLES[table].names
        query = f"SELECT {_columns(table)} FROM ({self._rows(table)}) ORDER BY {SORTED_BY[table]}"  # noqa: S608
        rows = self._copy(query, table)
        if table == "concept":
            check_concepts(self.con, self.stage)
        marks = [self._mark(name) for name in (table, "concept", CPT4)]
        marks += [SORTED_BY[table], *columns, starter_mark()]
        fingerprint = hashlib.sha256(" ".join(marks).encode()).hexdigest()
        self.stage.finish(table, rows=rows, fingerprint=fingerprint)

    def prepare_origins(self) -> None:
        """vocab.concept_origin: every concept with its key and where its row was taken from."""
        if self.stage.note("concept_origin") is not None:
            return
        concept = _parquet(self.stage, "concept")
        query = f"SELECT DISTINCT domain_id FROM {concept}"  # noqa: S608
        domains = self.con.execute(query).fetchall()
        tables = {domain: cdm_table_of_domain(domain) for (domain,) in domains}
        self.con.register(
            "table_of_domain",
            pa.table({"domain_id": list(tables), "cdm_table": list(tables.values())}),
        )
        # The same number as core.keys.concept_key, for millions of concepts.
        self.con.execute("SET VARIABLE load_origin = ?", [f"Athena {self.version}"])
        rows = self._copy(
            "SELECT c.concept_id, COALESCE(k.origin, getvariable('load_origin')) AS origin,"  # noqa: S608
            " COALESCE(k.is_stub, FALSE) AS is_stub,"
            " CASE c.concept_id WHEN 0 THEN 0 ELSE CAST(CAST('0x' || SUBSTRING(SHA256("
            "t.cdm_table || CHR(0) || c.concept_id), 1, 16) AS UBIGINT)"
            " & 9223372036854775807::UBIGINT AS BIGINT) END AS id_key"
            f" FROM {concept} AS c JOIN table_of_domain AS t USING (domain_id)"
            f" LEFT JOIN {_parquet(self.stage, KEPT)} AS k USING (concept_id)"
            " ORDER BY c.concept_id",
            "concept_origin",
        )
        note = self.stage.note("concept") or {}
        mark = f"{note['fingerprint']} {self.version}"
        self.stage.finish(
            "concept_origin", rows=rows, fingerprint=hashlib.sha256(mark.encode()).hexdigest()
        )

    def close(self) -> None:
        """Give the memory back."""
        self.con.close()

    def _rows(self, table: str) -> str:
        """The rows of the download and those of the starter that stay."""
        columns = ", ".join(VOCABULARY_TABLES[table].names)
        parts = []
        if self.stage.note(f"read.{table}") is not None:
            parts.append(f"SELECT {columns} FROM {_parquet(self.stage, f'read.{table}')}")  # noqa: S608
        if table == "concept" and self.stage.note(f"read.{CPT4}") is not None:
            parts.append(
                f"SELECT {columns} FROM {_parquet(self.stage, f'read.{CPT4}')} AS p"  # noqa: S608
                f" ANTI JOIN {_parquet(self.stage, 'read.concept')} AS c USING (concept_id)"
            )
        self.con.register("starter_rows", starter_table(table))
        parts.append(f"SELECT {columns} FROM starter_rows AS s WHERE {self._stays(table)}")  # noqa: S608
        return " UNION ALL ".join(parts)

    def _stays(self, table: str) -> str:
        """Condition on rows `s` of the starter's table."""
        kept = _parquet(self.stage, KEPT)
        if table == "concept":
            return f"s.concept_id IN (SELECT concept_id FROM {kept})"  # noqa: S608
        if table in _ENDS:
            one, two = _ENDS[table]
            concept = _parquet(self.stage, "concept")
            return (
                f"(s.{one} IN (SELECT concept_id FROM {kept})"  # noqa: S608
                f" OR s.{two} IN (SELECT concept_id FROM {kept}))"
                f" AND s.{one} IN (SELECT concept_id FROM {concept})"
                f" AND s.{two} IN (SELECT concept_id FROM {concept})"
            )
        key = f"{table}_id"
        if table in ("vocabulary", "domain", "concept_class", "relationship"):
            is_new = f"s.{key} NOT IN (SELECT {key} FROM {_parquet(self.stage, f'read.{table}')})"  # noqa: S608
            if table == "relationship":
                return is_new
            return f"{is_new} AND s.{key} IN (SELECT {key} FROM {kept})"  # noqa: S608
        return "FALSE"

    def _keep_starter_concepts(self) -> None:
        """Starter concepts that the download lacks and that it was not asked for, or we need."""
        read = _parquet(self.stage, "read.concept")
        cpt4 = self.stage.note(f"read.{CPT4}") is not None
        more = f" UNION ALL SELECT concept_id FROM {_parquet(self.stage, f'read.{CPT4}')}"  # noqa: S608
        own = [int(row["concept_id"]) for row in read_stubs()]
        self.con.execute("SET VARIABLE own_ids = ?", [own])
        self.con.execute("SET VARIABLE own_vocabularies = ?", [list(OWN_VOCABULARIES)])
        rows = self._copy(
            "SELECT s.* FROM starter_concept AS s"  # noqa: S608
            f" WHERE s.concept_id NOT IN (SELECT concept_id FROM {read}{more if cpt4 else ''})"
            f" AND (s.vocabulary_id NOT IN (SELECT vocabulary_id FROM {read})"
            " OR s.concept_id = 0 OR s.vocabulary_id IN (SELECT UNNEST(getvariable('own_vocabularies')))"
            " OR s.concept_id IN (SELECT UNNEST(getvariable('own_ids'))))"
            " ORDER BY s.concept_id",
            KEPT,
        )
        self.stage.finish(KEPT, rows=rows)

    def _copy(self, query: str, name: str) -> int:
        with atomic_path(self.stage.path(name)) as partial:
            done = self.con.execute(
                f"COPY ({query}) TO {literal(partial)} (FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()
        return int(done[0]) if done else 0

    def _mark(self, table: str) -> str:
        """Hash of the bytes a table was read from; empty where there were none."""
        return str((self.stage.note(f"read.{table}") or {}).get("sha256", ""))


def _columns(table: str) -> str:
    """The columns, empty texts as null where the standard knows null."""
    return ", ".join(_column(table, name) for name in VOCABULARY_TABLES[table].names)


def _column(table: str, name: str) -> str:
    if name in _NULLABLE:
        return f"NULLIF({name}, '') AS {name}"
    if table == "concept" and name == "concept_name":
        # The standard wants a name; Athena may not give out those of CPT4.
        given = "vocabulary_id || ' ' || concept_code || ' (no name in the download)'"
        return f"COALESCE(NULLIF(concept_name, ''), {given}) AS concept_name"
    return name


def _parquet(stage: Stage, name: str) -> str:
    return f"read_parquet({literal(stage.path(name))})"
