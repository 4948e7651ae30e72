"""What another version of the vocabulary moves for the codes and concepts in use here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import duckdb_settings, literal
from biobraid.ingest.vocabulary.athena import CPT4, open_download
from biobraid.ingest.vocabulary.in_use import code_numbers, collect_in_use, concept_numbers
from biobraid.ingest.vocabulary.load import (
    PREVIOUS,
    PREVIOUS_TABLES,
    OnProgress,
    prepare_tables,
    read_tables,
    version_of,
)
from biobraid.ingest.vocabulary.lookup import STARTER, VOCABULARY_NOTE
from biobraid.ingest.vocabulary.picture import draw_picture
from biobraid.ingest.vocabulary.prepare import Preparing
from biobraid.ingest.vocabulary.publish import starter_mark
from biobraid.ingest.vocabulary.stage import open_stage
from biobraid.ingest.vocabulary.tables import STARTER_VERSION, starter_table

# What is compared, and what a difference in it is called.
CODE_CHANGES = {
    "targets": "target",
    "value_concepts": "value",
    "domains": "domain",
    "standard": "validity",
    "invalid_reason": "validity",
    "name": "name",
    "target_names": "name",
}
CONCEPT_CHANGES = {
    "domain": "domain",
    "standard": "standard",
    "invalid_reason": "validity",
    "targets": "target",
    "name": "name",
}
_Sides = tuple[str, str, str]  # version, what stands after FROM for concepts and relationships


def diff(
    home: Home, path: Path | None = None, *, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Compare the vocabulary in force with the download at `path`, or the one before with it.

    Returns old and new (versions), has_warehouse, summary (kind, change, number, rows,
    persons) and the changed codes and concepts, those that concern most rows first; a change
    is appears, vanishes, target, value, domain, standard, validity or name. rows and persons
    are null without a warehouse. The caller holds the home's writer lock: what is read of a
    download stays in the stage for `load`.
    """
    tell = on_progress or (lambda _stage, _share: None)
    con = duckdb.connect(config={**duckdb_settings(home.settings, home.tmp)})
    try:
        con.execute("SET enable_progress_bar = false")
        with disk_errors("vocabulary.loading"):
            sides = _last_two(home) if path is None else _against(con, home, path, tell)
        tell("comparing", 0.95)
        has_warehouse = collect_in_use(con, home)
        for side, (_, concept, relationship) in zip(("old", "new"), sides, strict=True):
            draw_picture(con, side, concept, relationship)
        codes = _changed(con, "code", ("code_system", "code_key"), CODE_CHANGES)
        concepts = _changed(con, "concept", ("concept_id",), CONCEPT_CHANGES)
        summary = []
        for kind, rows in (("codes", codes), ("concepts", concepts)):
            totals = _count(con, kind, rows) if has_warehouse else {}
            summary += list(_summary(kind, rows, totals))
            rows.sort(key=lambda row: (-(row["rows"] or 0), *map(str, row.values())))
        return {
            "old": sides[0][0],
            "new": sides[1][0],
            "has_warehouse": has_warehouse,
            "summary": summary,
            "codes": codes,
            "concepts": concepts,
        }
    finally:
        con.close()


def _last_two(home: Home) -> tuple[_Sides, _Sides]:
    with Manifest(home) as manifest:
        note = manifest.note(VOCABULARY_NOTE, {})
        objects = manifest.objects()
    if not note.get("previous"):
        raise SettingsError(
            Fault("vocabulary", "none was replaced yet, so there are no two to compare", "",
                  "Name a download: biobraid vocabulary diff DOWNLOAD")
        )  # fmt: skip
    old, new = ([_parquet(home.landing / objects[f"{prefix}{name}"][0])
                 for name in PREVIOUS_TABLES] for prefix in (PREVIOUS, "vocab."))  # fmt: skip
    return (note["previous"]["version"], old[0], old[1]), (note["version"], new[0], new[1])


def _against(
    con: duckdb.DuckDBPyConnection, home: Home, path: Path, tell: OnProgress
) -> tuple[_Sides, _Sides]:
    """The vocabulary in force and a download, read as far as a comparison needs."""
    download = open_download(path)
    stage = open_stage(home, f"{download.mark} {starter_mark()}", download.name)
    read_tables(stage, download, ["vocabulary", "concept", CPT4, "concept_relationship"], tell)
    version = version_of(stage)
    preparing = Preparing(home, stage, version)
    try:
        prepare_tables(preparing, ["concept", "concept_relationship"], tell)
    finally:
        preparing.close()
    new = (version, *(_parquet(stage.path(name)) for name in PREVIOUS_TABLES))
    with Manifest(home) as manifest:
        note = manifest.note(VOCABULARY_NOTE, {"name": STARTER, "version": STARTER_VERSION})
        objects = manifest.objects()
    if "vocab.concept" in objects:
        files = [_parquet(home.landing / objects[f"vocab.{name}"][0]) for name in PREVIOUS_TABLES]
    else:
        files = [f"starter_{name}" for name in PREVIOUS_TABLES]
        for name in PREVIOUS_TABLES:
            con.register(f"starter_{name}", starter_table(name))
    return (note["version"], files[0], files[1]), (new[0], new[1], new[2])


def _changed(
    con: duckdb.DuckDBPyConnection, kind: str, key: Sequence[str], changes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Rows whose old and new picture differ: key, changes, what was and what is."""
    told = [*dict.fromkeys([*([] if kind == "concept" else ["concept_id"]), *changes])]
    pairs = ", ".join(f"o.{name} AS old_{name}, n.{name} AS new_{name}" for name in told)
    differs = " OR ".join(f"o.{name} IS DISTINCT FROM n.{name}" for name in changes)
    result = con.execute(
        f"SELECT {', '.join(key)}, o.{key[0]} IS NULL AS appears, n.{key[0]} IS NULL AS vanishes,"  # noqa: S608
        f" {pairs} FROM old_{kind} AS o FULL JOIN new_{kind} AS n USING ({', '.join(key)})"
        f" WHERE o.{key[0]} IS NULL OR n.{key[0]} IS NULL OR {differs}"
    )
    names = [d[0] for d in result.description or []]
    found = []
    for values in result.fetchall():
        row = dict(zip(names, values, strict=True))
        words = [word for word in ("appears", "vanishes") if row.pop(word)] or [
            *dict.fromkeys(
                word
                for name, word in changes.items()
                if row[f"old_{name}"] != row[f"new_{name}"] and not _follows(name, row)
            )
        ]
        if words:
            first = {name: row.pop(name) for name in key}
            found.append({**first, "changes": words, "rows": None, "persons": None, **row})
    return found


def _follows(name: str, row: Mapping[str, Any]) -> bool:
    """Names and domains of other targets are others: only then say so where the table moves."""
    has_moved = row.get("old_targets") != row.get("new_targets")
    if name == "target_names":
        return has_moved
    if name == "domains":
        return has_moved and set(row["old_domains"]) == set(row["new_domains"])
    return False


def _count(
    con: duckdb.DuckDBPyConnection, kind: str, rows: list[dict[str, Any]]
) -> dict[str, tuple[int, int]]:
    """Fill in rows and persons; returns them per change, each person counted once."""
    key = ("code_system", "code_key") if kind == "codes" else ("concept_id",)
    numbers = code_numbers if kind == "codes" else concept_numbers
    types = {name: pa.int64() if name == "concept_id" else pa.string() for name in key}
    each = pa.table({name: pa.array([row[name] for row in rows], types[name]) for name in key})
    found = {line[:-2]: line[-2:] for line in numbers(con, each, key)}
    for row in rows:
        row["rows"], row["persons"] = found.get(tuple(row[name] for name in key), (0, 0))
    spread = [(row, word) for row in rows for word in row["changes"]]
    by_change = pa.table(
        {name: pa.array([row[name] for row, _ in spread], types[name]) for name in key}
        | {"change": pa.array([word for _, word in spread], pa.string())}
    )
    totals = numbers(con, by_change, ("change",))
    return {str(change): (int(str(n)), int(str(m))) for change, n, m in totals}


def _summary(
    kind: str, rows: Sequence[Mapping[str, Any]], totals: Mapping[str, tuple[int, int]]
) -> Iterator[dict[str, Any]]:
    words = ("appears", "vanishes", "target", "value", "domain", "standard", "validity", "name")
    has_numbers = any(row["rows"] is not None for row in rows)
    for word in words:
        n = sum(word in row["changes"] for row in rows)
        if n:
            n_rows, n_persons = totals.get(word, (0, 0)) if has_numbers else (None, None)
            yield {"kind": kind, "change": word, "number": n, "rows": n_rows,
                   "persons": n_persons}  # fmt: skip


def _parquet(path: Path) -> str:
    return f"read_parquet({literal(path)})"
