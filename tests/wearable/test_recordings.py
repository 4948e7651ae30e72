"""Recordings of devices: Axivity's CWA, Garmin's FIT, Open mHealth's data points."""

from __future__ import annotations

import gzip
import struct

import fitdecode
import numpy as np
import pytest

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import (
    counts,
    cwa_block,
    cwa_header,
    declare,
    deliver,
    deliver_json,
    faults_of,
    landed,
)

START = int(np.datetime64("2021-06-01T10:00:00").astype(np.int64))
RATE = 100  # Hz, code 0x4A


def recording(seconds: list[int], lie_still_after: int = 10**12) -> list[bytes]:
    """Blocks of 80 samples; enough of them to fill every second that is named."""
    noise = np.random.default_rng(1)
    blocks = []
    for number, second in enumerate(seconds):
        xyz = np.tile([0.0, 0.0, 1.0], (80, 1))
        if second < lie_still_after:
            xyz += noise.normal(0, 0.2, xyz.shape)
        blocks.append(cwa_block(second, xyz, sequence=number))
    return blocks


def test_epochs_are_the_mean_of_what_the_blocks_hold(home: Home) -> None:
    declare(home, "cwa", options={"person_pattern": "^(\\d+)_"})
    seconds = [START + i for i in range(180)]
    blocks = recording(seconds, lie_still_after=START + 60)
    deliver(
        home,
        "1234_90001_0_0.cwa.gz",
        gzip.compress(cwa_header(annotation=b"_sc=ANA") + b"".join(blocks)),
    )
    run(home)
    found = landed(home, "variable, start_time::VARCHAR, value, device_type")
    assert [f[1] for f in found[:3]] == [f"2021-06-01 10:0{m}:00" for m in range(3)]
    xyz = (
        np.concatenate([np.frombuffer(b[30:510], "<i2").reshape(80, 3) for b in blocks[:60]]) / 256
    )
    wanted = np.maximum(np.linalg.norm(xyz, axis=1) - 1, 0).mean()
    enmo = [f[2] for f in found if f[0] == "cwa.enmo"]
    assert abs(enmo[0] - wanted) < 1e-9 and enmo[1] == 0
    assert [f[2] for f in found if f[0] == "cwa.moving"] == [1.0, 0.0, 0.0]
    books = counts(home)
    assert books["ignored"] == {"header": 1, "annotation": 1} and books["records_landed"] == 3


def test_damaged_blocks_and_a_clock_that_was_set_back_are_seen(home: Home) -> None:
    declare(home, "cwa")
    blocks = recording([START, START + 60, START + 120, START - 7200])
    blocks[1] = blocks[1][:100] + b"\x13\x37" + blocks[1][102:]
    deliver(home, "p1/a.cwa", cwa_header() + b"".join(blocks) + b"AX")
    run(home)
    rows = landed(home, "start_time::VARCHAR, time_flag")
    assert rows[::2] == [
        ("2021-06-01 08:00:00", "clock-jump"),
        ("2021-06-01 10:00:00", None),
        ("2021-06-01 10:02:00", None),
    ]
    assert counts(home)["rejects"] == {"damaged-block": 2}


def test_a_block_of_no_axes_is_damaged(home: Home) -> None:
    declare(home, "cwa")
    blocks = recording([START, START + 60])
    words = np.frombuffer(blocks[1], "<u2").copy()
    words[12] = 0x0200 | (words[12] & 0xFF)  # byte 25: axes and packing
    words[255] = -words[:255].sum(dtype=np.int64) & 0xFFFF
    deliver(home, "p1/a.cwa", cwa_header() + blocks[0] + words.tobytes())
    run(home)
    assert counts(home)["rejects"] == {"damaged-block": 1}
    assert len(landed(home, "value")) == 2


def test_a_file_that_is_no_recording_lands_nothing(home: Home) -> None:
    declare(home, "cwa")
    deliver(home, "p1/a.cwa", b"MZ" + bytes(2000))
    deliver(
        home, "p2/b.cwa.gz", gzip.compress(cwa_header() + cwa_block(START, np.zeros((80, 3))))[:-9]
    )
    found = sorted(f.found for f in faults_of(home))
    assert found == ["the file is no CWA recording, or is cut off in its header",
                     "the gzip is damaged or cut off"]  # fmt: skip


def test_a_fit_file_that_is_none_lands_nothing(home: Home) -> None:
    declare(home, "garmin_fit")
    deliver(home, "p1/a.fit", bytes(range(200)))
    (fault,) = faults_of(home)
    assert "no whole FIT file" in fault.found


def fit_file(heart_rates: list[int]) -> bytes:
    """A FIT file of record messages, a second apart, without any message about the device."""
    body = bytes.fromhex("40 00 00 14 00 02 fd 04 86 03 01 02")  # timestamp and heart rate
    body += b"".join(struct.pack("<BIB", 0, 10**9 + i, v) for i, v in enumerate(heart_rates))
    whole = struct.pack("<BBHI4sH", 14, 0x10, 2132, len(body), b".FIT", 0) + body
    return whole + struct.pack("<H", fitdecode.utils.compute_crc(whole))


def test_a_fit_file_whose_checksum_is_wrong_lands_nothing(home: Home) -> None:
    declare(home, "garmin_fit")
    whole = fit_file([60, 61, 62])
    deliver(home, "p1/a.fit", whole[:-4] + bytes([200]) + whole[-3:])
    (fault,) = faults_of(home)
    assert fault.found == "the file is no whole FIT file (FitCRCError)"
    deliver(home, "p1/a.fit", whole)
    run(home)
    assert landed(home, "value, device_id") == [(60.0, None), (61.0, None), (62.0, None)]


@pytest.mark.parametrize("at", range(14, 26))
def test_a_fit_file_with_a_spoilt_definition_is_no_bug(home: Home, at: int) -> None:
    declare(home, "garmin_fit")
    spoilt = bytearray(fit_file([60, 61, 62]))
    spoilt[at] ^= 0x55
    deliver(home, "p1/a.fit", bytes(spoilt))
    (fault,) = faults_of(home)
    assert "no whole FIT file" in fault.found


def test_data_points_name_their_schema_person_and_time(home: Home) -> None:
    declare(home, "openmhealth")
    header = {
        "id": "d1",
        "user_id": "u1",
        "schema_id": {"namespace": "omh", "name": "heart-rate", "version": "2.0"},
    }
    body = {
        "heart_rate": {"value": 67.5, "unit": "beats/min"},
        "effective_time_frame": {"date_time": "2020-02-05T07:25:00-08:00"},
        "user_notes": "Ana felt dizzy",
    }
    maximum = {**body, "descriptive_statistic": "maximum"}
    deliver_json(home, "u/points.json", [
        {"header": header, "body": body},
        {"header": {**header, "id": "d2"}, "body": maximum},
        {"header": {**header, "id": "d3"}, "body": {"heart_rate": {"value": 1, "unit": "beats/min"}}},
        {"header": {"id": "d4"}, "body": body},
        "nonsense",
    ])  # fmt: skip
    run(home)
    assert landed(home, "variable, value, start_time::VARCHAR, start_offset_minutes") == [
        ("omh.heart-rate", 67.5, "2020-02-05 07:25:00", -480),
        ("omh.heart-rate.maximum", 67.5, "2020-02-05 07:25:00", -480),
    ]
    books = counts(home)
    assert books["rejects"] == {"missing-time": 1, "unknown-schema": 1, "not-a-data-point": 1}
    assert books["ignored"] == {"free-text-undeclared": 2}
