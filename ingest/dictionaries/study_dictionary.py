"""A study's dictionary, whatever its format, as it applies to each of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from biobraid.core.errors import Fault, SettingsError, UserError
from biobraid.core.home import Home
from biobraid.core.study import Study, delivery_folder
from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.csv_rows import read_csv_rows
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows, read_dictionary_csv
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow

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
        )
        for row in rows_of_source(dictionary.variables, source_id)
    }


def read_dictionary(home: Home, study: Study) -> tuple[list[VariableRow], list[CodeRow]]:
    """Variables and codes of the study; SettingsError with all faults of its dictionary.

    A study's own format is read first; a row of dictionary.csv beside it adds a variable or
    stands in for one, its codes included. A study without a dictionary has no variables.
    """
    rows = _without_faults(home, study)
    return rows.variables, rows.codes


def examine_dictionary(home: Home, study: Study) -> DictionaryRows:
    """Like `read_dictionary`, but gives the faults along with what could be read."""
    pack = home.studies / study.id
    shipped = DictionaryRows()
    if study.dictionary.format == "ukb-showcase":
        shipped = _read_showcase(home, study)
    path = pack / "dictionary.csv"
    if not path.is_file():
        return shipped
    own = read_dictionary_csv(path, f"studies/{study.id}/dictionary.csv", study.sources)
    replaced = {(row.source, row.variable) for row in own.variables}
    return DictionaryRows(
        [v for v in shipped.variables if (v.source, v.variable) not in replaced] + own.variables,
        [c for c in shipped.codes if (c.source, c.variable) not in replaced] + own.codes,
        shipped.faults + own.faults,
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


def _read_showcase(home: Home, study: Study) -> DictionaryRows:
    from biobraid.ingest.dictionaries.ukb_showcase import read_showcase

    where = f"studies/{study.id}/study.yaml, dictionary"
    declared = study.dictionary
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
        faults.append(Fault(f"{where}.fields", "no file is named", "the Showcase field list"))
    if faults:
        return DictionaryRows(faults=faults)
    try:
        variables, codes = read_showcase(found["fields"], found["codings"])
    except UserError as error:
        return DictionaryRows(faults=list(error.faults))
    return DictionaryRows(list(variables), list(codes))


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
    return [
        (row["variable"], row["source_code"])
        for _, row in read.rows
        if row["source_code"] and row["source"] in ("*", "", source_id)
    ]
