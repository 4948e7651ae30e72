"""Wide datasets: one row per person of a cohort, four columns per variable, in Parquet.

From a project's release, never from the warehouse. Immutable, sorted by project person id,
and byte for byte the same for the same release, cohort and plan.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid import FORMAT_VERSION
from biobraid.core.errors import DisclosureError, Fault, SettingsError, near_misses
from biobraid.core.files import PARTIAL, disk_errors
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.runs import code_version
from biobraid.export.card import card_text, dictionary_csv
from biobraid.export.codelist import load_code_lists
from biobraid.export.companion import Beside, Companion
from biobraid.export.croissant import CROISSANT, dataset_croissant, text_of
from biobraid.export.project import INTERNAL, OpenProject, open_project, refuse_expired
from biobraid.export.register import withdrawn_ids
from biobraid.export.release import MANIFEST, file_sha256, find_release, flush_folder
from biobraid.export.session import lock_down, release_session
from biobraid.export.wide_absent import Reasons, find_reasons, reasons_of
from biobraid.export.wide_imputed import fill_imputed
from biobraid.export.wide_plan import SUFFIXES, WidePlan, read_plan
from biobraid.export.wide_values import ValueColumn, load_variables, read_values

DATA = "data.parquet"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
_ROWS_PER_GROUP = 50_000
Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class ExportResult:
    """A dataset as it was written."""

    project: str
    name: str
    release: str
    cohort: str
    folder: Path
    n_persons: int
    n_columns: int
    sha256: str


def export_wide(
    home: Home,
    project: str,
    cohort: str,
    name: str,
    plan_file: Path,
    *,
    release: str | None = None,
    on_progress: Progress | None = None,
    today: date | None = None,
    companion: Companion | None = None,
) -> ExportResult:
    """Write exports/<project>/<name>/: data, dictionary, card.md, croissant.json, manifest.json.

    release: default, the one the cohort was made on. today: for the project's expiry.
    companion: writes an audit or weights of exactly these people beside the data.
    Raises DisclosureError for a cohort smaller than the project's min_cell.
    """
    if project == INTERNAL:
        raise DisclosureError(
            Fault("export", "an internal release is not exported", "a project's release")
        )
    opened = open_project(home, project)
    refuse_expired(opened.settings, today or datetime.now(UTC).date())
    plan = read_plan(plan_file)
    folder = home.exports / project / name
    if not _NAME.match(name):
        raise SettingsError(Fault("export", f"'{name}' cannot name a dataset",
                                  "letters, digits, '_' and '-'"))  # fmt: skip
    with writer(home):
        if folder.exists():
            raise SettingsError(
                Fault(f"exports/{project}/{name}", "the dataset exists",
                      "a new name: datasets never change", "Choose another name.")
            )  # fmt: skip
        partial = folder.with_name(f"{name}.{os.getpid()}{PARTIAL}")
        try:
            with disk_errors(f"exports/{project}/{name}"):
                partial.mkdir(parents=True)
                result = _write(
                    opened, cohort, name, plan, partial, release, on_progress, companion
                )
                flush_folder(partial)
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return result


def _write(
    project: OpenProject,
    cohort: str,
    name: str,
    plan: WidePlan,
    folder: Path,
    release: str | None,
    on_progress: Progress | None,
    companion: Companion | None,
) -> ExportResult:
    """Write the dataset's files into `folder`."""
    home, owner = project.home, project.settings.id
    tell = on_progress or (lambda _text, _share: None)
    made_on, digest = _cohort_origin(home, project, cohort)
    source = find_release(home, f"{owner}/{release or made_on}")
    with release_session(home, source) as con:
        load_code_lists(con, project, plan.code_lists)
        lock_down(con)
        persons = _load_persons(con, cohort, plan, withdrawn_ids(home, owner, source.name))
        if persons.num_rows < project.min_cell:
            raise DisclosureError(
                Fault(f"cohort {cohort}", "holds fewer persons than may be shown",
                      f"at least {project.min_cell}", "Widen the cohort.")
            )  # fmt: skip
        load_variables(con, plan.variables)
        tell("values", 0.1)
        columns = read_values(con, plan.variables, persons.num_rows)
        tell("absent reasons", 0.6)
        reasons = find_reasons(con, columns)
        # What was observed; imputed cells keep the reason why they were empty.
        present = {c.variable.name: int(c.is_present.sum()) for c in columns}
        fill_imputed(con, columns)
    tell("write", 0.8)
    write_parquet(folder / DATA, persons, columns, reasons)
    (folder / "dictionary.csv").write_text(
        dictionary_csv(plan, present, persons.num_rows, project.min_cell), encoding="utf-8"
    )
    manifest = {
        "format_version": FORMAT_VERSION,
        "dataset": name,
        "project": owner,
        "title": plan.title,
        "purpose": plan.purpose or project.settings.purpose,
        "release": source.name,
        "release_sha256": _release_digest(source),
        "cohort": cohort,
        "cohort_sha256": digest,
        "cohort_release": made_on,
        "code_version": code_version(),
        "plan": plan.model_dump(mode="json", by_alias=True),
        "n_persons": persons.num_rows,
        "n_columns": persons.num_columns - 1 + len(columns) * (1 + len(SUFFIXES)),
    }
    # The release is closed by now: the companion opens it anew, to read what it needs.
    beside = companion(folder, source, persons["person_id"]) if companion else Beside()
    manifest |= beside.manifest
    digests = {p.name: file_sha256(p) for p in sorted(folder.iterdir())}
    made = dataset_croissant(manifest | {"sha256": digests}, folder, beside.files, beside.rai)
    (folder / CROISSANT).write_text(text_of(made), encoding="utf-8")
    (folder / "card.md").write_text(
        card_text(manifest, plan, present, project.min_cell, beside.card), encoding="utf-8"
    )
    manifest["sha256"] = {p.name: file_sha256(p) for p in sorted(folder.iterdir())}
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return ExportResult(
        owner, name, source.name, cohort, home.exports / owner / name, persons.num_rows,
        int(manifest["n_columns"]), manifest["sha256"][DATA],
    )  # fmt: skip


def write_parquet(
    path: Path, persons: pa.Table, columns: Sequence[ValueColumn], reasons: Sequence[Reasons]
) -> None:
    """Write the rows in row groups of a fixed size, so that equal data give equal bytes."""
    schema: pa.Schema | None = None
    sink: pq.ParquetWriter | None = None
    try:
        for start in range(0, max(persons.num_rows, 1), _ROWS_PER_GROUP):
            stop = min(start + _ROWS_PER_GROUP, persons.num_rows)
            own = persons.slice(start, stop - start).drop_columns(["place"])
            parts: dict[str, Any] = {n: own[n] for n in own.column_names}
            for column, why in zip(columns, reasons, strict=True):
                value, reason, imputed, age = column.variable.columns
                parts[value] = column.arrow(start, stop)
                parts[reason] = reasons_of(why, start, stop)
                parts[imputed] = pa.array(column.is_imputed[start:stop])
                parts[age] = column.ages(start, stop)
            group = pa.table(parts)
            if sink is None:
                schema = group.schema
                sink = pq.ParquetWriter(path, schema, compression="zstd")
            sink.write_table(group, row_group_size=_ROWS_PER_GROUP)
    finally:
        if sink is not None:
            sink.close()


def _load_persons(
    con: duckdb.DuckDBPyConnection, cohort: str, plan: WidePlan, withdrawn: Sequence[int]
) -> pa.Table:
    """Make wide_person(place, person_id, cohort dates): the cohort in the order of its ids.

    Only persons whom the release holds: one released since may lack the withdrawn. And of an
    older release none that were withdrawn since.
    """
    con.register("withdrawn", pa.table({"person_id": pa.array(withdrawn, pa.int64())}))
    con.execute(f"""
        CREATE TEMP TABLE wide_person AS
        SELECT row_number() OVER (ORDER BY c.person_id) - 1 AS place, c.person_id,
          CAST(c.cohort_start_date AS DATE) AS cohort_start_date,
          CAST(c.cohort_end_date AS DATE) AS cohort_end_date
        FROM project.cohort."{cohort}" AS c
        WHERE c.person_id IN (SELECT person_id FROM release.cdm.person)
          AND c.person_id NOT IN (SELECT person_id FROM withdrawn)""")  # noqa: S608
    found = con.execute("FROM wide_person ORDER BY place").to_arrow_table()
    by_days = [
        v.name
        for v in plan.variables
        if v.window.from_days is not None or v.window.to_days is not None
    ]
    if by_days and found["cohort_start_date"].null_count:
        raise SettingsError(
            Fault(f"cohort {cohort}", f"has no start date for some; {', '.join(by_days)} need it",
                  "a column cohort_start_date in a step of the cohort")
        )  # fmt: skip
    return found


def _cohort_origin(home: Home, project: OpenProject, cohort: str) -> tuple[str, str]:
    """Release a cohort was made on, and the SHA-256 of its SQL."""
    folder = find_release(home, project.settings.id)
    with release_session(home, folder) as con:
        rows = con.execute("SELECT cohort, release, sha256 FROM project.cohort.definition")
        found = {row[0]: (row[1], row[2]) for row in rows.fetchall()}
    if cohort not in found:
        raise SettingsError(
            Fault(f"cohort {cohort}", "there is no such cohort",
                  todo=f"Make it with: biobraid cohort {project.settings.id} {cohort} FILE.sql",
                  suggestions=near_misses(cohort, found))
        )  # fmt: skip
    release, digest = found[cohort]
    return str(release), str(digest)


def _release_digest(folder: Path) -> str:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return str(manifest["sha256"]["release.duckdb"])
