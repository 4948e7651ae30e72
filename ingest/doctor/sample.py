"""A bounded look at what a source delivers: through its connector, kept in memory only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.compute as pc

from biobraid.core.errors import Fault, KeyFileError, UserError
from biobraid.core.home import Home
from biobraid.core.keys import IngestKeys, ingest_keys
from biobraid.core.manifest import Manifest, Part
from biobraid.core.study import Study
from biobraid.core.warehouse import parquet_list
from biobraid.ingest.connectors.contract import Chunk, FileJob, Variable, get_connector
from biobraid.ingest.connectors.omop_names import one_of_each_table
from biobraid.ingest.doctor.concepts import concepts_of, landed_concepts

SAMPLE_FILES = 3  # of a source
SAMPLE_ROWS = 50_000  # of values and events, of a file
LANDED_ROWS = 50_000_000  # of a source, counted at most


@dataclass
class Seen:
    """What was seen of a source: how often each variable and each (code system, code) stands."""

    is_landed: bool = False  # counted in landing, not in a sample of the files
    variables: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    columns: dict[str, None] = field(default_factory=dict)  # of the files, in order
    ignored: Counter[str] = field(default_factory=Counter)  # facts or records, by rule
    told: Counter[str] = field(default_factory=Counter)  # what the connector warns of
    faults: list[Fault] = field(default_factory=list)
    concepts: Counter[int] = field(default_factory=Counter)  # that the source itself delivers


def look_at_source(
    home: Home,
    study: Study,
    source_id: str,
    files: Sequence[Path],
    variables: Mapping[str, Variable],
) -> Seen:
    """Frequencies from landing where the source is landed, else from a sample of its files.

    The files' headers are read either way.
    """
    sample = Seen()
    is_omop = study.sources[source_id].connector == "omop"
    looked_at = one_of_each_table(files) if is_omop else files[:SAMPLE_FILES]
    for number, path in enumerate(looked_at, start=1):
        job = FileJob(
            path=path,
            study=study,
            source_id=source_id,
            batch=f"{number} of {len(files)}",
            keys=_keys(home),
            variables=variables,
            memory_gb=min(0.5, home.settings.memory_limit_gb),
            threads=1,
            keys_repeat=True,
            tmp=home.tmp,
        )
        try:
            _read_sample(job, sample)
        except UserError as error:
            sample.faults += error.faults
    if not home.manifest.is_file():
        return sample
    with Manifest(home) as manifest:
        parts = {
            table: manifest.parts(table, study.id, source_id)
            for table in ("raw.value", "raw.event", "raw.detail")
        }
    if not any(part.rows for found in parts.values() for part in found):
        return sample
    values = _count(home, parts["raw.value"], ("variable",))
    # Where the source says the concept itself, nobody need map the code.
    events = _count(home, parts["raw.event"], ("code_system", "code"), "concept_id IS NULL")
    return replace(
        sample,
        is_landed=True,
        variables=Counter(dict(values)),
        codes=Counter({(system, code): n for system, code, n in events}),
        concepts=landed_concepts(home, parts) if is_omop else Counter(),
    )


def _read_sample(job: FileJob, seen: Seen) -> None:
    """Read through the connector until enough rows were met, then close it."""
    stream = get_connector(job.source.connector).read(job)
    n_rows = 0
    gives_concepts = job.source.connector == "omop"
    try:
        for item in stream:
            if not isinstance(item, Chunk):
                seen.columns.update(dict.fromkeys(item.columns))
                seen.ignored.update(item.ignored)
                seen.told.update(item.warnings)
                if n_rows >= SAMPLE_ROWS:
                    break
                continue
            if item.table == "raw.reject":
                rejects = item.rows.select(["reason", "column_name"]).to_pylist()
                seen.told.update(
                    f"rejected as {row['reason']}:{row['column_name'] or 'whole record'}"
                    for row in rejects
                )
            elif item.table == "raw.value":
                for entry in pc.value_counts(item.rows["variable"]).to_pylist():
                    seen.variables[entry["values"]] += entry["counts"]
            elif item.table == "raw.event" and "code" in item.rows.column_names:
                rows = item.rows
                if "concept_id" in rows.column_names:
                    rows = rows.filter(pc.is_null(rows["concept_id"]))
                pairs = rows.select(["code_system", "code"]).drop_null().to_pydict()
                seen.codes.update(zip(pairs["code_system"], pairs["code"], strict=True))
            if gives_concepts:
                seen.concepts.update(concepts_of(item))
            if item.table in ("raw.value", "raw.event", "raw.wearable_sample"):
                n_rows += item.rows.num_rows
            # Counts.columns comes with the Counts after the chunks: wait for it, within reason.
            if n_rows >= SAMPLE_ROWS and (seen.columns or n_rows >= 10 * SAMPLE_ROWS):
                break
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()


def _count(
    home: Home, parts: Sequence[Part], columns: tuple[str, ...], condition: str = "TRUE"
) -> list[tuple[Any, ...]]:
    """Rows by the columns, nulls left out, over the first parts in force."""
    paths: list[Path] = []
    n_rows = 0
    for part in parts:
        if n_rows < LANDED_ROWS and part.rows:
            paths.append(home.landing / part.path)
            n_rows += part.rows
    if not paths:
        return []
    names = ", ".join(columns)
    with duckdb.connect(config={"threads": str(home.settings.threads)}) as con:
        return con.execute(
            f"SELECT {names}, count(*) FROM read_parquet({parquet_list(paths)}) "  # noqa: S608
            f"WHERE {columns[-1]} IS NOT NULL AND {condition} GROUP BY {names}"
        ).fetchall()


def _keys(home: Home) -> IngestKeys:
    """The home's keys, or zeros where there are none: nothing of the sample is kept."""
    try:
        return ingest_keys(home)
    except KeyFileError:
        zero = bytes(32)
        return IngestKeys(zero, zero, zero, zero)
