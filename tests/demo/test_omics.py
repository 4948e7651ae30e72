"""Omics of the demo: what was planted comes out, in the warehouse and in a release."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import numpy as np
import pytest

from biobraid.ingest.sample import EFFECTS
from biobraid.ingest.sample.omics.proteomics import ASSAYS
from tests.demo.conftest import Demo
from tests.demo.truth import ask, expected, person_keys, persons, planted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]
BMI = 3038553


def test_every_measurement_that_was_written_is_there(demo: Demo) -> None:
    npx = expected(demo, "ukdemo")
    [found] = ask(
        demo.home,
        "SELECT count(*), count(*) FILTER (censored = 'left'), "
        "count(*) FILTER (qc_flag LIKE '%sample=WARN%') "
        "FROM raw.feature JOIN link.person_bridge USING (source_person_key) "
        "WHERE source = 'proteomics' AND link_status <> 'withdrawn'",
    )
    [(n_arrived, n_quarantined)] = ask(
        demo.home,
        "SELECT (SELECT count(*) FROM omics.feature_value WHERE source = 'proteomics'), "
        "(SELECT count(*) FROM raw.feature JOIN link.person_bridge USING (source_person_key) "
        "WHERE source = 'proteomics' AND link_status = 'quarantined')",
    )
    assert n_arrived + n_quarantined == found[0]
    assert found == tuple(npx["npx", state] for state in
                          ("landed", "below limit", "sample warning"))  # fmt: skip
    assert min(found) > 0
    taxa = expected(demo, "riverside")
    [(n, specimens)] = ask(
        demo.home,
        "SELECT count(*), count(DISTINCT record_id) FROM raw.feature WHERE source = 'microbiome'",
    )
    assert (n, specimens) == (taxa["taxon", "landed"], taxa["gut specimen", "landed"])


def test_samples_of_nobody_are_nobody(demo: Demo) -> None:
    truth = persons(demo)
    for study, sample, native, source in (
        ("ukdemo", "proteomics_sample", "eid", "proteomics"),
        ("riverside", "microbiome_sample", "riverside_id", "microbiome"),
    ):
        keys = person_keys(demo.home, study, truth[native])
        true = {key for key, s, gone in zip(keys, truth[sample], truth["withdrawn"], strict=True)
                if s is not None and not (gone and study == "ukdemo")}  # fmt: skip
        rows = ask(
            demo.home,
            "SELECT DISTINCT source_person_key FROM raw.feature WHERE study = ? AND source = ?",
            study, source,
        )  # fmt: skip
        assert {key for (key,) in rows} >= true
        assert planted(demo, "control-sample", study) > 0
        assert len(rows) == len({key for key, s in zip(keys, truth[sample], strict=True) if s})


def test_leptin_rises_with_body_mass_by_sql_alone(demo: Demo) -> None:
    con = duckdb.connect()
    path = demo.home.releases / "heart_study" / "r1" / "release.duckdb"
    con.execute(f"ATTACH '{path}' AS bank (READ_ONLY)")
    rows = con.execute(
        """
        WITH bmi AS (
          SELECT person_id, avg(value_as_number) AS bmi FROM bank.cdm.measurement
          WHERE measurement_concept_id = ? GROUP BY person_id
        )
        SELECT b.bmi, v.value
        FROM bank.omics.feature_value v
        JOIN bank.omics.feature f ON f.feature_id = v.feature_id AND f.symbol = 'LEP'
        JOIN bmi b ON b.person_id = v.person_id""",
        [BMI],
    ).fetchall()
    bmi, npx = np.array(rows).T
    x = np.column_stack([np.ones(len(bmi)), bmi - 27.0])
    beta, rest, *_ = np.linalg.lstsq(x, npx, rcond=None)
    error = float(np.sqrt(rest[0] / (len(bmi) - 2) / ((bmi - bmi.mean()) ** 2).sum()))
    assert beta[1] > 4 * error, "an effect, and not chance"
    assert beta[1] == pytest.approx(EFFECTS["leptin_npx_per_bmi"], abs=3 * error)


def test_a_release_holds_only_what_consent_allows(demo: Demo) -> None:
    """riverside asks for consent to omics; a refusal keeps values and specimens back."""
    con = duckdb.connect()
    path = demo.home.releases / "heart_study" / "r1" / "release.duckdb"
    con.execute(f"ATTACH '{path}' AS bank (READ_ONLY)")

    def released(source: str) -> tuple[int, int]:
        row = con.execute(
            "SELECT count(*), count(DISTINCT person_id) FROM bank.omics.feature_value "
            "WHERE source = ?", [source],
        ).fetchone()  # fmt: skip
        assert row is not None
        return row[0], row[1]

    for source, in_sql in (
        ("proteomics", "TRUE"),
        ("microbiome", "c.status = 'given'"),
    ):
        [whole] = ask(
            demo.home,
            "SELECT count(*), count(DISTINCT v.person_id) FROM omics.feature_value v "
            "JOIN cdm.person p ON p.person_id = v.person_id "
            "LEFT JOIN link.consent c ON c.person_id = v.person_id AND c.modality = 'omics' "
            f"WHERE v.source = ? AND {in_sql}", source,
        )  # fmt: skip
        n_values, n_persons = released(source)
        assert 0 < n_values <= whole[0]
        assert n_persons <= whole[1]
    [(refused,)] = ask(
        demo.home,
        "SELECT count(DISTINCT v.person_id) FROM omics.feature_value v "
        "JOIN link.consent c ON c.person_id = v.person_id AND c.modality = 'omics' "
        "WHERE v.source = 'microbiome' AND c.status = 'refused'",
    )
    [(all_of_them,)] = ask(
        demo.home,
        "SELECT count(DISTINCT v.person_id) FROM omics.feature_value v "
        "JOIN cdm.person p ON p.person_id = v.person_id WHERE v.source = 'microbiome'",
    )
    assert released("microbiome")[1] == all_of_them - refused
    strange = con.execute(
        "SELECT count(*) FROM bank.omics.feature_value v ANTI JOIN bank.cdm.specimen s "
        "ON s.specimen_id = v.specimen_id AND s.person_id = v.person_id "
        "AND s.specimen_date = v.specimen_date"
    ).fetchone()
    assert strange == (0,), "dates and ids of values and specimens are shifted alike"
    plates = con.execute("SELECT DISTINCT plate_id FROM bank.omics.feature_value").fetchall()
    assert not any("UKD" in (plate or "") for (plate,) in plates), "plates are tokens"


def test_the_guide_s_questions_are_answered(demo: Demo) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "how-to" / "omics.md").read_text()
    con = duckdb.connect()
    path = demo.home.releases / "heart_study" / "r1" / "release.duckdb"
    con.execute(f"ATTACH '{path}' AS bank (READ_ONLY)")
    con.execute("USE bank")
    questions = re.findall(r"<!-- runs: demo-release -->\n```sql\n(.*?)```", guide, re.S)
    proteins, taxa = (con.execute(q).fetchall() for q in questions)
    assert {row[0] for row in proteins} == {assay[0] for assay in ASSAYS}
    assert len(taxa) == 5
    assert all(0 < row[1] <= 1 for row in taxa)
