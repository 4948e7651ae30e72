"""Reading the files that come with a connector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from biobraid.ingest.csv_rows import CsvRows, read_csv_rows
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows, read_dictionary_csv

_FOLDER = Path(__file__).parent
# Connectors that land the same variables and codes as another.
_SAME_AS = {"imaging_index": "dicom", "wfdb": "dicom"}


def _folder_of(connector: str) -> Path:
    return _FOLDER / _SAME_AS.get(connector, connector)


def shipped_dictionary(connector: str, source_id: str) -> DictionaryRows:
    """Variables and codes that the connector's format fixes, for one source; may be empty."""
    path = _folder_of(connector) / "dictionary.csv"
    if not path.is_file():
        return DictionaryRows()
    rows = read_dictionary_csv(path, shipped_name(connector, "dictionary.csv"), ())
    return DictionaryRows(
        [replace(row, source=source_id) for row in rows.variables],
        [replace(row, source=source_id) for row in rows.codes],
        rows.faults,
    )


def shipped_mapping(connector: str) -> CsvRows:
    """Rows of the connector's mapping.csv, with line numbers; `source` is empty in all."""
    from biobraid.ingest.mappings import MAPPING_COLUMNS, REQUIRED_COLUMNS

    path = _folder_of(connector) / "mapping.csv"
    if not path.is_file():
        return CsvRows()
    where = shipped_name(connector, "mapping.csv")
    return read_csv_rows(path, where, REQUIRED_COLUMNS, MAPPING_COLUMNS)


def shipped_codes(connector: str) -> list[tuple[str, str]]:
    """(variable, code) that the connector's mapping speaks of."""
    rows = shipped_mapping(connector).rows
    return [(row["variable"], row["source_code"]) for _, row in rows if row["source_code"]]


def shipped_name(connector: str, name: str) -> str:
    """How messages call a shipped file."""
    return f"biobraid's own {connector}/{name}"
