"""The REDCap project: its export agrees with its dictionary, and branching hides what truth says."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import biobraid
from biobraid.ingest.sample import EFFECTS
from biobraid.ingest.sample.mindwell import COLUMNS
from biobraid.ingest.sample.mindwell_answers import FILE
from tests.sample.conftest import Sample

DICTIONARY = Path(biobraid.__file__).parent / "studies/mindwell/dictionary"


def export(sample: Sample) -> list[dict[str, str]]:
    with (sample.deliveries / "mindwell" / FILE).open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def fields() -> list[dict[str, str]]:
    path = DICTIONARY / "MindWell_DataDictionary_2023-02-01.csv"
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def test_the_export_has_the_columns_of_its_dictionary(sample: Sample) -> None:
    expected = set()
    for field in fields():
        assert len(field) == 18
        name = field["Variable / Field Name"]
        if field["Field Type"] == "checkbox":
            codes = [c.split(",")[0].strip() for c in
                     field["Choices, Calculations, OR Slider Labels"].split("|")]  # fmt: skip
            expected |= {f"{name}___{code.replace('-', '_')}" for code in codes}
        else:
            expected.add(name)
    forms = {field["Form Name"] for field in fields()}
    own = {name for name in COLUMNS if not name.startswith("redcap_")}
    assert own == expected | {f"{form}_complete" for form in forms}
    assert tuple(export(sample)[0]) == COLUMNS


def test_branching_hides_as_many_cells_as_truth_says(sample: Sample) -> None:
    rows, hidden = export(sample), Counter[str]()
    sex = {r["record_id"]: r["sex"] for r in rows if r["sex"]}
    for r in rows:
        if r["lifestyle_complete"]:
            hidden["cigs_per_day"] += r["smoke_now"] != "1"
            hidden["smoke_ever"] += r["smoke_now"] != "0"
            hidden["pregnant"] += sex[r["record_id"]] != "1"
            for code in ("1", "2", "3", "_1"):
                hidden[f"drinks___{code}"] += not int(r["alcohol"]) < 6
                assert int(r["alcohol"]) < 6 or r[f"drinks___{code}"] == "0"
        if r["phq9_complete"] == "2":
            hidden["phq10"] += not (int(r["phq1"]) > 0 or int(r["phq2"]) > 0)
        if r["enrolment_complete"]:
            hidden["website"] += r["joined_by"] != "2"
        if r["redcap_repeat_instrument"]:
            hidden["med_stop_date"] += r["med_stopped"] != "1"
    expected = sample.expected("mindwell")
    assert hidden == {what: n for (what, state), n in expected.items() if state == "not-asked"}
    for name, n in hidden.items():
        if "___" not in name:
            empty = sum(not r[name] for r in rows)
            assert empty >= n


def test_repeats_belong_to_the_baseline_and_weights_have_a_comma(sample: Sample) -> None:
    rows = export(sample)
    repeats = [r for r in rows if r["redcap_repeat_instrument"]]
    assert {r["redcap_event_name"] for r in repeats} == {"baseline_arm_1"}
    assert {r["redcap_repeat_instance"] for r in repeats} >= {"1", "2"}
    assert sum("," in r["weight_kg"] for r in rows) > 0.8 * sum(bool(r["weight_kg"]) for r in rows)
    assert {r["redcap_data_access_group"] for r in rows} == {"hill_clinic", "lake_clinic"}
    odd = [r for r in rows if r["redcap_event_name"] == "month_6_arm_2"]
    assert len(odd) == 1


def test_items_add_up_and_depression_shows(sample: Sample) -> None:
    rows = [r for r in export(sample) if r["phq_total"]]
    for r in rows:
        assert sum(int(r[f"phq{i}"]) for i in range(1, 10)) == int(r["phq_total"])
    truth = sample.persons()
    has = dict(zip(truth["mindwell_id"], truth["onset_depression"], strict=True))
    ill = np.array([has[r["record_id"]] is not None for r in rows])
    score = np.array([int(r["phq_total"]) for r in rows], dtype=float)
    difference = score[ill].mean() - score[~ill].mean()
    assert difference == pytest.approx(EFFECTS["phq9_depression"], abs=0.9)
