"""dbGaP's and NDA's example files from file to cdm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared.packs import Bank, bank

pytestmark = [pytest.mark.slow, pytest.mark.shared]

TAB = "\t"
PHENOTYPES = "2a_dbGaP_SubjectPhenotypesDS.txt"


@pytest.fixture(scope="module")
def dbgap(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    folder = tmp_path_factory.mktemp("archives")
    with bank("dbgap_submission", shared_data, folder, "nda") as made:
        yield made


@pytest.fixture(scope="module")
def nda(dbgap: Bank) -> Bank:
    return dbgap.beside("nda")


def test_every_dbgap_row_lands_and_shares_are_reported(dbgap: Bank) -> None:
    landed = {source: books["records_landed"] for source, books in dbgap.books.items()}
    assert landed == {
        "subjects": 31, "consent": 31, "phenotypes": 13, "pedigree": 29, "samples": 20,
        "sample_attributes": 17,
    }  # fmt: skip
    assert dbgap.mapped["phenotypes"] > 0.75 and dbgap.mapped["pedigree"] == 1
    assert ("phenotypes", "age_onset", None) in dbgap.unmapped


def test_units_of_the_spreadsheet_make_inches_and_pounds_metric(dbgap: Bank) -> None:
    rows = dbgap.rows(PHENOTYPES, TAB)
    for column, concept, factor in (("height", 3036277, 2.54), ("weight", 3025315, 0.45359237)):
        given = [r[column] for r in rows if r[column] not in ("9999", "1000")]
        found = dbgap.query(
            "SELECT value_as_number FROM cdm.measurement "
            f"WHERE measurement_concept_id = {concept} ORDER BY value_as_number"
        )
        assert [n for (n,) in found] == pytest.approx(sorted(float(v) * factor for v in given))
    absent = dbgap.query(
        "SELECT source_value, absent_reason FROM staging.source_value "
        "WHERE variable = 'weight' AND absent_reason IS NOT NULL ORDER BY source_value"
    )
    assert absent == [("1000", "not-performed"), ("9999", "unknown")]


def test_ages_stand_for_dates(dbgap: Bank) -> None:
    ages = Counter(int(r["age"]) for r in dbgap.rows(PHENOTYPES, TAB))
    found = dbgap.query(
        "SELECT EXTRACT(YEAR FROM measurement_date) - p.year_of_birth "
        "FROM cdm.measurement JOIN cdm.person p USING (person_id) "
        "WHERE measurement_concept_id = 3036277"
    )
    assert Counter(age for (age,) in found) == ages


def test_samples_belong_to_whom_the_mapping_file_says(dbgap: Bank) -> None:
    mapping = {
        r["SAMPLE_ID"]: r["SUBJECT_ID"]
        for r in dbgap.rows("5a_dbGaP_SubjectSampleMappingDS.txt", TAB)
    }
    attributes = dbgap.rows("3a_dbGaP_SampleAttributesDS.txt", TAB)
    tumours = Counter(mapping[r["SAMPLE_ID"]] for r in attributes if r["IS_TUMOR"] == "Y")
    found = dbgap.query(
        "SELECT COUNT(*) FROM staging.source_value WHERE variable = 'IS_TUMOR' "
        "AND value_code = 'Y' GROUP BY person_id"
    )
    assert sorted(n for (n,) in found) == sorted(tumours.values())
    assert dbgap.query(
        "SELECT COUNT(*) FROM raw.value WHERE value = 'N/A' AND study = 'dbgap_submission'"
    ) == [(0,)]


def test_consent_0_is_a_refusal_and_no_value_of_an_identifier_lands(dbgap: Bank) -> None:
    given = Counter(r["CONSENT"] for r in dbgap.rows("4a_dbGaP_SubjectDS.txt", TAB))
    found = dict(dbgap.query("SELECT status, COUNT(*) FROM raw.consent GROUP BY status"))
    assert found == {"refused": given["0"], "given": given["1"]}
    for table in ("raw.value", "raw.event", "raw.detail"):
        assert dbgap.query(
            f"SELECT COUNT(*) FROM {table} AS t WHERE CAST(t AS VARCHAR) LIKE '%ND12380934%'"
        ) == [(0,)]


def test_every_nda_row_lands_without_its_descriptions(nda: Bank) -> None:
    landed = {source: books["records_landed"] for source, books in nda.books.items()}
    assert landed == {"fmri_results": 3, "images": 4, "upload": 1}
    assert nda.query("SELECT COUNT(*) FROM raw.value WHERE value LIKE '%months%'") == [(0,)]
    assert set(nda.mapped) == set(landed) and nda.unmapped


def test_an_age_in_months_gives_the_year_of_birth(nda: Bank) -> None:
    rows = [*nda.rows("fmriresults01.txt", TAB)[1:], *nda.rows("image03.txt", TAB)[1:]]
    born = {
        r["subjectkey"]: int(r["interview_date"][-4:]) - int(r["interview_age"]) // 12 for r in rows
    }
    born["NDARDF005KBU"] = 2009 - 141 // 12  # of the upload template
    people = (
        "cdm.person WHERE person_id IN "
        "(SELECT person_id FROM link.person_bridge WHERE study = 'nda')"
    )
    found = nda.query(f"SELECT year_of_birth FROM {people}")
    assert sorted(year for (year,) in found) == sorted(born.values())
    sexes = dict(nda.query(f"SELECT gender_concept_id, COUNT(*) FROM {people} GROUP BY 1"))
    assert sum(sexes.values()) == len(born) and set(sexes) <= {8507, 8532}


def test_images_of_the_package_and_of_the_template_say_the_same(nda: Bank) -> None:
    found = nda.query(
        "SELECT source, value, start_time FROM raw.value WHERE variable = 'scan_type' "
        "AND source IN ('images', 'upload') GROUP BY ALL ORDER BY ALL"
    )
    assert found == [
        ("images", "MR structural (MPRAGE)", "2009-12-22"),
        ("upload", "MR structural (MPRAGE)", "2009-12-22"),
    ]
