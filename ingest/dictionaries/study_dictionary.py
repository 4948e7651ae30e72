"""A study's dictionary, whatever its format, as it applies to each of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from biobraid.core.errors import Fault, SettingsError, UserError
from biobraid.core.home import Home
from biobraid.core.study import Dictionary, Study, delivery_folder
from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.csv_rows import read_csv_rows
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows, read_dictionary_csv
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.shipped import shipped_codes, shipped_dictionary

Row = TypeVar("Row", VariableRow, CodeRow)


def load_variables(home: Home, study: Study, source_id: str) -> dict[str, Variable]:
    """The study's dictionary as it applies to one source, by variable.

    SettingsError with all faults of the dictionary.
    """
    return variables_of_source(home, study, source_id, _without_faults(home, study))


def variables_of_source(
    home: Home, study: Study, source_id: str, dictionary: DictionaryRows
) -> dict[str, Variable]:
    """What `dictionary` says about one source, by variable.

    Codes that mapping.csv names beside the dictionary's count as allowed; free text that
    study.yaml allows does not count as free text.
    """
    by_variable: dict[str, dict[str, str | None]] = {}
    for row in rows_of_source(dictionary.codes, source_id):
        by_variable.setdefault(row.variable, {})[row.code] = row.meaning
    for variable, code in _mapped_codes(home, study, source_id):
        if variable in by_variable:
            by_variable[variable].setdefault(code, None)
    allowed = {f.variable for f in study.sources[source_id].free_text if f.rule == "allow"}
    return {
        row.variable: Variable(
            name=row.variable,
            label=row.label,
            value_type=row.value_type,
            unit=row.unit,
            codes=by_variable.get(row.variable, {}),
            is_free_text=row.is_free_text and row.variable not in allowed,
            attributes=row.attributes,
        )
        for row in rows_of_source(dictionary.variables, source_id)
    }


def read_dictionary(home: Home, study: Study) -> tuple[list[VariableRow], list[CodeRow]]:
    """Variables and codes of the study; SettingsError with all faults of its dictionary.

    What a connector ships is read first, then a study's (or source's) own format; a row of
    dictionary.csv beside it adds a variable or stands in for one, its codes included. A study
    without a dictionary has no variables.
    """
    rows = _without_faults(home, study)
    return rows.variables, rows.codes


def examine_dictionary(home: Home, study: Study) -> DictionaryRows:
    """Like `read_dictionary`, but gives the faults along with what could be read."""
    rows = DictionaryRows()
    for source_id, source in study.sources.items():
        rows = _beneath(rows, shipped_dictionary(source.connector, source_id))
    for of_source, declared in study.dictionaries.items():
        if declared.format != "csv":
            rows = _beneath(rows, _read_declared(home, study, of_source, declared))
    path = home.studies / study.id / "dictionary.csv"
    in_other_format = {
        file
        for declared in study.dictionaries.values()
        if declared.format != "csv"
        for glob in declared.fields
        for file in _files(home, study, glob)
    }
    if path.is_file() and path not in in_other_format:
        own = read_dictionary_csv(path, f"studies/{study.id}/dictionary.csv", study.sources)
        rows = _beneath(rows, own)
    return rows


def _beneath(lower: DictionaryRows, upper: DictionaryRows) -> DictionaryRows:
    """Both together; a variable of `upper` stands in for that of `lower`, its codes included.

    What only the format of `lower` can say of it (attributes) stays.
    """
    replaced = {(row.source, row.variable) for row in upper.variables}
    below = {(row.source, row.variable): row.attributes for row in lower.variables}
    of_study = {row.variable: row.attributes for row in lower.variables if row.attributes}

    def stays(row: VariableRow | CodeRow) -> bool:
        return not {(row.source, row.variable), (None, row.variable)} & replaced

    def with_attributes(row: VariableRow) -> VariableRow:
        known = below.get((row.source, row.variable), of_study.get(row.variable, {}))
        return replace(row, attributes={**known, **row.attributes})

    return DictionaryRows(
        [row for row in lower.variables if stays(row)]
        + list(map(with_attributes, upper.variables)),
        [row for row in lower.codes if stays(row)] + upper.codes,
        lower.faults + upper.faults,
    )


def _without_faults(home: Home, study: Study) -> DictionaryRows:
    rows = examine_dictionary(home, study)
    if rows.faults:
        raise SettingsError(rows.faults)
    return rows


def rows_of_source(rows: Iterable[Row], source_id: str) -> list[Row]:
    """Rows that apply to a source; a variable's rows for it alone win over those for all."""
    kept = [row for row in rows if row.source in (None, source_id)]
    own = {row.variable for row in kept if row.source is not None}
    return [row for row in kept if row.source is not None or row.variable not in own]


def _read_declared(
    home: Home, study: Study, source_id: str | None, declared: Dictionary
) -> DictionaryRows:
    """A dictionary in a format of its own, for the whole study or for one source."""
    where = f"studies/{study.id}/study.yaml, dictionary"
    if source_id is not None:
        where = f"studies/{study.id}/study.yaml, sources.{source_id}.dictionary"
    found: dict[str, list[Path]] = {}
    faults = []
    for part, globs in (("fields", declared.fields), ("codings", declared.codings)):
        found[part] = []
        for glob in globs:
            files = _files(home, study, glob)
            found[part] += files
            if not files:
                faults.append(
                    Fault(
                        f"{where}.{part}",
                        f"no file matches '{glob}'",
                        "a file below the study pack or its delivery folder",
                    )
                )
    if not declared.fields:
        faults.append(Fault(f"{where}.fields", "no file is named", "the dictionary's file"))
    if faults:
        return DictionaryRows(faults=faults)
    try:
        rows = _read_format(declared, found["fields"], found["codings"])
    except UserError as error:
        return DictionaryRows(faults=list(error.faults))
    if source_id is None:
        return rows
    return DictionaryRows(
        [replace(row, source=source_id) for row in rows.variables],
        [replace(row, source=source_id) for row in rows.codes],
        rows.faults,
    )


def _read_format(
    declared: Dictionary, fields: Sequence[Path], codings: Sequence[Path]
) -> DictionaryRows:
    """Variables and codes of a dictionary file; each format has a module of its own."""
    name = declared.format
    if name == "dbgap":
        from biobraid.ingest.dictionaries.dbgap import read_dbgap

        return read_dbgap(fields)
    if name == "nda":
        from biobraid.ingest.dictionaries.nda import read_nda

        return read_nda(fields)
    if name == "codes":
        from biobraid.ingest.dictionaries.code_list import read_code_list

        return read_code_list(fields, declared)
    if name == "ukb-showcase":
        from biobraid.ingest.dictionaries.ukb_showcase import read_showcase

        variables, codes = read_showcase(fields, codings)
        return DictionaryRows(list(variables), list(codes))
    if name == "redcap":
        from biobraid.ingest.dictionaries.redcap import read_redcap

        return read_redcap(fields, codings)
    raise ValueError(f"there is no reader of dictionaries in format {name}")


def _files(home: Home, study: Study, glob: str) -> Sequence[Path]:
    """Files that match below the study pack, else below the delivery folder."""
    for folder in (home.studies / study.id, delivery_folder(home, study.id)):
        files = sorted(p for p in folder.glob(glob) if p.is_file()) if folder.is_dir() else []
        if files:
            return files
    return []


def _mapped_codes(home: Home, study: Study, source_id: str) -> list[tuple[str, str]]:
    """(variable, code) that mapping.csv speaks of; a faulty file is `ingest.mappings`' matter."""
    from biobraid.ingest.mappings import MAPPING_COLUMNS, REQUIRED_COLUMNS

    path = home.studies / study.id / "mapping.csv"
    read = read_csv_rows(path, "mapping.csv", REQUIRED_COLUMNS, MAPPING_COLUMNS)
    own = [
        (row["variable"], row["source_code"])
        for _, row in read.rows
        if row["source_code"] and row["source"] in ("*", "", source_id)
    ]
    return own + shipped_codes(study.sources[source_id].connector)
