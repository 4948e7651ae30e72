"""Images: parts put together, one image_occurrence per series, features joined to their images."""

from __future__ import annotations

import pytest

from tests.models.conftest import Build

GIVEN = """
  raw.value
  person | record_id | row_id | variable | value | start_time
  -------+-----------+--------+----------+-------+-----------
  1      | 901       | 801    | year     | 1950  |
  2      | 902       | 802    | year     | 1960  |
  1      | 700       | 710    | volume   | 1.5   | 2019-04-02
  1      | 701       | 711    | volume   | 1.7   | 2019-04-02

  raw.event
  person | record_id | row_id | kind      | code | code_system | start_time
  -------+-----------+--------+-----------+------+-------------+-----------
  1      | 50        | 60     | procedure | MR   | DICOM       | 2019-04-02
  2      | 51        | 61     | procedure | CT   | DICOM       | 2020-01-01
  3      | 52        | 62     | procedure | CT   | DICOM       | 2020-01-01

  raw.asset
  person | record_id | row_id | asset_id | kind         | file_format | modality | body_part | n_instances | study_uid | series_uid | start_time
  -------+-----------+--------+----------+--------------+-------------+----------+-----------+-------------+-----------+------------+-----------
  1      | 50        | 1      | 10       | image_series | dicom       | MR       | BRAIN     | 3           | 2.25.1    | 2.25.11    | 2019-04-02
  1      | 50        | 2      | 10       | image_series | dicom       | MR       | BRAIN     | 2           | 2.25.1    | 2.25.11    | 2019-04-02T10:00:00
  1      | 50        | 3      | 11       | image_series | dicom       | MR       | NOWHERE   | 1           | 2.25.1    | 2.25.12    | 2019-04-02
  2      | 51        | 4      | 12       | image_series | dicom       | CT       |           | 1           | 2.25.2    | 2.25.21    |
  1      | 53        | 5      | 13       | waveform     | wfdb        | ECG      |           | 1           |           |            | 2019-04-02
  3      | 52        | 6      | 14       | image_series | dicom       | CT       |           | 1           | 2.25.3    | 2.25.31    | 2020-01-01
  1      | 54        | 7      | 15       | image_series | dicom       | MR       |           | 1           | 2.25.4    | 2.25.41    | 2020-01-01
  2      | 54        | 8      | 15       | image_series | dicom       | MR       |           | 1           | 2.25.4    | 2.25.41    | 2020-01-01

  raw.detail
  person | kind          | record_id | field      | value
  -------+---------------+-----------+------------+------
  1      | image_feature | 700       | asset_id   | 10
  1      | image_feature | 700       | alg_system | segmenter 2.1
  1      | image_feature | 701       | asset_id   | 99

  vocab.mapping
  variable | target_concept_id | target_domain_id | rule_arg
  ---------+-------------------+------------------+--------------
  year     | 0                 | Person           | year_of_birth
  volume   | 3000              | Measurement      |

  vocab.concept
  concept_id | vocabulary_id | concept_class_id | concept_code | domain_id   | standard_concept
  -----------+---------------+------------------+--------------+-------------+-----------------
  5001       | DICOM         | DICOM Value Sets | MR           | Measurement |
  5002       | DICOM         | DICOM Value Sets | BRAIN        | Measurement |
  3000       | LOINC         |                  | 1-1          | Measurement | S
"""


def test_parts_of_a_series_are_one_image_and_others_are_counted(build: Build) -> None:
    assert (
        build("cdm.image_occurrence", GIVEN)
        == """
      image_occurrence_id | person | image_occurrence_date | modality_concept_id | anatomic_site_concept_id | image_series_uid | local_path
      --------------------+--------+-----------------------+---------------------+--------------------------+------------------+-----------
      10                  | 1      | 2019-04-02            | 5001                | 5002                     | 2.25.11          |
      11                  | 1      | 2019-04-02            | 5001                | 0                        | 2.25.12          |
    """
    )
    assert (
        build("omics.asset", GIVEN)
        == """
      asset_id | person | kind         | n_instances | start_date | start_datetime
      ---------+--------+--------------+-------------+------------+--------------------
      10       | 1      | image_series | 5           | 2019-04-02 | 2019-04-02 10:00:00
      11       | 1      | image_series | 1           | 2019-04-02 |
      12       | 2      | image_series | 1           |            |
      13       | 1      | waveform     | 1           | 2019-04-02 |
    """
    )


def test_every_image_and_feature_arrives_or_is_counted(build: Build) -> None:
    """Not in cdm: one of a person without birth year, one undated, one said to be of two."""
    found = build("stem.record_arrival", GIVEN)
    rows = {row[0]: tuple(row[1:]) for row in found.rows}
    assert rows["image_occurrence"] == (5, 1, 2, 2)
    assert rows["image_feature"] == (2, 0, 1, 1)


def test_a_feature_points_at_its_image_and_its_measurement(build: Build) -> None:
    features = build("cdm.image_feature", GIVEN)
    (row,) = [dict(zip(features.names, r, strict=True)) for r in features.rows]
    assert (row["image_occurrence_id"], row["image_feature_concept_id"]) == (10, 3000)
    assert row["alg_system"] == "segmenter 2.1"
    measured = build("cdm.measurement", GIVEN).column("measurement_id")
    assert row["image_feature_event_id"] in measured and len(measured) == 2


def test_images_have_their_page_in_the_books(build: Build) -> None:
    books = build("stem.books", GIVEN)
    rows = {r[2]: dict(zip(books.names, r, strict=True)) for r in books.rows}
    assert (rows["asset"]["n_rows"], rows["asset"]["n_records"]) == (8, 8)
    assert rows["detail"]["n_unused"] == 0


@pytest.mark.parametrize(("links", "kept"), [("linked", 2), ("withdrawn", 0)])
def test_a_withdrawn_persons_images_stay_behind(build: Build, links: str, kept: int) -> None:
    bridge = f"""
  link.person_bridge
  source_person_key | person | link_status
  ------------------+--------+------------
  1                 | 1      | {links}
  2                 | 2      | linked
  3                 | 3      | linked
"""
    assert len(build("cdm.image_occurrence", GIVEN + bridge).rows) == kept
