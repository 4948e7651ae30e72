"""One audit on a small hand-made warehouse: what is read, what is missing, what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from biobraid.core.errors import QualityError, SettingsError
from biobraid.quality.bias.audit import Asked, audit
from biobraid.quality.bias.frame import frame_of
from biobraid.quality.bias.people import choose_people, read_people
from biobraid.quality.bias.reference import Reference, reference_of
from biobraid.quality.bias.report import render
from biobraid.quality.bias.sentences import card_sentences
from biobraid.quality.bias.store import payload

ASKED = Asked("run", "warehouse", 10, n_boot=20)

# 400 people; the first 300 are women; 1 to 200 have imaging; 50 have no sex recorded.
WAREHOUSE = """
CREATE SCHEMA mart; CREATE SCHEMA cdm; CREATE SCHEMA vocab;
CREATE TABLE mart.participant AS SELECT range AS person_id FROM range(1, 401);
CREATE TABLE mart.person_attribute AS
  SELECT person_id, 'sex' AS attribute, 'omop-gender' AS scheme,
    CASE WHEN person_id <= 300 THEN 'female' ELSE 'male' END AS level
  FROM mart.participant WHERE person_id NOT BETWEEN 276 AND 325
  UNION ALL SELECT person_id, 'deprivation', 'townsend', CAST(person_id / 100.0 - 2 AS VARCHAR)
  FROM mart.participant;
CREATE TABLE mart.modality AS SELECT person_id, 'imaging' AS modality, 1 AS n_sources, 1 AS n_rows
  FROM mart.participant WHERE person_id <= 200
  UNION ALL SELECT person_id, 'questionnaire', 1, 1 FROM mart.participant;
CREATE TABLE vocab.concept AS SELECT 1 AS concept_id, 'Body mass' AS concept_name;
CREATE TABLE vocab.concept_ancestor AS SELECT 1 AS ancestor_concept_id, 1 AS descendant_concept_id;
CREATE TABLE cdm.measurement AS SELECT person_id AS measurement_id, person_id,
  1 AS measurement_concept_id, DATE '2020-01-01' AS measurement_date,
  CAST(person_id AS DOUBLE) AS value_as_number, 0 AS unit_concept_id
  FROM mart.participant WHERE person_id % 3 > 0;
"""


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute(WAREHOUSE)
        yield made


@pytest.fixture
def reference() -> Reference:
    return reference_of(frame_of({("sex", "omop-gender"): ["female", "male"]}, {}), "halves")


def test_people_are_read_with_a_level_for_those_without_one(con: duckdb.DuckDBPyConnection) -> None:
    assert choose_people(con) == 400
    frame = read_people(con, None)
    sex = frame.position("sex", "omop-gender")
    assert sex is not None
    assert dict(zip(frame.attributes[sex].levels, frame.counts()[sex].tolist(), strict=True)) == {
        "female": 275, "male": 75, "(missing)": 50,
    }  # fmt: skip
    place = frame.position("deprivation", "townsend")
    assert place is not None
    assert frame.counts()[place].tolist() == pytest.approx([80] * 5, abs=1)  # fifths
    assert frame.modalities == ("imaging", "questionnaire")
    assert frame.has.sum(axis=0).tolist() == [200, 400]


def test_only_the_people_named_are_audited(
    con: duckdb.DuckDBPyConnection, reference: Reference
) -> None:
    done = audit(con, reference, ASKED, pa.array([5, 6, 7, 350, 351, 351]))
    assert done.tables["run"][0]["n"] == 5


def test_tables_that_are_not_there_are_said_and_do_not_stop_the_rest(
    con: duckdb.DuckDBPyConnection, reference: Reference
) -> None:
    done = audit(con, reference, ASKED)
    assert done.not_assessed["followup"] == "no health record source covers anybody"
    women = next(r for r in done.tables["representativeness"] if r["level"] == "female")
    assert women["verdict"] == "fail" and women["share"] == pytest.approx(275 / 350)
    assert len(done.tables["intersection"]) == 4
    assert done.tables["linkage"] and done.tables["profile"]
    no_unit = [r for r in done.tables["linkage"] if r["measure"] == "no unit"]
    assert all(r["rate"] == 1.0 for r in no_unit)


def test_a_report_of_whatever_could_be_assessed(
    con: duckdb.DuckDBPyConnection, reference: Reference
) -> None:
    content = payload(audit(con, reference, ASKED))
    text = render(content)
    assert render(content) == text
    assert "not assessed" in text and "Standardised differences" in text
    assert any("over-represented" in s for s in card_sentences(content))
    bare = payload(audit(con, None, ASKED))
    assert "no reference: give its margins with --margins FILE" in render(bare)


def test_unknown_names_are_faults_with_near_misses(
    con: duckdb.DuckDBPyConnection, reference: Reference
) -> None:
    asked = Asked("run", "w", 10, n_boot=20, sets=[("imagin",)], attributes=("sexx",))
    with pytest.raises(SettingsError) as caught:
        audit(con, reference, asked)
    assert "Did you mean: imaging" in str(caught.value)
    assert "Did you mean: sex" in str(caught.value)


def test_nobody_to_audit_is_a_fault(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QualityError, match="nobody to audit"):
        audit(con, None, ASKED, pa.array([], pa.int64()))
