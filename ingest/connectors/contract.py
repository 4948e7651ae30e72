"""What a connector is given, what it yields, and the registry of connectors.

A connector turns one delivered file into chunks of the shapes in core/schemas and counts
what it met. It knows nothing of concepts, persons or other sources, writes nothing, and runs
inside a spawned worker: a FileJob is picklable and holds all it needs.

    @connector("delimited", options=DelimitedOptions)
    def read_delimited(job: FileJob) -> Iterator[Chunk | Counts]: ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.keys import IngestKeys
from biobraid.core.study import Source, Study
from biobraid.core.suppress import Suppressed
from biobraid.ingest.connectors import NAMES


@dataclass(frozen=True)
class Variable:
    """A variable as the study's dictionary promises it; types as in vocab.variable."""

    name: str
    label: str = ""
    value_type: str = "text"
    unit: str | None = None
    codes: Mapping[str, str | None] = field(default_factory=dict)  # code -> meaning; empty: any
    is_free_text: bool = False
    # What the dictionary's own format says beside this (REDCap: form, branching, ...).
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileJob:
    """One delivered file to read, with everything a worker process needs."""

    path: Path
    study: Study
    source_id: str
    batch: str  # keyed token of the content
    keys: IngestKeys
    variables: Mapping[str, Variable]  # the study's dictionary as it applies to the source
    memory_gb: float  # this worker's share
    threads: int
    study_keys: Mapping[str, str] = field(default_factory=dict)  # namespaces of other studies
    previous_columns: tuple[str, ...] = ()  # columns of the source's last delivery, if any
    keys_repeat: bool = False  # the reader has raised RepeatedKeys before: give row numbers
    tmp: Path | None = None  # folder of the home for files unpacked while reading
    delivered_as: str = ""  # path below the study's deliveries, with slashes: for the vault only
    # Who may not land (again). Landing itself drops rows that have a source_person_key; a
    # connector asks only where people stand otherwise (blocks of samples).
    suppressed: Suppressed | None = None

    @property
    def source(self) -> Source:
        """The source as declared."""
        return self.study.sources[self.source_id]

    @property
    def where(self) -> str:
        """How messages and logs name the file: study, source and token, never the path."""
        return f"{self.study.id}/{self.source_id}, file {self.batch}"


@dataclass(frozen=True)
class Chunk:
    """Rows of one landing table ("raw.value", "raw.event", ..., or "identity").

    The table need not hold study, source and batch: landing adds them. Missing columns are
    null; columns may be dictionary-encoded.

    Two things go beyond the landing schemas:

    `row_number` BIGINT, line of the file the record starts on, may stand beside the columns of
    a raw table. Give it (in every raw and "version" chunk of the file) where one record key
    may stand in a file more than once and neither Counts.keys_are_unique nor
    Counts.whole_row_keys holds: landing keeps the newest version, or else the last row, counts
    the others as rejected (duplicate-key, with this number; superseded in a delta) and drops
    the column. It costs a second pass, so leave it out where keys are known to be unique.

    The table "version" (schema VERSION below) orders versions of one record. A source with
    `delivery: delta` needs one row for each record of the file, deletion records included;
    `version` is text that sorts (ISO 8601 of one zone, zero-padded numbers); the greatest
    wins whatever the order of arrival, at equal versions a deletion wins. A deletion record
    has is_deleted = true, yields no facts, and counts in records_read, records_ignored and
    ignored["deletion-record"]. Other deliveries may give it for repeated keys; it is then used
    within the file only.
    """

    table: str
    rows: pa.Table


# Options of a source that landing reads itself; connectors need not know them.
# dropped_columns: columns of the last full delivery that may be missing from now on
LANDING_OPTIONS = ("dropped_columns",)

VERSION = pa.schema(
    [
        ("record_id", pa.int64()),
        ("version", pa.string()),  # compared by code point; null is older than everything
        ("is_deleted", pa.bool_()),
        ("row_number", pa.int64()),  # may be left out, see Chunk
    ]
)


@dataclass
class Counts:
    """What a connector met since it last yielded Counts; landing adds them up.

    Records: read = landed + rejected + ignored. Facts (non-empty cells of records that
    were neither rejected nor ignored, and empty cells that land with an absent_reason):
    facts_read = landed + rejected + ignored + to_vault.
    `ignored` says why, by rule ("free-text-undeclared", "undeclared-column", "record-key",
    "empty-record", ...), with the number of facts or records; `columns` are the file's.
    """

    records_read: int = 0
    records_rejected: int = 0
    records_ignored: int = 0
    facts_read: int = 0
    facts_rejected: int = 0
    facts_ignored: int = 0
    facts_to_vault: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    # "unknown-code:VARIABLE", "missing-variable:...", "no-records"; not in the books
    warnings: Counter[str] = field(default_factory=Counter)
    columns: tuple[str, ...] = ()
    keys_are_unique: bool = False  # connector has made sure that record_id is unique in the file
    whole_row_keys: bool = False  # records have no key: equal rows are told apart by occurrence
    may_be_empty: bool = False  # a full delivery's file may hold no record (an empty CDM table)
    bytes_done: int = 0  # of the file as delivered, for the progress bar


class RepeatedKeys(Exception):
    """A file repeats record keys where the reader had hoped that it does not.

    Row numbers cost landing a second pass. A reader may leave them out, see for itself that
    keys are unique, and raise this otherwise: the file is then read again, from the start,
    with FileJob.keys_repeat.
    """


Reader = Callable[[FileJob], Iterator[Chunk | Counts]]
# Files beside a delivered one that are part of it (.bim and .fam of a .bed), from its path and
# the source's options; only those that are there.
Companions = Callable[[Path, Mapping[str, Any]], Sequence[Path]]


@dataclass(frozen=True)
class Connector:
    """A registered connector and the pydantic model of its options."""

    name: str
    read: Reader
    options: type[BaseModel]
    takes_folders: bool = False  # a glob may match a folder: FileJob.path is then that folder
    companions: Companions | None = None

    def check_options(self, options: Mapping[str, Any]) -> BaseModel:
        """The options as a model; pydantic's ValidationError if they are wrong."""
        own = {k: v for k, v in options.items() if k not in LANDING_OPTIONS}
        return self.options.model_validate(own)


_REGISTRY: dict[str, Connector] = {}


def connector(
    name: str,
    options: type[BaseModel],
    companions: Companions | None = None,
    *,
    takes_folders: bool = False,
) -> Callable[[Reader], Reader]:
    """Register a reader under the name that study.yaml uses.

    takes_folders: a whole folder may be one delivery (see ingest/file_groups.py).
    """

    def register(read: Reader) -> Reader:
        _REGISTRY[name] = Connector(name, read, options, takes_folders, companions)
        return read

    return register


def get_connector(name: str) -> Connector:
    """The registered connector; an unknown name is a SettingsError with near misses."""
    known = _registered(name)
    if known is None:
        names = connector_names()
        raise SettingsError(
            Fault(
                f"connector '{name}'",
                "there is no such connector",
                f"one of {', '.join(names)}",
                suggestions=near_misses(name, names),
            )
        )
    return known


def takes_folders(name: str) -> bool:
    """Whether the connector reads folders; false if there is no such connector."""
    known = _registered(name)
    return known is not None and known.takes_folders


def companions_of(source: Source, path: Path) -> tuple[Path, ...]:
    """Files beside `path` that the source's connector reads with it, sorted."""
    known = _registered(source.connector)
    if known is None or known.companions is None:
        return ()
    own = {k: v for k, v in source.options.items() if k not in LANDING_OPTIONS}
    return tuple(sorted(set(known.companions(path, own))))


def connector_names() -> list[str]:
    """Names of all connectors, sorted."""
    return sorted({*NAMES, *_REGISTRY})


def _registered(name: str) -> Connector | None:
    """The connector, imported when it is asked for: all of them take most of a second."""
    if name in NAMES and name not in _REGISTRY:
        import_module(f"biobraid.ingest.connectors.{name}")
    return _REGISTRY.get(name)
