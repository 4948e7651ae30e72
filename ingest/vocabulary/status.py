"""What is known of the vocabulary in force, and of a load that did not end."""

from __future__ import annotations

from typing import Any

import duckdb

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.vocabulary.lookup import STARTER, VOCABULARY_NOTE
from biobraid.ingest.vocabulary.stage import Stage, staged_download
from biobraid.ingest.vocabulary.tables import STARTER_VERSION, VOCABULARY_TABLES


def vocabulary_status(home: Home) -> dict[str, Any]:
    """name, version, previous, rows per table, vocabularies, stubs, warnings and loading.

    vocabularies: id, version, and concepts: all, standard, invalid, without their own row in
    the download (kept from the starter). loading: the download of an unfinished load.
    """
    with Manifest(home) as manifest:
        note = manifest.note(VOCABULARY_NOTE, {"name": STARTER, "version": STARTER_VERSION})
        objects = manifest.objects()
    report: dict[str, Any] = {
        "name": note["name"],
        "version": note["version"],
        "previous": note.get("previous"),
        "warnings": note.get("warnings", {}),
        "kept_from_starter": note.get("kept_from_starter"),
        "rows": {
            name: objects[f"vocab.{name}"][1]
            for name in VOCABULARY_TABLES
            if f"vocab.{name}" in objects
        },
        "loading": _loading(home),
    }
    if "vocab.concept" in objects:
        report |= _vocabularies(home, objects)
    return report


def _vocabularies(home: Home, objects: dict[str, tuple[str, int, str]]) -> dict[str, Any]:
    paths = [str(home.landing / objects[f"vocab.{name}"][0])
             for name in ("concept", "concept_origin", "vocabulary")]  # fmt: skip
    con = duckdb.connect(config={"threads": home.settings.threads})
    try:
        found = con.execute(
            "SELECT c.vocabulary_id, ANY_VALUE(v.vocabulary_version), COUNT(*),"
            " COUNT(*) FILTER (c.standard_concept = 'S'),"
            " COUNT(*) FILTER (c.invalid_reason IS NOT NULL),"
            " COUNT(*) FILTER (o.is_stub)"
            " FROM read_parquet(?) AS c JOIN read_parquet(?) AS o USING (concept_id)"
            " LEFT JOIN read_parquet(?) AS v USING (vocabulary_id)"
            " GROUP BY c.vocabulary_id ORDER BY COUNT(*) DESC, c.vocabulary_id",
            paths,
        ).fetchall()
    finally:
        con.close()
    names = ("vocabulary", "version", "concepts", "standard", "invalid", "stubs")
    return {
        "vocabularies": [dict(zip(names, row, strict=True)) for row in found],
        "stubs": sum(row[-1] for row in found),
    }


def _loading(home: Home) -> dict[str, Any] | None:
    staged = staged_download(home)
    if staged is None:
        return None
    read = [name.removeprefix("read.") for name in Stage(home.vocabulary_stage).finished()
            if name.startswith("read.")]  # fmt: skip
    return {"download": staged["name"], "tables_read": read}
