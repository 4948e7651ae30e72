"""Delivered files have the headers, dates and codes of the real ones."""

from __future__ import annotations

import gzip
import re

import pytest

from biobraid.ingest.connectors.ukb_columns import is_main_table
from tests.sample.conftest import Sample


def header(sample: Sample, study: str, name: str, delimiter: str) -> list[str]:
    path = sample.deliveries / study / name
    with gzip.open(path, "rt") if name.endswith(".gz") else path.open(encoding="latin-1") as lines:
        return lines.readline().rstrip("\n").split(delimiter)


def test_the_main_table_is_named_as_on_the_research_platform(sample: Sample) -> None:
    columns = header(sample, "ukdemo", "main/ukb900001.csv", ",")
    assert is_main_table(columns, "eid")
    assert {"p31", "p53_i2", "p4080_i0_a1", "p6138_i0", "p41270", "p41280_a0"} <= set(columns)
    assert len(columns) == len(set(columns))


@pytest.mark.parametrize(
    ("name", "width", "some"),
    [
        ("hes/hesin.txt", 42, {"eid", "ins_index", "epistart", "admidate", "disdest", "carersi"}),
        ("hes/hesin_diag.txt", 8, {"eid", "arr_index", "level", "diag_icd9", "diag_icd10"}),
        ("hes/hesin_oper.txt", 11, {"eid", "opdate", "oper3", "oper4", "preopdur"}),
        ("death/death.txt", 5, {"eid", "ins_index", "dsource", "source", "date_of_death"}),
        ("death/death_cause.txt", 5, {"eid", "arr_index", "level", "cause_icd10"}),
        ("gp/gp_clinical.txt", 8, {"eid", "data_provider", "event_dt", "read_2", "value3"}),
        ("gp/gp_scripts.txt", 8, {"eid", "issue_date", "bnf_code", "dmd_code", "quantity"}),
        ("gp/gp_registrations.txt", 4, {"eid", "reg_date", "deduct_date"}),
    ],
)
def test_record_tables_have_their_columns(
    sample: Sample, name: str, width: int, some: set[str]
) -> None:
    columns = header(sample, "ukdemo", name, "\t")
    assert len(columns) == width
    assert some <= set(columns)


def test_withdrawals_have_no_header(sample: Sample) -> None:
    lines = (sample.deliveries / "ukdemo/withdrawals/w12345_20240115.csv").read_text().split()
    assert len(lines) == 2
    assert all(re.fullmatch(r"\d{7}", line) for line in lines)


def test_days_are_written_as_each_table_writes_them(sample: Sample) -> None:
    visits = (sample.deliveries / "ukdemo/main/ukb900001.csv").read_text().splitlines()
    place = visits[0].split(",").index("p53_i0")
    assert re.fullmatch(r"20(0[6-9]|10)-\d\d-\d\d", visits[1].split(",")[place])
    death = (sample.deliveries / "ukdemo/death/death.txt").read_text().splitlines()[1]
    assert re.search(r"\t\d\d/\d\d/20\d\d$", death)
    baseline = (sample.deliveries / "riverside/baseline.csv").read_text("latin-1").splitlines()
    assert re.fullmatch(r"(0\d|1[0-2])/\d\d/19\d\d", baseline[1].split(";")[4])


def test_riverside_ids_keep_leading_zeros_and_names_their_accents(sample: Sample) -> None:
    text = (sample.deliveries / "riverside/baseline.csv").read_bytes()
    ids = [line.split(b";")[0] for line in text.splitlines()[1:]]
    assert all(re.fullmatch(rb"00\d{6}", i) for i in ids)
    assert b"\xfc" in text  # Müller in latin-1
    with pytest.raises(UnicodeDecodeError):
        text.decode("utf-8")


def test_about_two_in_five_have_records_of_their_practice(sample: Sample) -> None:
    truth = sample.persons()
    linked = sum(map(bool, truth["gp_linked"])) / sample.summary.ukdemo_persons
    assert 0.33 < linked < 0.55


def test_fewer_come_back_at_each_visit(sample: Sample) -> None:
    truth = sample.persons()
    came = [sum(d is not None for d in truth[f"visit{i}"]) for i in (0, 1, 2)]
    assert came[0] > came[2] > came[1] > 0


def test_nothing_is_recorded_of_the_dead(sample: Sample) -> None:
    truth = sample.persons()
    for i in (1, 2):
        for visit, death in zip(truth[f"visit{i}"], truth["death_date"], strict=True):
            assert visit is None or death is None or visit < death
