"""A list of codes with their meanings: any CSV or TSV, gzip too, whose columns study.yaml names."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.study import Dictionary
from biobraid.ingest.dictionaries.dictionary_csv import DictionaryRows
from biobraid.ingest.dictionaries.meanings import absent_reason_of
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow


def read_code_list(paths: Sequence[Path], declared: Dictionary) -> DictionaryRows:
    """One variable or code system, with the codes of all the files; a code counts as first met.

    SettingsError: a file that is no text, is damaged, or lacks a column.
    """
    variable, code, meaning = declared.variable, declared.code, declared.meaning
    if variable is None or code is None or meaning is None:
        raise ValueError("a code list without variable, code and meaning")
    codes: dict[str, CodeRow] = {}
    for path in paths:
        reader = csv.DictReader(StringIO(_text(path), newline=""), delimiter=_delimiter(path))
        header = list(reader.fieldnames or [])
        missing = [name for name in (code, meaning) if name not in header]
        if missing:
            raise SettingsError(
                [
                    Fault(
                        path.name, f"there is no column '{name}'", "", "", near_misses(name, header)
                    )
                    for name in missing
                ]
            )
        for row in reader:
            given, means = (row[code] or "").strip(), (row[meaning] or "").strip() or None
            if given:
                codes.setdefault(given, CodeRow(variable, given, means, absent_reason_of(means)))
    row_of = VariableRow(variable, value_type="code")
    return DictionaryRows([row_of], list(codes.values()))


def _text(path: Path) -> str:
    data = path.read_bytes()
    try:
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except (OSError, EOFError):
        raise SettingsError(Fault(path.name, "the compressed data is damaged")) from None
    except UnicodeDecodeError:
        raise SettingsError(Fault(path.name, "is not UTF-8", "a text file in UTF-8")) from None


def _delimiter(path: Path) -> str:
    return "\t" if {".tsv", ".txt"} & set(path.suffixes) else ","
