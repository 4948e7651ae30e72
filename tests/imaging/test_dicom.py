"""Connector dicom: one asset per series, nothing that names anybody, every file in the books."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet

from biobraid.core.errors import SettingsError, SourceFileError
from biobraid.ingest.connectors.dicom_terms import defined_term
from tests.imaging.delivery import KEYS, deliver
from tests.imaging.dicom_files import image, uid, write


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    for n in range(3):
        write(folder / f"p1/s1/{n}.dcm", image(instance=n, SeriesDate="20190403"))
    write(folder / "p1/s2/0.dcm", image(series=2, Modality="MR", BodyPartExamined="BRAIN"))
    return folder


def test_one_asset_per_series_and_one_procedure_per_study(tmp_path: Path) -> None:
    got = deliver(_folder(tmp_path), "dicom")
    assert got.books == (4, 4, 0, 0)
    assert got.rows("raw.asset", "kind", "modality", "body_part", "n_instances", "n_rows",
                    "start_time") == [
        ("image_series", "MR", "BRAIN", 1, 8, "2019-04-02T10:15:00"),
        ("image_series", "MR", None, 3, 8, "2019-04-03"),
    ]  # fmt: skip
    events = got.rows("raw.event", "kind", "code", "code_system", "start_time")
    assert events == [("procedure", "MR", "DICOM", "2019-04-02T10:15:00")]
    (record,) = {r for (r,) in got.rows("raw.asset", "record_id")}
    assert got.rows("raw.event", "record_id") == [(record,)]


def test_uids_are_keyed_and_locations_go_to_the_vault(tmp_path: Path) -> None:
    got = deliver(_folder(tmp_path), "dicom")
    uids = got.rows("raw.asset", "study_uid", "series_uid")
    assert all(str(u).startswith("2.25.") for pair in uids for u in pair)
    assert len({study for study, _ in uids}) == 1 and len({series for _, series in uids}) == 2
    assert uid(1) not in repr(got.tables) and uid(1, 2) not in repr(got.tables)
    assert got.found("asset_location") == ["scans/p1/s1", "scans/p1/s2"]
    places = {record for kind, _, record in got.identities if kind == "asset_location"}
    assert places == {a for (a,) in got.rows("raw.asset", "asset_id")}
    assert "p1/s1" not in repr(got.tables)


def test_a_folder_of_several_series_is_told_file_by_file(tmp_path: Path) -> None:
    for n in range(2):
        write(tmp_path / f"flat/{n}.dcm", image(series=n))
    got = deliver(tmp_path / "flat", "dicom")
    assert got.found("asset_location") == ["flat/0.dcm", "flat/1.dcm"]


def test_what_names_somebody_goes_to_the_vault_or_nowhere(tmp_path: Path) -> None:
    said = image(
        PatientName="Okafor^Ada", PatientBirthDate="19610430", PatientSex="F", PatientAge="058Y",
        OtherPatientIDs="NHS 9434765919", PatientAddress="1 Mill Lane", StationName="MRI-OKAFOR",
        StudyDescription="Knee of Ada Okafor", PatientComments="prefers to be called Ada",
        ReferringPhysicianName="Who^Doctor", DeviceSerialNumber="SN-77", AccessionNumber="A-1",
        InstitutionName="Mill Lane Hospital", ProtocolName="Ada special",
    )  # fmt: skip
    said.private_block(0x0011, "Ada Inc", create=True).add_new(1, "LO", "Ada Okafor")
    write(tmp_path / "f/a.dcm", said)
    got = deliver(tmp_path / "f", "dicom")
    landed = repr(got.tables)
    for word in ("Ada", "Okafor", "9434765919", "Mill", "Doctor", "SN-77", "1961-04", "P1", "A-1"):
        assert word not in landed, word
    assert got.found("full_name") == ["Okafor^Ada"]
    assert got.found("birth_date") == ["1961-04-30"] and got.found("sex") == ["F"]
    assert got.found("other") == ["NHS 9434765919"] and got.found("address") == ["1 Mill Lane"]
    assert got.found("native_id") == ["P1"]
    values = got.rows("raw.value", "variable", "value")
    assert values == [("PatientBirthDate", "1961"), ("PatientSex", "F")]
    assert got.tally.ignored["private-tag"] == 2  # the block and its element
    assert got.tally.ignored["free-text-undeclared"] == 3
    assert got.tally.facts_to_vault == 6


def test_bad_files_are_rejected_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    good = write(folder / "a.dcm", image(instance=1)).read_bytes()
    (folder / "b.dcm").write_bytes(good)  # the same instance again
    (folder / "c.dcm").write_bytes(good[:-20])
    (folder / "d.dcm").write_bytes(b"not an image at all")
    (folder / "e.dcm").write_bytes(b"")
    (folder / "f.dcm").write_bytes(good[:300])
    (folder / "notes.txt").write_text("beside the images")
    write(folder / "g.dcm", image(patient="", instance=2))
    write(folder / "h.dcm", image(patient="P2", instance=3))
    write(folder / "i.dcm", image(instance=4, SeriesInstanceUID=""))
    got = deliver(folder, "dicom")
    assert got.rows("raw.reject", "row_number", "reason") == [
        (2, "duplicate-key"), (3, "truncated-file"), (4, "not-dicom"), (5, "empty-file"),
        (6, "missing-uid"), (7, "missing-person-id"), (8, "conflicting-person"),
        (9, "missing-uid"),
    ]  # fmt: skip
    assert got.books == (10, 1, 8, 1)
    assert got.tally.ignored["file-beside-images"] == 1


def test_a_series_of_two_persons_is_of_the_first(tmp_path: Path) -> None:
    """As badly made anonymous: each person has a study of their own, but the series is one."""
    for n, patient in ((1, "P1"), (2, "P2"), (3, "P1")):
        said = image(patient, study=1 if patient == "P1" else 2, instance=n)
        said.SeriesInstanceUID = uid(1, 1)
        write(tmp_path / f"f/{n}.dcm", said)
    got = deliver(tmp_path / "f", "dicom")
    assert got.rows("raw.reject", "row_number", "reason") == [(2, "conflicting-person")]
    assert got.rows("raw.asset", "n_instances") == [(2,)]
    assert "f/2.dcm" not in got.found("asset_location")


def test_a_large_file_that_is_no_image_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "f/a.dcm", image())
    with (tmp_path / "f/backup.tar").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    got = deliver(tmp_path / "f", "dicom")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert got.rows("raw.reject", "reason") == [("not-dicom",)]
    assert peak < 16 << 20


def test_a_waveform_without_its_rate_is_an_asset_all_the_same(tmp_path: Path) -> None:
    item = Dataset()
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = 2, 10
    item.SamplingFrequency = None
    ecg = image(pixels=False, Modality="ECG", WaveformSequence=[item])
    ecg.SOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    write(tmp_path / "f/a.dcm", ecg)
    got = deliver(tmp_path / "f", "dicom")
    assert got.rows("raw.asset", "kind", "sampling_hz") == [("waveform", None)]


def test_a_damaged_value_costs_its_cell_only(tmp_path: Path) -> None:
    said = image(EchoTime="12.5", PatientBirthDate="19610430")
    data = write(tmp_path / "f/a.dcm", said).read_bytes()
    for good, bad in ((b"12.5", b"12,5"), (b"20190402", b"201904xx"), (b"19610430", b"196104xx")):
        data = data.replace(good, bad)
    (tmp_path / "f/a.dcm").write_bytes(data)
    got = deliver(tmp_path / "f", "dicom")
    assert got.rows("raw.reject", "column_name", "reason", "unit_of_count") == [
        ("birth_date", "invalid-value", "cell"), ("echo_time_ms", "invalid-value", "cell"),
        ("study_date", "invalid-value", "cell"),
    ]  # fmt: skip
    assert got.tally.facts_to_vault == len(got.found("native_id")) == 1
    assert got.rows("raw.asset", "echo_time_ms", "start_time") == [(None, None)]


def test_zips_are_read_and_persons_found_in_their_names(tmp_path: Path) -> None:
    """As UK Biobank sends images: 1234567_20252_2_0.zip, PatientID made anonymous."""
    folder = tmp_path / "bulk"
    folder.mkdir()
    for person in ("1234567", "7654321"):
        inner = write(tmp_path / "x.dcm", image(patient="ANON", study=int(person))).read_bytes()
        with zipfile.ZipFile(folder / f"{person}_20252_2_0.zip", "w") as archive:
            archive.writestr("T1/1.dcm", inner)
            archive.writestr("__MACOSX/T1/._1.dcm", b"litter")
    options = {"person_from": "path", "person_pattern": r"(?P<person>\d{7})_"}
    got = deliver(folder, "dicom", options=options)
    assert got.books == (2, 2, 0, 0)
    assert got.found("native_id") == ["1234567", "7654321"]
    assert got.found("asset_location") == [
        "bulk/1234567_20252_2_0.zip!T1", "bulk/7654321_20252_2_0.zip!T1"
    ]  # fmt: skip
    assert got.found("other") == [] and "ANON" not in repr(got.tables)
    assert got.tally.facts_to_vault == 0, "nor anywhere else"


def test_a_zip_cut_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(write(tmp_path / "x.dcm", image()), "x.dcm")
    path.write_bytes(path.read_bytes()[:-60])
    with pytest.raises(SourceFileError, match="zip"):
        deliver(path, "dicom")


def test_a_dicomdir_is_an_index_whose_missing_files_are_counted(tmp_path: Path) -> None:
    files = FileSet()
    for n in range(2):
        data = image(instance=n, PatientName="X", StudyID="1", SeriesNumber="1", InstanceNumber=n)
        data.AccessionNumber = ""
        files.add(write(tmp_path / f"in/{n}.dcm", data))
    files.write(tmp_path / "disc")
    got = deliver(tmp_path / "disc", "dicom")
    assert got.books == (3, 2, 0, 1) and got.tally.ignored["dicomdir"] == 1
    assert not got.tally.warnings
    next(p for p in (tmp_path / "disc").rglob("*") if p.is_file() and p.name != "DICOMDIR").unlink()
    assert deliver(tmp_path / "disc", "dicom").tally.warnings == {"dicomdir-file-missing": 1}


def test_names_in_other_scripts_reach_the_vault_readable(tmp_path: Path) -> None:
    write(tmp_path / "f/a.dcm", image(SpecificCharacterSet="ISO_IR 100", PatientName="Rüdiger"))
    write(tmp_path / "f/b.dcm", image("P2", 2, SpecificCharacterSet="ISO_IR 144",
                                      PatientName="Люкceмбypг"))  # fmt: skip
    assert deliver(tmp_path / "f", "dicom").found("full_name") == ["Rüdiger", "Люкceмбypг"]


def test_ids_are_the_same_in_every_delivery_and_need_the_key(tmp_path: Path) -> None:
    ids = [deliver(_folder(tmp_path / str(n)), "dicom").rows("raw.asset", "asset_id", "row_id")
           for n in range(2)]  # fmt: skip
    assert ids[0] == ids[1]
    assert KEYS.record_id("toy", "asset", uid(1, 1)) in {a for a, _ in ids[0]}


def test_a_delta_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not known for images"):
        deliver(_folder(tmp_path), "dicom", delivery="delta")


def test_a_name_in_a_coded_attribute_is_withheld_and_counted(tmp_path: Path) -> None:
    said = image(Modality="OKAFOR", BodyPartExamined="ADA OKAFOR", ViewPosition="ADA",
                 ImageLaterality="U", PatientSex="ADA")  # fmt: skip
    write(tmp_path / "f/a.dcm", said)
    got = deliver(tmp_path / "f", "dicom")
    assert got.rows("raw.asset", "modality", "body_part", "laterality", "view_position") == [
        (None, None, "U", None)
    ]
    assert "OKAFOR" not in repr(got.tables) and "ADA" not in repr(got.tables)
    assert got.tally.ignored["code-not-defined"] == 4


def test_terms_of_the_standard_are_known_however_they_are_spaced() -> None:
    assert defined_term("body_part", "Whole_Body") == "WHOLEBODY"
    assert defined_term("modality", "DS") == "DS", "retired"
    assert defined_term("laterality", "B") == "B"
    assert defined_term("body_part", "") is None
    assert defined_term("modality", "PA ") is not None and defined_term("laterality", "PA") is None
