"""What happens to each column of a delivered CDM table, decided once from its header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from biobraid.core.errors import SourceFileError
from biobraid.core.study import Source
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.guarded import GUARDED, HIDDEN, TEXT
from biobraid.ingest.connectors.omop_columns import RENAMED
from biobraid.ingest.connectors.omop_options import OmopOptions
from biobraid.ingest.connectors.omop_tables import TABLES, CdmTable
from biobraid.ingest.tabular.text_table import missing_column

PERSON = "person_id"
_DROPPED = {TEXT: "free-text-dropped", HIDDEN: "identifier-dropped"}


class Fate(Enum):
    """Where the cells of a column go."""

    KEY = auto()  # ids of the record and of its person: hashed, never landed
    PLACE = auto()  # a column of raw.event or raw.record, or a time
    DETAIL = auto()  # raw.detail, or raw.value of a person
    VAULT = auto()
    RULE = auto()  # ignored, by a rule


@dataclass(frozen=True)
class Plan:
    """Columns of one delivered table. Names are those of the CDM; extra ones the file's own.

    words: identity type of a column that goes to the vault, rule of one that is ignored.
    """

    table: CdmTable
    files: Mapping[str, str]  # name -> name in the file
    fates: Mapping[str, Fate]
    words: Mapping[str, str] = field(default_factory=dict)

    def of(self, fate: Fate) -> list[str]:
        """Columns with one fate, in the file's order."""
        return [name for name, its in self.fates.items() if its is fate]


def make_plan(job: FileJob, options: OmopOptions, table: CdmTable, header: Sequence[str],
              where: str) -> Plan:  # fmt: skip
    """The fates of a file's columns; SourceFileError with all columns that are missing."""
    renames = dict(options.columns)
    if job.source.person_id is not None:
        renames[job.source.person_id] = PERSON
    files = known_columns(header, table.name, renames)
    known = set(files.values())
    faults = [
        missing_column(
            f"{where}, row 1",
            job.source.person_id or PERSON if name == PERSON else name,
            [name.lower() for name in header],
        )
        for name in table.needs
        if name not in files
    ]
    if faults:
        raise SourceFileError(faults)
    files |= {name: name for name in header if name not in known and name not in files}
    fates, words = {}, {}
    for name in files:
        fate, word = _fate(job.source, table, name, is_known=files[name] in known)
        fates[name] = fate
        if word:
            words[name] = word
    return Plan(table, files, fates, words)


def _fate(source: Source, table: CdmTable, name: str, *, is_known: bool) -> tuple[Fate, str]:
    """Fate of one column, with the identity type or the rule."""
    if name == PERSON or name in (table.key, f"{table.name}_id"):
        return Fate.KEY, ""
    declared = source.identity.get(name)
    if declared is not None:
        return (Fate.VAULT, declared) if table.has_person else (Fate.RULE, HIDDEN)
    if not is_known:
        is_marker = name in source.deleted or name == source.version
        return Fate.RULE, "record-key" if is_marker else "extra-column"
    guard = guard_of(table, name)
    if guard is not None:
        for rule in source.free_text:
            if rule.variable in (name, f"{table.name}.{name}"):
                if rule.rule == "vault" and table.has_person:
                    return Fate.VAULT, "free_text"
                if rule.rule != "allow":
                    return Fate.RULE, _DROPPED.get(guard, "identifier-dropped")
                guard = None
                break
    if guard in (TEXT, HIDDEN):
        return Fate.RULE, guard
    if guard is not None:
        return Fate.VAULT, guard
    is_time = name in (*(table.start or ()), *(table.end or ()))
    return (Fate.PLACE if is_time or name in table.columns.values() else Fate.DETAIL), ""


def guard_of(table: CdmTable, name: str) -> str | None:
    """Identity type or rule of a column that may name somebody; None for any other."""
    if table.name == "metadata":  # about the data set
        return None
    return GUARDED.get(name)


def known_columns(header: Sequence[str], table: str, renames: Mapping[str, str]) -> dict[str, str]:
    """CDM column -> name in the file, of the columns that the table's standard knows.

    renames: name in the file -> CDM column; they win over a column of that very name.
    """
    declared = {key.lower(): value for key, value in renames.items()}
    names = TABLES[table].names if table in TABLES else None
    out: dict[str, str] = {}
    for is_declared in (True, False):
        for column in header:
            lower = column.strip().lower()
            if (lower in declared) is not is_declared:
                continue
            cdm = declared.get(lower) or RENAMED.get(lower, lower)
            if names is None or cdm in names:
                out.setdefault(cdm, column)
    return out
