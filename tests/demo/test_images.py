"""The demo's images against the truth: every series of every person, phenotypes, who was scanned."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from biobraid.core.keys import ingest_keys
from tests.demo.conftest import Demo
from tests.demo.truth import ask, persons

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def _truth(demo: Demo, source: str) -> list[dict[str, str]]:
    with (demo.truth / "images.csv").open(encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["source"] == source]


def _left(demo: Demo) -> set[str]:
    """Numbers of persons who withdrew."""
    found = persons(demo)
    return {
        str(n) for n, gone in zip(found["person"], found["withdrawn"], strict=True) if gone
    }  # fmt: skip


@pytest.mark.parametrize(
    ("study", "source"), [("ukdemo", "images"), ("ukdemo", "rest_bids"), ("riverside", "ecg")]
)
def test_every_series_of_everybody_who_stayed_is_there(demo: Demo, study: str, source: str) -> None:
    wanted = Counter(
        (row["modality"], row["day"], int(row["n_instances"]))
        for row in _truth(demo, source)
        if row["person"] not in _left(demo)
    )
    found = ask(
        demo.home,
        """SELECT modality, CAST(start_date AS VARCHAR), n_instances FROM stem.asset
           WHERE study = ? AND source = ?""",
        study,
        source,
    )
    missing = wanted - Counter(found)
    waiting = ask(
        demo.home,
        """SELECT coalesce(sum(n_rows), 0) FROM staging.unlinked
           WHERE study = ? AND source = ? AND table_name = 'asset' AND link_status <> 'withdrawn'""",
        study,
        source,
    )
    assert not Counter(found) - wanted
    assert missing.total() == waiting[0][0]  # of quarantined persons
    assert wanted.total() > 20


def test_phenotypes_point_at_their_images_and_carry_the_true_values(demo: Demo) -> None:
    keys = ingest_keys(demo.home)
    eid = dict(zip(persons(demo)["person"], persons(demo)["eid"], strict=True))
    true = {
        keys.person_key("ukdemo", str(eid[int(row["person"])])): float(row["grey_matter_ml"])
        for row in _truth(demo, "imaging_phenotypes")
    }
    found = ask(
        demo.home,
        """SELECT b.source_person_key, m.value_as_number, i.modality_concept_id, f.alg_system
           FROM cdm.image_feature AS f
           JOIN cdm.image_occurrence AS i USING (image_occurrence_id)
           JOIN cdm.measurement AS m ON m.measurement_id = f.image_feature_event_id
           JOIN link.person_bridge AS b ON b.person_id = m.person_id AND b.study = 'ukdemo'
           WHERE m.measurement_source_value = 'grey_matter_ml'""",
    )
    assert len(found) > 20
    for key, value, modality, algorithm in found:
        assert value == true[key]
        assert (modality, algorithm) == (2128009230, "example-pipeline 4.2")  # MR


def test_the_books_of_images_say_where_each_went(demo: Demo) -> None:
    for table, n, excluded, unresolved, rows in ask(
        demo.home, "FROM stem.record_arrival WHERE cdm_table LIKE 'image%'"
    ):
        assert n == excluded + unresolved + rows > 0, table
    (rejected,) = ask(demo.home, "SELECT count(*) FROM raw.reject WHERE source = 'images'")
    assert rejected == (0,)
