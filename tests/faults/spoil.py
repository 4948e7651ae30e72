"""A few bad records in an otherwise good file, of every kind that is refused or warned of."""

from __future__ import annotations

from tests.faults.bank import CANARY, Table

# Line of the file (header = 1) -> what is wrong with it.
RAGGED, NO_SUCH_DAY, UNKNOWN_CODE, LATIN_1, SHORT, NOBODY = 4, 6, 8, 10, 13, 15
DATE = {"visit": "visit_date", "main": "53-0.0"}
CODE = {"visit": "smoker", "main": "20116-0.0"}
NEW_CODE = "7"


def spoiled_records(table: Table) -> bytes:
    """The table with a record of each kind; the canary stands in each record that is refused."""
    day = "31/02/2024" if table.source == "visit" else "2008-02-31"
    table = table.spoiled(NO_SUCH_DAY - 2, DATE[table.source], day)
    table = table.spoiled(UNKNOWN_CODE - 2, CODE[table.source], NEW_CODE)
    table = table.spoiled(LATIN_1 - 2, table.header[3], f"{CANARY}#")
    table = table.spoiled(NOBODY - 2, table.header[0], "")
    lines = table.text().encode().splitlines()
    mark = table.delimiter.encode()
    lines[RAGGED - 1] += mark + CANARY.encode()
    lines[LATIN_1 - 1] = lines[LATIN_1 - 1].replace(b"#", "é".encode("latin-1"))
    lines[SHORT - 1] = CANARY.encode()
    return b"\n".join(lines) + b"\n"
