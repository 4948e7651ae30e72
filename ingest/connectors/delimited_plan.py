"""What happens to each column of a delimited file, decided once from the header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SettingsError, SourceFileError
from biobraid.core.study import Source
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.delimited_lookup import Joined, read_lookups
from biobraid.ingest.connectors.delimited_options import DelimitedOptions
from biobraid.ingest.connectors.delimited_rules import KeyOf, Names, names_in
from biobraid.ingest.connectors.delimited_words import (
    Option,
    identifier_faults,
    is_free_text,
    withheld,
)
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.tabular.text_table import missing_column

LANDED_IDENTITIES = ("birth_date", "sex")  # land too: the one cut to the study's precision


class Role(IntEnum):
    """Fate of a cell; every cell has exactly one."""

    KEY = 0  # part of the record's key, time or other attribute of its facts
    LAND = 1
    IDENTITY = 2  # to the vault, as declared
    SEX = 3  # lands, and goes to the vault
    BIRTH_DATE = 4  # lands at the declared precision, and goes to the vault
    TEXT_TO_VAULT = 5
    TEXT_DROPPED = 6
    TEXT_UNDECLARED = 7
    UNDECLARED = 8
    DROPPED = 9  # study.yaml says so


IGNORED_BY: dict[Role, str] = {
    Role.KEY: "record-key",
    Role.TEXT_DROPPED: "free-text-dropped",
    Role.TEXT_UNDECLARED: "free-text-undeclared",
    Role.UNDECLARED: "undeclared-column",
    Role.DROPPED: "dropped-column",
}
TO_VAULT = (Role.IDENTITY, Role.TEXT_TO_VAULT)


@dataclass(frozen=True)
class Plan:
    """Columns of one file with their roles. Names are those after renaming."""

    options: DelimitedOptions
    file_names: dict[str, str]  # name -> as in the header
    roles: dict[str, Role]
    absent_variables: tuple[str, ...]  # promised by the dictionary, not in the file
    joined: dict[str, Joined]  # columns that are looked up in another file
    # what options would land and may not -> rule of its cells
    withheld: dict[Option, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the file's order."""
        return tuple(self.roles)

    def landing(self, option: str, names: Names | None) -> list[str]:
        """Columns of an option whose cells may land."""
        return [name for name in names_in(names) if (option, name) not in self.withheld]

    def trimmed(self, block: TextBlock, name: str) -> pa.StringArray:
        """A column of all records, trimmed; what is or means nothing is null."""
        if name in self.joined:
            found = self.joined[name]
            return found.of(self.trimmed(block, found.on))
        text = pc.utf8_trim_whitespace(block.column(self.file_names[name]))
        is_nothing = pc.equal(text, "")
        if name in self.options.empty:
            words = pa.array(self.options.empty[name], pa.string())
            is_nothing = pc.or_(is_nothing, pc.is_in(text, words))
        return pc.if_else(is_nothing, pa.scalar(None, pa.string()), text)


def make_plan(job: FileJob, options: DelimitedOptions, header: Sequence[str]) -> Plan:
    """Decide each column's role; all faults of header and settings at once."""
    source = job.source
    refused = identifier_faults(job, options)
    if refused:
        raise SettingsError(refused)
    cased = [_cased(options, column) for column in header]
    names = [options.columns.get(column, column) for column in cased]
    joined = read_lookups(job, options, names)
    present = {*names, *joined}
    needed = [*key_columns(source), *source.identity, *options.used_columns()]
    faults = [
        missing_column(f"{job.where}, row 1", name, names)
        for name in dict.fromkeys(needed)
        if name not in present
    ]
    faults += [
        missing_column(f"{job.where}, row 1", column, cased)
        for column in options.columns
        if column not in set(cased)
    ]
    faults += [
        Fault(job.where, f"{n} columns are named '{name}' after renaming")
        for name, n in sorted(Counter([*names, *joined]).items())
        if n > 1
    ]
    if faults:
        raise SourceFileError(faults)
    for key in options.references().values():
        _check_key(job, key)
    roles = {name: column_role(job, options, name) for name in names}
    promised = job.variables if options.layout == "wide" else {}
    parts = {part for name, rule in options.split.items() if name in present for part in rule.into}
    absent = tuple(sorted(set(promised) - present - parts))
    file_names = dict(zip(names, header, strict=True))
    return Plan(options, file_names, roles, absent, joined, withheld(job, options))


def _cased(options: DelimitedOptions, column: str) -> str:
    if options.header_case is None:
        return column
    return column.lower() if options.header_case == "lower" else column.upper()


def key_columns(source: Source) -> list[str]:
    """Columns of study.yaml that say whose record it is, which, and in which version."""
    columns = [source.person_id, *source.record_key, source.version, *source.deleted]
    return [c for c in dict.fromkeys(columns) if c is not None]


def column_role(job: FileJob, options: DelimitedOptions, name: str) -> Role:
    """Role of one column. A key or time column that the dictionary promises lands too."""
    source = job.source
    if name == source.person_id or name in source.deleted or name == source.version:
        return Role.KEY
    kind = source.identity.get(name)
    if kind is not None:
        return {"birth_date": Role.BIRTH_DATE, "sex": Role.SEX}.get(kind, Role.IDENTITY)
    if name in options.drop:
        return Role.DROPPED
    if options.layout != "wide":
        text = _text_role(job, name)
        if text in (Role.TEXT_TO_VAULT, Role.TEXT_DROPPED):
            return text
        is_key = name in options.used_columns() or name in source.record_key
        return Role.KEY if is_key else Role.UNDECLARED
    is_known = name in job.variables or any(name == t.variable for t in source.free_text)
    if not is_known and (name in options.used_columns() or name in source.record_key):
        return Role.KEY
    return variable_role(job, name)


def variable_role(job: FileJob, name: str) -> Role:
    """Role of a variable by its free-text rule, or else by the dictionary."""
    text = _text_role(job, name)
    if text is not None:
        return text
    variable = job.variables.get(name)
    if variable is None:
        return Role.UNDECLARED
    return Role.TEXT_UNDECLARED if is_free_text(variable) else Role.LAND


def _text_role(job: FileJob, name: str) -> Role | None:
    roles = {"allow": Role.LAND, "vault": Role.TEXT_TO_VAULT, "drop": Role.TEXT_DROPPED}
    found = (roles[rule.rule] for rule in job.source.free_text if rule.variable == name)
    return next(found, None)


def _check_key(job: FileJob, key: KeyOf) -> None:
    """The other source must exist and have a record key of as many columns."""
    where = f"studies/{job.study.id}/study.yaml, source {job.source_id}"
    other = job.study.sources.get(key.source)
    if other is None:
        raise SettingsError(
            Fault(where, f"there is no source '{key.source}'", ", ".join(job.study.sources))
        )
    if len(other.record_key) != len(key.columns):
        raise SettingsError(
            Fault(
                where,
                f"{len(key.columns)} columns name a record of '{key.source}'",
                f"as many as its record_key: {', '.join(other.record_key) or 'it has none'}",
            )
        )
