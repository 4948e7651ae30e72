"""Releases of images: keyed anew per project, dates moved, consent to imaging decides."""

from __future__ import annotations

from biobraid.core.home import Home
from biobraid.export.project import create_project
from biobraid.export.release import DATABASE, release
from tests.export.conftest import person, put_links, rows

TABLES = ("cdm.image_occurrence", "cdm.image_feature", "omics.asset", "omics.feature_vector")
WITH_IMAGES = 20


def _count(made: object, table: str) -> int:
    ((n,),) = rows(made.folder / DATABASE, f"SELECT count(*) FROM r.{table}")  # type: ignore[attr-defined]
    return int(str(n))


def test_ids_uids_and_dates_are_the_projects_own_and_still_join(bank: Home) -> None:
    ids = []
    for name in ("alpha", "beta"):
        create_project(bank, name)
        made = release(bank, name, "r1")
        assert [_count(made, t) for t in TABLES] == [WITH_IMAGES] * 4
        found = rows(
            made.folder / DATABASE,
            """SELECT i.image_occurrence_id, i.image_series_uid, a.series_uid, v.vector,
                 i.image_occurrence_date, m.measurement_id
               FROM r.cdm.image_occurrence AS i
               JOIN r.cdm.image_feature AS f USING (image_occurrence_id)
               JOIN r.cdm.measurement AS m ON m.measurement_id = f.image_feature_event_id
               JOIN r.omics.asset AS a ON a.asset_id = i.image_occurrence_id
               JOIN r.omics.feature_vector AS v ON v.asset_id = i.image_occurrence_id""",
        )
        assert len(found) == WITH_IMAGES
        assert all(uid == same and "2.25" not in str(uid) for _, uid, same, *_ in found)
        assert sum(str(day) < "2021-05-01" for *_, day, _ in found) > WITH_IMAGES / 2
        ids.append({row[:2] for row in found})
    assert not {i for i, _ in ids[0]} & {i for i, _ in ids[1]}
    assert not {u for _, u in ids[0]} & {u for _, u in ids[1]}


def test_who_refuses_imaging_gives_no_image_and_nothing_made_of_one(bank: Home) -> None:
    put_links(bank, consents=[(3, "imaging", "refused", None, "2021-01-01"),
                              (6, "imaging", "withdrawn", "no_access", "2021-05-01"),
                              (9, "imaging", "withdrawn", "no_access", "2021-05-15"),
                              (12, "genotype", "refused", None, "2021-01-01")])  # fmt: skip
    create_project(bank, "alpha")
    made = release(bank, "alpha", "r1")
    # 3 refused; 6 was imaged after the day; 9 before it, but measured after; 12 refused else.
    assert [_count(made, t) for t in TABLES] == [18, 17, 18, 18]
    assert person(3) == 3007


def test_a_project_without_imaging_gets_none(bank: Home) -> None:
    create_project(bank, "alpha", modalities=["questionnaire", "health_record"])
    made = release(bank, "alpha", "r1")
    assert [_count(made, t) for t in TABLES] == [0, 0, 0, 0]
