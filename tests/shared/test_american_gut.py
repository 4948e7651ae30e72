"""American Gut's mapping file: two forms of dates in a column, controls, placeholder ids."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path

import pytest

from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import deliver

pytestmark = [pytest.mark.shared]

OPTIONS = {
    "delimiter": "tab",
    "columns": {"#SampleID": "sample"},
    "null_values": ["None", "no_data"],
    "ignore": {"BODY_SITE": [""]},  # blanks and controls
    "placeholder_ids": [r"\d+:unknown"],
    "time": {"column": "COLLECTION_DATE", "kind": "date", "two_digit_until": 2029},
}
VARIABLES = [Variable(name, value_type="number") for name in ("HEIGHT_IN", "WEIGHT_LBS", "AGE")]


def _day(text: str) -> str:
    form = "%m/%d/%Y" if len(text.split("/")[2]) == 4 else "%m/%d/%y"
    return datetime.strptime(text, form).date().isoformat()


def test_every_sample_of_a_known_person_has_its_day(shared_data: Path) -> None:
    path = shared_data / "american_gut" / "AG_100nt.txt.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    got = deliver(
        path, None, options=OPTIONS, variables=VARIABLES, person_id="HOST_SUBJECT_ID",
        record_key=["sample"], date_order="mdy",
    )  # fmt: skip
    controls = [r for r in rows if r["BODY_SITE"] in ("None", "no_data", "")]
    real = [r for r in rows if r not in controls]
    nobody = [r for r in real if r["HOST_SUBJECT_ID"].endswith(":unknown")]
    assert got.books == (202, 202 - len(controls) - len(nobody), len(nobody), len(controls))
    known = [r for r in real if r not in nobody]
    days = {row[:2] for row in got.rows("raw.value", "record_id", "start_time")}
    assert sorted(str(day) for _, day in days) == sorted(_day(r["COLLECTION_DATE"]) for r in known)
    assert len(got.identities) == len({r["HOST_SUBJECT_ID"] for r in known})
    forms = {len(r["COLLECTION_DATE"].split("/")[2]) for r in known}
    assert forms == {2, 4}, "both forms are there"
