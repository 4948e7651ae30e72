"""Connectors bids and wfdb: names, sidecars and headers, no voxel and no sample."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.connectors.nifti import read_nifti_header
from tests.imaging.delivery import deliver


def nifti(shape: tuple[int, ...] = (4, 5, 6), order: str = "<") -> bytes:
    """A NIfTI-1 file of zeros; voxels of 1 x 1.5 x 2 mm, 0.8 s between volumes."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into(f"{order}8f", header, 76, 1, 1, 1.5, 2, 0.8, 0, 0, 0)
    header[123] = 2 | 8
    header[344:348] = b"n+1\0"
    return bytes(header)


def dataset(folder: Path) -> Path:
    """Two participants, one session each; one file damaged, one misnamed."""

    def put(name: str, content: bytes | str | dict[str, object]) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    put("dataset_description.json", {"Name": "toy", "BIDSVersion": "1.10.0"})
    put("participants.tsv", "participant_id\tsex\tage\tnote\tgene\nsub-01\tF\t61\tAda\tG-77\n"
                            "sub-02\tm\tn/a\t\tG-78\nsub-02\tM\t50\t\t\nn/a\tM\t50\t\t\n")  # fmt: skip
    put("T1w.json", {"MagneticFieldStrength": 3, "InstitutionName": "Mill Lane",
                     "BodyPartExamined": "Ada Mill Lane"})  # fmt: skip
    put("sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz", gzip.compress(nifti()))
    put("sub-01/ses-a/anat/sub-01_ses-a_T1w.json", {"EchoTime": 0.0025, "MagneticFieldStrength": 7})
    put("sub-01/sub-01_sessions.tsv", "session_id\tacq_time\nses-a\t2019-04-02T10:00:00\n")
    put("sub-01/ses-a/func/sub-01_ses-a_task-rest_bold.nii", nifti((4, 5, 6, 10), ">"))
    put("sub-01/ses-a/func/sub-01_ses-a_task-rest_events.tsv", "onset\tduration\n")
    put("sub-02/anat/sub-02_T1w.nii.gz", b"not compressed at all")
    put("sub-02/anat/sub-01_T1w.nii.gz", gzip.compress(nifti()))
    put("sub-02/eeg/sub-02_task-rest_eeg.edf", b"0       ")
    put("sub-02/eeg/sub-02_task-rest_eeg.json", {"SamplingFrequency": 500, "EEGChannelCount": 19})
    put("sub-02/anat/sub-02_T2w.nii.gz", b"")
    put("derivatives/seg/sub-01/anat/sub-01_T1w.nii.gz", b"x")
    return folder


def test_images_and_signals_of_subjects_become_assets(tmp_path: Path) -> None:
    got = deliver(dataset(tmp_path / "ds"), "bids", identity={"gene": "sample_id"})
    names = ("modality", "sequence_name", "n_slices", "n_frames", "field_strength_t",
             "echo_time_ms", "repetition_time_ms", "pixel_spacing_mm", "n_channels",
             "start_time")  # fmt: skip
    assert got.rows("raw.asset", *names) == [
        ("EEG", "eeg", None, None, None, None, None, None, 19, None),
        ("MR", "T1w", 6, 1, 7.0, 2.5, None, 1.5, None, "2019-04-02T10:00:00"),
        ("MR", "bold", 6, 10, None, None, 800.0, 1.5, None, "2019-04-02T10:00:00"),
    ]
    assert got.rows("raw.event", "code", "start_time") == [
        ("EEG", None), ("MR", "2019-04-02T10:00:00")
    ]  # fmt: skip
    assert got.found("native_id") == ["sub-01", "sub-01", "sub-02", "sub-02"]
    assert got.found("sample_id") == ["G-77", "G-78"]
    assert "ds/sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz" in got.found("asset_location")
    assert got.rows("raw.asset", "body_part") == [("BRAIN",), (None,), (None,)]
    for secret in ("sub-0", "Ada", "Mill", "MILL", "G-77"):
        assert secret not in repr(got.tables), secret


def test_every_file_and_cell_is_in_the_books(tmp_path: Path) -> None:
    variables = {"sex": Variable("sex"), "age": Variable("age")}
    got = deliver(dataset(tmp_path / "ds"), "bids", variables)
    assert got.rows("raw.value", "variable", "value") == [("age", "61"), ("sex", "F"), ("sex", "m")]
    assert sorted(r for (r,) in got.rows("raw.reject", "reason")) == [
        "damaged-header", "duplicate-key", "empty-file", "invalid-name", "missing-person-id"
    ]  # fmt: skip
    assert got.books == (17, 5, 5, 7)
    assert {"bids-metadata": 3, "bids-companion": 3, "bids-derivatives": 1}.items() <= (
        got.tally.ignored.items()
    )
    assert got.tally.ignored["code-not-defined"] == 1
    # participants: note, gene x 2; sidecars: Name, BIDSVersion, InstitutionName
    assert got.tally.ignored["undeclared-column"] == 3
    assert got.tally.ignored["tag-not-allowed"] == 3


def test_a_word_of_their_own_in_a_name_does_not_land(tmp_path: Path) -> None:
    folder = tmp_path / "ds"
    (folder / "sub-01/anat").mkdir(parents=True)
    (folder / "dataset_description.json").write_text("{}")
    for suffix in ("T1w", "OkaforAda"):
        (folder / f"sub-01/anat/sub-01_{suffix}.nii").write_bytes(nifti())
    got = deliver(folder, "bids")
    assert got.rows("raw.asset", "sequence_name") == [("T1w",), (None,)]
    assert "Okafor" not in repr(got.tables)


def test_skeletons_of_published_datasets_land_if_declared(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "ds")
    got = deliver(folder, "bids", options={"empty_files": "land"})
    assert ("T2w", 0) in got.rows("raw.asset", "sequence_name", "n_bytes")


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ds").mkdir()
    with pytest.raises(SourceFileError, match="no BIDS dataset"):
        deliver(tmp_path / "ds", "bids")


@pytest.mark.parametrize("cut", [0, 100, 347])
def test_a_header_cut_short_is_none(cut: int) -> None:
    assert read_nifti_header(nifti()[:cut]) is None


def test_waveforms_by_their_headers(tmp_path: Path) -> None:
    folder = tmp_path / "ecg"
    (folder / "p7").mkdir(parents=True)
    (folder / "p7/r1.hea").write_text(
        "r1 2 500 5000 09:30:01 02/04/2019\nr1.dat 16 200 16 0 0 0 0 I\n"
        "r1.dat 16 200 16 0 0 0 0 II\n# age: 61\n# sex: female\n# Admitted: Ada Okafor\n"
    )
    (folder / "p7/r1.dat").write_bytes(bytes(20_000))
    (folder / "100.hea").write_text("100 2 360 650000\n100.dat 212 200 11 0 0 0 0 V5\n# 69 M 1 x\n")
    (folder / "bad.hea").write_text("what is this\n")
    got = deliver(folder, "wfdb")
    assert got.books == (4, 2, 1, 1)
    assert got.rows("raw.asset", "kind", "modality", "n_channels", "sampling_hz", "duration_s",
                    "n_bytes", "start_time") == [
        ("waveform", "ECG", 2, 360.0, 650000 / 360, 58, None),
        ("waveform", "ECG", 2, 500.0, 10.0, 20_136, "2019-04-02T09:30:01.000000"),
    ]  # fmt: skip
    assert got.rows("raw.value", "variable", "value") == [
        ("PatientAge", "61"), ("PatientAge", "69"), ("PatientSex", "F"), ("PatientSex", "M")
    ]  # fmt: skip
    assert got.found("native_id") == ["100", "p7"]
    assert got.tally.ignored["free-text-undeclared"] == 2 and "Okafor" not in repr(got.tables)


@pytest.mark.parametrize(
    "line", ["r 1 1e 100", "r 1 5-0 100", "r 1 100 100 :: 02/04/2019", "r 99999999999 100 100"]
)
def test_a_waveform_header_with_odd_numbers_is_damaged(tmp_path: Path, line: str) -> None:
    (tmp_path / "ecg").mkdir()
    (tmp_path / "ecg/r.hea").write_text(line + "\n")
    got = deliver(tmp_path / "ecg", "wfdb")
    assert got.rows("raw.reject", "reason") == [("damaged-header",)]


def test_the_same_path_in_two_datasets_is_two_assets(tmp_path: Path) -> None:
    ids = [
        {a for (a,) in deliver(dataset(tmp_path / name), "bids").rows("raw.asset", "asset_id")}
        for name in ("one", "two")
    ]
    assert not ids[0] & ids[1]
