"""UK Biobank's main table as the research platform exports it: one row a person, p<field> names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import DelimitedFile, date, joined, listed, number, pick, where
from biobraid.ingest.sample.draws import Ints
from biobraid.ingest.sample.hospital import Admissions, first_diagnoses
from biobraid.ingest.sample.identities import CANARY_KIN, CANARY_SURNAMES
from biobraid.ingest.sample.illness import DISEASES, INDEX
from biobraid.ingest.sample.main_answers import (
    ISO,
    SELF_REPORT_SLOTS,
    background,
    interview,
    visit_cells,
)
from biobraid.ingest.sample.people import NEVER, People
from biobraid.ingest.sample.planted import (
    BLANK_EID_AFTER,
    CANARIES,
    DUPLICATE_EID,
    RAGGED_LONG,
    RAGGED_SHORT,
    UNKNOWN_ALCOHOL,
    UNKNOWN_SMOKING,
    Planted,
)

FILE = "main/ukb900001.csv"
N_DIAGNOSES = 6  # array slots of field 41280 that are exported


def columns() -> list[str]:
    """The header."""
    return [
        "eid", "p31", "p34", "p52", *_instances("53"), *_instances("54"), "p190", "p191",
        "p21000_i0", *_instances("21001"), *_instances("50"), *_instances("21002"),
        *(f"p{f}_i{i}_a{a}" for f in ("4080", "4079") for i in (0, 1, 2) for a in (0, 1)),
        *_instances("20116"), *_instances("1239"), *_instances("1558"), *_instances("1289"),
        "p6138_i0", "p738_i0", *_instances("2443"), "p6150_i0",
        *(f"p20002_i0_a{a}" for a in range(SELF_REPORT_SLOTS)),
        *(f"p20003_i0_a{a}" for a in range(SELF_REPORT_SLOTS)),
        "p30690_i0", "p30690_i1", "p30750_i0", "p30750_i1", "p30740_i0", "p30740_i1",
        "p22189", "p20118_i0", "p6023_i0", "p20252_i2", "p41270",
        *(f"p41280_a{a}" for a in range(N_DIAGNOSES)), "p40000_i0", "p40001_i0", "p99999_i0",
    ]  # fmt: skip


def _instances(field: str) -> list[str]:
    return [f"p{field}_i{i}" for i in (0, 1, 2)]


def write_main(out: DelimitedFile, block: People, adm: Admissions, planted: Planted) -> None:
    """Append the block's ukdemo persons to the main table, with its planted faults."""
    rows = np.flatnonzero(block.part.in_ukdemo)
    cells = {
        "eid": number(block.identity.eid[rows]),
        **background(block, rows),
        **visit_cells(block, rows),
        **interview(block, rows),
        **_summaries(block, adm, rows, planted),
    }
    numbers = block.draws.numbers[rows]
    out.write(cells, lambda lines: _spoil(lines, numbers, planted))


def _summaries(block: People, adm: Admissions, rows: Ints, planted: Planted) -> dict[str, pa.Array]:
    """Fields filled in from elsewhere: diagnoses, death, images, a text, an undeclared column."""
    eid = number(block.identity.eid[rows])
    first, codes = first_diagnoses(adm, len(block.draws.numbers))
    first = first[rows]
    rank = np.cumsum(~np.isnat(first), axis=1)
    shown = ~np.isnat(first) & (rank <= N_DIAGNOSES)
    cells = {"p41270": listed([where(shown[:, c], code, None) for c, code in enumerate(codes)])}
    for a in range(N_DIAGNOSES):
        here = shown & (rank == a + 1)
        slot = here.argmax(axis=1)
        day = first[np.arange(len(rows)), slot]
        cells[f"p41280_a{a}"] = date(np.where(here.any(axis=1), day, NEVER), ISO)
    death = block.part.death[rows]
    cells["p40000_i0"] = date(death, ISO)
    cells["p40001_i0"] = pick(
        [d.icd10 for d in DISEASES], cause_of_death(block)[rows], np.isnat(death)
    )
    imaged = ~np.isnat(block.part.visits[2][rows])
    cells["p20252_i2"] = where(imaged, joined([eid, "_20252_2_0.zip"]), None)
    cells["p6023_i0"] = _remarks(block, rows, planted)
    cells["p99999_i0"] = where(block.draws.at(rows).chance("stray", 0.5), "1", None)
    n_stray = _n_in_whole_rows(cells["p99999_i0"], block.draws.numbers[rows])
    planted.count("undeclared-column", "ukdemo", FILE, "p99999_i0", n_stray)
    return cells


def _remarks(block: People, rows: Ints, planted: Planted) -> pa.Array:
    """A text field that nobody declared; the operator sometimes wrote a name."""
    draws = block.draws.at(rows)
    says = where(draws.chance("remark", 0.2), "Cycle rising to 30% level", None)
    at = np.isin(block.draws.numbers[rows], CANARIES)
    text = where(at, f"Stopped early; {CANARY_SURNAMES[0]} rang {CANARY_KIN}", says)
    planted.count("canary-in-text", "ukdemo", FILE, "p6023_i0", int(at.sum()))
    n_text = _n_in_whole_rows(text, block.draws.numbers[rows])
    planted.count("undeclared-free-text", "ukdemo", FILE, "p6023_i0", n_text)
    if at.any():
        for name in (CANARY_SURNAMES[0], CANARY_KIN):
            planted.canary("surname", name, "ukdemo", FILE, "p6023_i0")
    return text


def _n_in_whole_rows(cells: pa.Array, numbers: Ints) -> int:
    """Filled cells, without those of the rows that are rejected whole."""
    whole = ~np.isin(numbers, (RAGGED_SHORT, RAGGED_LONG))
    return int((np.asarray(cells.is_valid()) & whole).sum())


def cause_of_death(block: People) -> Ints:
    """Disease a person died of: a grave one they had, else pneumonia."""
    grave = [INDEX[n] for n in ("mi", "stroke", "colon_cancer", "heart_failure", "copd")]
    had = block.illness.onset[:, grave] < block.part.death[:, None]
    return np.where(had.any(axis=1), np.array(grave)[had.argmax(axis=1)], INDEX["pneumonia"])


def _spoil(lines: list[str], numbers: Ints, planted: Planted) -> list[str]:
    """The lines, with those broken whose persons carry a fault of the main table."""
    header = columns()
    out = []
    for line, who in zip(lines, numbers.tolist(), strict=True):
        fault = _FAULTS.get(who)
        if fault is None:
            out.append(line)
            continue
        kind, column = fault
        cells = line.split(",")
        if kind == "unknown-code":
            cells[header.index(column)] = "17"
        elif who == RAGGED_SHORT:
            cells = cells[:-3]
        elif who == RAGGED_LONG:
            cells += ["1", "2"]
        out.append(",".join(cells))
        if kind == "duplicate-eid":
            out.append(line)
        elif kind == "blank-person-id":
            out.append(",".join(["", *cells[1:]]))
        planted.count(kind, "ukdemo", FILE, column)
    return out


_FAULTS = {
    RAGGED_SHORT: ("ragged-row", ""),
    RAGGED_LONG: ("ragged-row", ""),
    DUPLICATE_EID: ("duplicate-eid", ""),
    UNKNOWN_SMOKING: ("unknown-code", "p20116_i0"),
    UNKNOWN_ALCOHOL: ("unknown-code", "p1558_i0"),
    BLANK_EID_AFTER: ("blank-person-id", ""),  # a second line, without the id
}
