"""What truth says: overlaps, links, planted defects counted in the files, effects to recover."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from biobraid.ingest.sample import DEFECTS, EFFECTS, MIN_PERSONS
from biobraid.ingest.sample.fhir.paths import FIRST
from biobraid.ingest.sample.identities import check_digits
from tests.sample.conftest import Sample, make_sample

Floats = npt.NDArray[np.float64]


def rows(path: Path, delimiter: str = ",", encoding: str = "utf-8") -> Iterator[dict[str, str]]:
    lines = (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding=encoding, newline="")
    with lines:
        yield from csv.DictReader(lines, delimiter=delimiter)


def of(sample: Sample, column: str) -> Floats:
    return np.array(sample.persons()[column], dtype=float)


def test_a_quarter_of_riverside_is_also_in_ukdemo(sample: Sample) -> None:
    truth = sample.persons()
    both = sum(a and b for a, b in zip(truth["in_ukdemo"], truth["in_riverside"], strict=True))
    assert both == sample.summary.in_both
    assert sum(map(bool, truth["in_ukdemo"])) == sample.summary.ukdemo_persons
    assert 0.21 < both / sample.summary.riverside_persons < 0.29


def test_overlapping_people_are_linkable_by_map_by_number_or_not_at_all(sample: Sample) -> None:
    links = Counter(sample.persons()["expected_link"])
    assert sum(n for how, n in links.items() if how) == sample.summary.in_both
    on_map = {
        (r["participant_id"], r["ukdemo_eid"])
        for r in rows(sample.deliveries / "riverside" / "link_to_ukdemo.csv")
    }
    truth = sample.persons()
    expected = {
        (p, str(e))
        for p, e, how in zip(
            truth["riverside_id"], truth["eid"], truth["expected_link"], strict=True
        )
        if how == "map"
    }
    assert on_map == expected
    assert 0.05 < links["map"] / sample.summary.in_both < 0.16
    assert 0.45 < links["nhs"] / sample.summary.in_both < 0.75


def test_numbers_that_agree_and_are_corroborated_belong_to_one_person(sample: Sample) -> None:
    """The rule of the strong key, tried on the files: it finds 'nhs' and nothing false."""
    truth = sample.persons()
    by_eid = dict(zip(truth["eid"], truth["riverside_id"], strict=True))
    expected = {
        (e, r)
        for e, r, how in zip(
            truth["eid"], truth["riverside_id"], truth["expected_link"], strict=True
        )
        if how == "nhs"
    }
    register = {
        r["nhs_number"].replace(" ", ""): r
        for r in rows(sample.deliveries / "ukdemo" / "enrolment" / "register.csv")
        if r["nhs_number"]
    }
    found = set()
    for r in rows(sample.deliveries / "riverside" / "baseline.csv", ";", "latin-1"):
        other = register.get(r["nhs_no"])
        if other is None:
            continue
        month, day, year = r["dob"].split("/") if r["dob"] else ("", "", "")
        same_birth = f"{day}/{month}/{year}" == other["date_of_birth"]
        same_year = other["date_of_birth"].endswith(year) and year != ""
        same_name = r["surname"] == other["surname"] or r["first_name"] == other["first_name"]
        if same_birth or (same_year and same_name):
            found.add((int(other["eid"]), r["participant_id"]))
    assert all(by_eid[e] == p for e, p in found)
    assert expected <= found


def test_nhs_numbers_are_valid_unique_and_of_the_range_for_tests(sample: Sample) -> None:
    numbers = [int(str(n)) for n in sample.persons()["nhs_number"]]
    assert len(set(numbers)) == len(numbers)
    body = np.array(numbers) // 10
    assert (check_digits(body) == np.array(numbers) % 10).all()
    assert set(body // 1_000_000) == {999}


@pytest.mark.parametrize("kind", ["native_id", "nhs_number", "surname", "first_name",
                                  "birth_date", "postcode", "email", "phone", "mrn", "device_serial"])  # fmt: skip
def test_a_canary_of_every_kind_stands_where_the_list_says(sample: Sample, kind: str) -> None:
    with (sample.truth / "canaries.csv").open(encoding="utf-8", newline="") as lines:
        canaries = [r for r in csv.DictReader(lines) if r["type"] == kind]
    assert canaries
    for canary in canaries:
        if kind == "birth_date":
            assert re.fullmatch(r"19\d\d-[01]\d-\d\d", canary["plain"])
        path = sample.deliveries / canary["study"] / canary["file"]
        if not canary["column"]:
            assert canary["value"] in path.name
            continue
        if path.suffix == ".gz":  # NDJSON, in which truth names elements, not columns
            assert canary["value"] in gzip.decompress(path.read_bytes()).decode()
            continue
        if path.parent.name == "genotypes":  # a sample sheet has no header
            assert canary["value"] in path.read_text(encoding="utf-8")
            continue
        if path.suffix == ".hea":  # a header, whose elements truth names
            assert canary["value"].encode() in path.read_bytes()
            continue
        if path.suffix == ".zip":  # images or an export, of which truth names elements too
            with zipfile.ZipFile(path) as archive:
                content = b"".join(archive.read(name) for name in archive.namelist())
            assert canary["value"].encode() in content
            continue
        encoding = "latin-1" if path.name == "baseline.csv" else "utf-8"
        delimiter = ";" if path.name == "baseline.csv" else ","
        cells = [r[canary["column"]] for r in rows(path, delimiter, encoding)]
        assert any(canary["value"] in (cell or "") for cell in cells)


def test_defects_in_the_files_are_as_many_as_truth_says(sample: Sample) -> None:
    found: Counter[tuple[str, str, str, str]] = Counter()
    for name in ("labs_2021.csv.gz", "labs_2022.csv.gz"):
        for r in rows(sample.deliveries / "riverside" / name):
            found[("below-detection", "riverside", name, "value")] += r["value"] == "<0.5"
            found[("blank-person-id", "riverside", name, "participant_id")] += not r[
                "participant_id"
            ]
            found[("undeclared-column", "riverside", name, "lab_batch")] += bool(
                r["participant_id"]
            )
            glucose = r["analyte"] == "GLUC"
            found[("wrong-unit", "riverside", name, "value")] += (
                glucose and r["lab_batch"] == "L21-07"
            )
            found[("nonexistent-local-time", "riverside", name, "taken_at")] += r["taken_at"] in (
                "2021-03-28 01:30",
                "2022-03-27 01:30",
            )
            found[("ambiguous-local-time", "riverside", name, "taken_at")] += r["taken_at"] in (
                "2021-10-31 01:30",
                "2022-10-30 01:30",
            )
    for name, column in (("gp/gp_clinical.txt", "event_dt"), ("gp/gp_scripts.txt", "issue_date")):
        for r in rows(sample.deliveries / "ukdemo" / name, "\t"):
            found[("sentinel-date", "ukdemo", name, column)] += r[column] in (
                "01/01/1901", "02/02/1902", "03/03/1903", "07/07/2037"
            )  # fmt: skip
            found[("impossible-date", "ukdemo", name, column)] += r[column] == "31/02/2004"
    main = "main/ukb900001.csv"
    lines = (sample.deliveries / "ukdemo" / main).read_text().splitlines()
    width = lines[0].count(",")
    whole = [line.split(",") for line in lines[1:] if line.count(",") == width]
    header = lines[0].split(",")
    found[("ragged-row", "ukdemo", main, "")] = len(lines) - 1 - len(whole)
    eids = Counter(cells[0] for cells in whole)
    found[("blank-person-id", "ukdemo", main, "")] = eids.pop("")
    found[("duplicate-eid", "ukdemo", main, "")] = sum(n - 1 for n in eids.values())
    for column in ("p20116_i0", "p1558_i0"):
        place = header.index(column)
        found[("unknown-code", "ukdemo", main, column)] = sum(c[place] == "17" for c in whole)
    planted = sample.defects()
    counted = {key: n for key, n in found.items() if n}
    assert counted == {key: planted[key] for key in counted}
    assert {key for key in planted if key[0] in {k[0] for k in counted}} - set(counted) <= {
        ("ragged-row", "ukdemo", "gp/gp_clinical.txt", ""),
        ("ragged-row", "riverside", "baseline.csv", ""),
        ("impossible-date", "riverside", "diagnoses.csv", "diagnosed_on"),
        ("unknown-code", "riverside", "baseline.csv", "smoker"),
        ("undeclared-column", "riverside", "baseline.csv", "xtra_flag"),
        ("undeclared-column", "ukdemo", main, "p99999_i0"),
        ("wrong-unit", "southgate", f"{FIRST}/Observation.000.ndjson.gz", "glucose"),
    }  # the last is counted in test_hospitals


def test_every_kind_of_defect_is_in_the_sample(sample: Sample) -> None:
    assert {defect for defect, *_ in sample.defects()} == set(DEFECTS)


def test_the_smallest_sample_holds_them_too(tmp_path: Path) -> None:
    smallest = make_sample(tmp_path, persons=MIN_PERSONS)
    assert {defect for defect, *_ in smallest.defects()} == set(DEFECTS)


def test_haemoglobin_rises_with_body_mass_as_planted(sample: Sample) -> None:
    diabetes = np.array([d is not None for d in sample.persons()["onset_t2dm"]], dtype=float)
    x = np.column_stack([np.ones(5000), of(sample, "bmi"), of(sample, "age"), diabetes])
    slope = np.linalg.lstsq(x, of(sample, "hba1c_mmol_mol"), rcond=None)[0]
    assert slope[1] == pytest.approx(EFFECTS["hba1c_per_bmi"], abs=0.05)
    assert slope[2] == pytest.approx(EFFECTS["hba1c_per_year_of_age"], abs=0.03)
    assert slope[3] == pytest.approx(EFFECTS["hba1c_diabetes"], abs=0.8)


def test_daily_drinkers_refuse_the_question_more_often(sample: Sample) -> None:
    daily = of(sample, "alcohol") == 1
    refused = of(sample, "refuses_alcohol")
    assert refused[daily].mean() == pytest.approx(
        EFFECTS["alcohol_refusal_daily_drinker"], abs=0.035
    )
    assert refused[~daily].mean() == pytest.approx(EFFECTS["alcohol_refusal_others"], abs=0.008)


def test_effects_are_written_beside_the_persons(sample: Sample) -> None:
    assert json.loads((sample.truth / "effects.json").read_text()) == EFFECTS
