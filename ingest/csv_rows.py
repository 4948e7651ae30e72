"""Small declared CSV files (dictionary.csv, mapping.csv) as rows with their line numbers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from biobraid.core.errors import Fault, near_misses


@dataclass(frozen=True)
class CsvRows:
    """Rows of a declared CSV: (line of the file, column -> trimmed text), and what is wrong.

    A file with a fault in its header has no rows.
    """

    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_csv_rows(
    path: Path, where: str, required: Sequence[str], optional: Sequence[str] = ()
) -> CsvRows:
    """Rows of a UTF-8 CSV whose columns are all known; missing optional columns read as ''.

    where: how faults name the file. Lines that are blank or start with # are skipped.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return CsvRows(faults=[Fault(where, "is not UTF-8", "a CSV file in UTF-8")])
    except FileNotFoundError:
        return CsvRows(faults=[Fault(where, "the file is missing")])
    reader = csv.reader(text.splitlines(keepends=True))
    header = [name.strip() for name in next(reader, [])]
    faults = _header_faults(header, where, required, optional)
    if faults:
        return CsvRows(faults=faults)
    rows = []
    for cells in reader:
        if not any(cell.strip() for cell in cells) or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            faults.append(
                Fault(
                    f"{where}, line {reader.line_num}",
                    f"has {len(cells)} fields",
                    f"{len(header)} fields, as the header has",
                    "Put a field that holds a comma in double quotes.",
                )
            )
            continue
        row = dict.fromkeys(optional, "") | dict(
            zip(header, (cell.strip() for cell in cells), strict=True)
        )
        rows.append((reader.line_num, row))
    return CsvRows(rows, faults)


def _header_faults(
    header: list[str], where: str, required: Sequence[str], optional: Sequence[str]
) -> list[Fault]:
    known = [*required, *optional]
    faults = []
    for name in sorted({n for n in header if header.count(n) > 1}):
        faults.append(Fault(f"{where}, header", f"column '{name}' stands there twice"))
    for name in dict.fromkeys(header):
        if name not in known:
            missing = [k for k in known if k not in header]
            faults.append(
                Fault(
                    f"{where}, header",
                    f"there is no column '{name}'",
                    f"columns among {', '.join(known)}",
                    suggestions=near_misses(name, missing),
                )
            )
    for name in required:
        if name not in header:
            faults.append(Fault(f"{where}, header", f"column '{name}' is missing"))
    return faults
