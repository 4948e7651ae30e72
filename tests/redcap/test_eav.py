"""EAV exports: a line for each cell, the same facts as the flat export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biobraid.ingest.connectors import redcap_eav
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_project import make_project
from tests.redcap.delivery import Delivered, job, read, variables
from tests.redcap.delivery import dictionary as write_dictionary

FIELDS = """
    pid; base; text
    sex; base; radio; 0, F | 1, M
    births; base; text; ; integer; ; [sex] = '0'
    meds; base; checkbox; 1, one | -1, none
    sbp; bp; text; ; integer
    said; bp; notes
"""
FLAT = """
    pid,redcap_repeat_instrument,redcap_repeat_instance,sex,births,meds___1,meds____1,base_complete,sbp,said,bp_complete
    a,,,1,,1,,2,,,
    a,bp,1,,,,,,120,hello,2
    a,bp,2,,,,,,121,,2
    b,,,0,2,,1,2,,,
"""
EAV = """
    record,redcap_repeat_instrument,redcap_repeat_instance,field_name,value
    a,,,pid,a
    a,,,sex,1
    a,,,meds,1
    a,,,base_complete,2
    a,bp,1,sbp,120
    a,bp,1,said,hello
    a,bp,1,bp_complete,2
    b,,,sex,0
    b,,,births,2
    a,bp,2,sbp,121
    a,bp,2,bp_complete,2
    b,,,meds,-1
    b,,,base_complete,2
"""
COLUMNS = ("record_id", "row_id", "variable", "value", "instance", "absent_reason",
           "survey_record_id")  # fmt: skip


def _read(tmp_path: Path, text: str) -> Delivered:
    known = variables([write_dictionary(tmp_path / "dictionary.csv", FIELDS)])
    return read(tmp_path / "data.csv", known, text)


def test_both_forms_of_an_export_give_the_same_facts(tmp_path: Path) -> None:
    flat, eav = _read(tmp_path, FLAT), _read(tmp_path, EAV)
    assert eav.rows("raw.value", *COLUMNS) == flat.rows("raw.value", *COLUMNS)
    assert eav.rows("raw.event", "row_id", "code") == flat.rows("raw.event", "row_id", "code")
    assert eav.books == flat.books == (4, 4, 0, 0)
    assert eav.ignored == flat.ignored == {"free-text-undeclared": 1}


def test_records_may_stand_in_several_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _read(tmp_path, EAV)
    monkeypatch.setattr(redcap_eav, "ROWS_PER_BLOCK", 1)
    parts = _read(tmp_path, EAV)
    assert parts.rows("raw.value", *COLUMNS) == whole.rows("raw.value", *COLUMNS)
    assert parts.books == whole.books


def test_a_cell_delivered_twice_keeps_the_later_and_counts_the_other(tmp_path: Path) -> None:
    found = _read(
        tmp_path, "record,field_name,value\na,sex,0\na,sex,1\n,sex,1\na,,1\nb,sex\nb,sex,0"
    )
    assert found.values() == [("sex", "0"), ("sex", "1")]
    assert found.rejects == [
        (2, "sex", "duplicate-key"),
        (4, "field_name", "missing-record-or-field"),
        (5, "field_name", "missing-record-or-field"),
        (6, None, "ragged-row"),
    ]
    assert found.books == (3, 2, 1, 0)


def test_fields_and_codes_the_dictionary_lacks_are_counted(tmp_path: Path) -> None:
    text = "record,field_name,value\na,sex,0\na,odd,5\na,meds,Zzyzx\na,meds,-1"
    found = _read(tmp_path, text)
    assert found.ignored == {"undeclared-column": 1}
    assert found.rejects == [(4, "meds", "unknown-code")]
    assert found.values() == [("meds____1", "1"), ("sex", "0")]
    assert "zzyzx" not in str(found.tally).lower(), "a cell's value is no name"


@pytest.mark.slow
def test_a_big_export_is_sorted_within_the_workers_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More text than the sorter may hold, its lines in no order: every cell is in its row."""
    monkeypatch.setattr(redcap_eav, "ROWS_PER_BLOCK", 700)
    n, fields = 10_000, [f"f{i}" for i in range(25)]
    order = np.random.default_rng(1).permutation(n * len(fields))
    pad = "x" * 1200
    path = tmp_path / "eav.csv"
    with path.open("w", encoding="utf-8") as out:
        out.write("record,field_name,value\n")
        out.writelines(f"r{i // 25},f{i % 25},{i}:{i ^ 99}{pad}\n" for i in order)
    known = variables([write_dictionary(tmp_path / "dictionary.csv", FIELDS)])
    made = replace(job(path, known), memory_gb=0.1, tmp=tmp_path / "tmp")
    project = make_project(made.variables, "toy")
    export = redcap_eav.EavExport(made, RedcapOptions(), project)
    [limit] = export._con.execute("SELECT current_setting('memory_limit')").fetchone() or [""]
    assert limit == "238.4 MiB"
    n_rows = 0
    for block in export.blocks():
        n_rows += block.n_rows
        record = np.array([int(r[1:]) for r in block.column("pid").to_pylist()])
        for i, name in enumerate(fields):
            place = record * 25 + i
            wanted = [f"{p}:{p ^ 99}{pad}" for p in place.tolist()]
            assert block.column(name).to_pylist() == wanted
    assert n_rows == n
