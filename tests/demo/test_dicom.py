"""T15: what DICOM headers say beyond the allowed tags is nowhere in the home or in a release."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pyarrow as pa
import pytest
from pydicom import dcmread

from biobraid.core.keys import load_key
from biobraid.export.holdings import project_ids
from biobraid.ingest.connectors.dicom_tags import LANDS, PERSON
from tests.demo.conftest import Demo
from tests.demo.two_releases import PROJECTS, both
from tests.privacy.scanner import Canary, scan

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def test_t15_of_dicom_headers_only_what_is_allowed_leaves(demo: Demo) -> None:
    """UIDs, names, comments, station and serial, private tags: nowhere; days as the project's."""
    refused: dict[str, set[str]] = {}
    for path in sorted((demo.home.deliveries / "ukdemo").rglob("*.zip"))[:12]:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".dcm"):
                    header = dcmread(BytesIO(archive.read(name)), stop_before_pixels=True)
                    for element in header:
                        if element.tag not in LANDS and element.tag not in PERSON:
                            kind = "private" if element.tag.is_private else element.keyword
                            refused.setdefault(kind, set()).add(str(element.value))
    for kind in ("private", "SOPInstanceUID", "SeriesInstanceUID", "StationName", "PatientName",
                 "PatientComments", "StudyDescription", "DeviceSerialNumber"):  # fmt: skip
        assert refused[kind], kind
    canaries = [
        Canary(kind, value, is_keyed=True)
        for kind, values in refused.items() for value in sorted(values) if len(value) >= 5
    ]  # fmt: skip
    for folder in (demo.home.landing / "asset", demo.home.landing / "value" / "study=ukdemo",
                   demo.home.releases / "heart_study"):  # fmt: skip
        assert scan(folder, canaries).found == [], folder.name

    con = both(demo.home)
    con.execute(f"ATTACH '{demo.home.warehouse}' AS warehouse (READ_ONLY)")
    persons = [p for (p,) in con.execute(
        "SELECT DISTINCT person_id FROM warehouse.cdm.image_occurrence").fetchall()]  # fmt: skip
    n_days = 0
    for alias, project in zip("ab", PROJECTS, strict=True):
        ids = project_ids(load_key(demo.home, "release"), project, persons, 1)
        con.register("mine", pa.table({"project_id": list(ids), "person_id": list(ids.values())}))
        shifts = con.execute(f"""
            WITH day AS (
              SELECT m.person_id, list(DISTINCT r.image_occurrence_date ORDER BY 1) AS shown
              FROM {alias}.cdm.image_occurrence AS r JOIN mine AS m ON m.project_id = r.person_id
              GROUP BY ALL
            ), true_day AS (
              SELECT person_id, list(DISTINCT image_occurrence_date ORDER BY 1) AS days
              FROM warehouse.cdm.image_occurrence GROUP BY ALL
            )
            SELECT DISTINCT days[1] - shown[1] FROM day JOIN true_day USING (person_id)
            WHERE len(shown) = len(days)""").fetchall()  # fmt: skip
        assert min(s for (s,) in shifts) >= 1, "some image shows its true day"
        n_days += len(shifts)
    assert n_days > 20
    uids = con.execute(
        "SELECT count(*), count(*) FILTER (starts_with(series_uid, '2.25.')) FROM warehouse.stem.asset "
        "WHERE series_uid IS NOT NULL"
    ).fetchone()
    assert uids[0] == uids[1] > 0  # type: ignore[index]
