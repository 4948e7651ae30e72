"""Regenerate quality/checks/rules.csv from OHDSI's threshold files.

python scripts/check_rules.py FOLDER   (with OMOP_CDMv5.4_{Table,Field,Concept}_Level.csv)
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from biobraid.quality.checks.dqd_files import COLUMNS, read_dqd_file

TARGET = Path(__file__).parent.parent / "quality" / "checks" / "rules.csv"


def main(folder: Path) -> None:
    """Write the rules, tables first, in the order of OHDSI's files."""
    rows = [
        row
        for level in ("Table", "Field", "Concept")
        for row in read_dqd_file(folder / f"OMOP_CDMv5.4_{level}_Level.csv")
    ]
    with TARGET.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
