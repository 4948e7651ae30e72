"""The header scanner says what pydicom says, or nothing: on pydicom's own test files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom.data
import pytest

from biobraid.ingest.connectors import dicom_pydicom
from biobraid.ingest.connectors.dicom_scan import NeedMore, Unusual, scan_header
from biobraid.ingest.connectors.dicom_tags import CHARACTER_SET, VAULT, WANTED
from tests.imaging.dicom_files import image, write

FILES = sorted(p for p in Path(pydicom.data.__file__).parent.rglob("*") if p.is_file())
_SCRIPTS = {f"{tag:08x}" for tag in VAULT} | {WANTED[CHARACTER_SET]}


def _clean(values: dict[str, bytes]) -> dict[str, bytes]:
    """Values without padding; text in other scripts is compared where it is decoded."""
    stripped = {n: v.strip(b"\0 ") for n, v in values.items() if n not in _SCRIPTS}
    return {n: v for n, v in stripped.items() if v}


def test_values_equal_pydicoms_on_its_test_files() -> None:
    n_scanned = n_left = 0
    for path in FILES:
        data = path.read_bytes()
        try:
            scanned = scan_header(data, len(data))
        except Unusual:
            n_left += 1
            continue
        read = dicom_pydicom.read_header(BytesIO(data))
        assert _clean(scanned.values) == _clean(read.values), path.name
        assert ("private-tag" in scanned.dropped) >= ("private-tag" in read.dropped), path.name
        n_scanned += 1
    assert n_scanned > 150 and n_left < 50


def test_a_header_is_read_whatever_part_of_it_is_at_hand(tmp_path: Path) -> None:
    """The scanner asks for more until it has enough; it never says less."""
    nested = image(ProcedureCodeSequence=[image(pixels=False, ImageComments="nested")])
    data = write(tmp_path / "a.dcm", nested).read_bytes()
    whole = scan_header(data, len(data))
    for cut in range(140, len(data), 7):
        try:
            part = scan_header(data[:cut], len(data))
        except NeedMore:
            continue
        assert part == whole
    assert whole.pixels_end == len(data)


@pytest.mark.parametrize("implicit", [False, True])
def test_both_little_endian_forms_are_read(tmp_path: Path, implicit: bool) -> None:
    data = write(tmp_path / "a.dcm", image(EchoTime="2.5"), implicit=implicit).read_bytes()
    values = scan_header(data, len(data)).values
    assert (values["n_rows"], values["echo_time_ms"].strip()) == (b"8", b"2.5")
