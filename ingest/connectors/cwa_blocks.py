"""Axivity's CWA: header and data blocks of 512 bytes (openmovement's public format description).

Only what a warehouse keeps is computed: sums per minute, from which epochs are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import numpy as np
import numpy.typing as npt

from biobraid.core.errors import Fault, SourceFileError

SECTOR = 512
HEADER_BYTES = 1024
_BLOCKS = 4096  # read at once: 2 MB
_MODELS = {0x00: "AX3", 0x17: "AX3", 0xFF: "AX3", 0x64: "AX6"}
# A device that lies still: standard deviation below 13 mg (van Hees et al. 2011, PLoS ONE 6:e22922).
STILL_G = 0.013
_EPOCH = 60
# Axes and packing of a block: 3, 6 or 9 axes of 16 bits, or 3 of ten bits in 32.
_FORMS = (0x30, 0x32, 0x62, 0x92)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CwaHeader:
    """What the header says. device_id names the very device and goes nowhere but into a token."""

    model: str
    device_id: int
    has_annotation: bool


@dataclass
class Epochs:
    """Sums per minute of local time: n samples, ENMO, x, y, z and their squares, late blocks."""

    sums: dict[int, npt.NDArray[np.float64]] = field(default_factory=dict)
    bad_blocks: list[int] = field(default_factory=list)
    n_blocks: int = 0
    highest: float = -np.inf

    def table(self) -> tuple[Ints, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """(second each minute starts, mean ENMO in g, whether it moved, whether after a jump)."""
        minutes = np.array(sorted(self.sums), dtype=np.int64)
        rows = np.array([self.sums[int(m)] for m in minutes]).reshape(-1, 9)
        n = rows[:, 0]
        deviation = np.sqrt(
            np.maximum(rows[:, 5:8] / n[:, None] - (rows[:, 2:5] / n[:, None]) ** 2, 0)
        )
        moved = (deviation >= STILL_G).sum(axis=1) >= 2
        return minutes * _EPOCH, rows[:, 1] / n, moved, rows[:, 8] > 0


def read_header(stream: IO[bytes], where: str) -> CwaHeader:
    """The header; SourceFileError if the file does not begin as CWA files do."""
    raw = stream.read(HEADER_BYTES)
    if len(raw) < HEADER_BYTES or raw[:2] != b"MD":
        raise SourceFileError(
            Fault(
                where,
                "the file is no CWA recording, or is cut off in its header",
                "a .cwa file of an AX3 or AX6, which begins with MD",
                "Ask for the file again; nothing of it was landed.",
            )
        )
    lower, upper = int.from_bytes(raw[5:7], "little"), int.from_bytes(raw[11:13], "little")
    device = lower | (upper << 16 if upper != 0xFFFF else 0)
    annotation = raw[64:512].strip(b" \x00\xff")
    return CwaHeader(_MODELS.get(raw[4], "AX3"), device, bool(annotation))


def read_epochs(stream: IO[bytes], epochs: Epochs) -> Iterator[int]:
    """Add the blocks of the stream to the epochs; yields the bytes of each piece read."""
    while raw := stream.read(SECTOR * _BLOCKS):
        whole = len(raw) // SECTOR
        _add(np.frombuffer(raw, np.uint8, whole * SECTOR).reshape(-1, SECTOR), epochs)
        if len(raw) % SECTOR:  # cut off within a block
            epochs.n_blocks += 1
            epochs.bad_blocks.append(epochs.n_blocks)
        yield len(raw)


def _add(raw: npt.NDArray[np.uint8], epochs: Epochs) -> None:
    first = epochs.n_blocks + 1
    epochs.n_blocks += len(raw)
    words = raw.view("<u2")
    is_good = (raw[:, 0] == ord("A")) & (raw[:, 1] == ord("X"))
    is_good &= (words[:, 1] == 508) & (words.astype(np.uint32).sum(axis=1) % 65_536 == 0)
    start, is_time = _times(raw)
    is_good &= is_time & (_rate(raw) > 0) & (_count(raw) > 0) & np.isin(raw[:, 25], _FORMS)
    epochs.bad_blocks += (np.flatnonzero(~is_good) + first).tolist()
    # Blocks of one form are decoded together; a file has one, as a rule.
    for form in np.unique(raw[is_good, 25]):
        at = np.flatnonzero(is_good & (raw[:, 25] == form))
        _add_form(raw[at], start[at], int(form), epochs)


def _u16(raw: npt.NDArray[np.uint8], at: int) -> Ints:
    found: Ints = raw[:, at].astype(np.int64) | (raw[:, at + 1].astype(np.int64) << 8)
    return found


def _u32(raw: npt.NDArray[np.uint8], at: int) -> Ints:
    return _u16(raw, at) | (_u16(raw, at + 2) << 16)


def _rate(raw: npt.NDArray[np.uint8]) -> Floats:
    code = raw[:, 24].astype(np.int64)
    found: Floats = np.where(code == 0, 0.0, 3200.0 / 2.0 ** (15 - (code & 0x0F)))
    return found


def _count(raw: npt.NDArray[np.uint8]) -> Ints:
    return _u16(raw, 28)


def _times(raw: npt.NDArray[np.uint8]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Local seconds since 1970 of the first sample of each block, and where they are times."""
    stamp = _u32(raw, 14)
    year, month, day = (stamp >> 26) + 2000, (stamp >> 22) & 15, (stamp >> 17) & 31
    hour, minute, second = (stamp >> 12) & 31, (stamp >> 6) & 63, stamp & 63
    is_time = (
        (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    )
    months = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int64) + day - 1
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    fraction = _u16(raw, 4)
    offset = _u16(raw, 26).astype(np.int16).astype(np.int64)
    has_fraction = (fraction & 0x8000) != 0
    part = np.where(has_fraction, (fraction & 0x7FFF) / 32_768.0, 0.0)
    rate = np.where(_rate(raw) > 0, _rate(raw), 1.0)
    # With a fraction, older firmware's offset was shifted by it; the whole samples are undone.
    shift = np.where(has_fraction, np.floor(part * rate), 0.0)
    return seconds + part - (offset + shift) / rate, is_time


def _add_form(raw: npt.NDArray[np.uint8], start: Floats, form: int, epochs: Epochs) -> None:
    axes, packing = form >> 4, form & 0x0F
    data = np.ascontiguousarray(raw[:, 30:510])
    if packing == 0:  # three axes of ten bits in 32, with a common exponent
        packed = data.view("<u4").astype(np.int64)
        exponent = packed >> 30
        parts = [((packed >> s) & 0x3FF) for s in (0, 10, 20)]
        xyz = (
            np.stack([(np.where(p > 511, p - 1024, p) << exponent) for p in parts], axis=2) / 256.0
        )
    else:
        per_sample = data.view("<i2").reshape(len(raw), -1)
        n = per_sample.shape[1] // axes
        every = per_sample[:, : n * axes].reshape(len(raw), n, axes)
        own = every[:, :, 3:6] if axes >= 6 else every[:, :, :3]  # gyroscope first, if there is one
        scale = 2.0 ** (8 + (_u16(raw, 18) >> 13))
        xyz = own / scale[:, None, None]
    n_slots = xyz.shape[1]
    is_sample = np.arange(n_slots)[None, :] < _count(raw)[:, None]
    when = start[:, None] + np.arange(n_slots)[None, :] / _rate(raw)[:, None]
    before = np.maximum.accumulate(np.r_[epochs.highest, start])[:-1]
    late = before - start > _EPOCH
    epochs.highest = max(epochs.highest, float(start.max()))
    minute = np.floor(when / _EPOCH).astype(np.int64)[is_sample]
    x, y, z = (xyz[:, :, i][is_sample] for i in range(3))
    enmo = np.maximum(np.sqrt(x * x + y * y + z * z) - 1.0, 0.0)
    is_late = np.broadcast_to(late[:, None], when.shape)[is_sample].astype(np.float64)
    names, at = np.unique(minute, return_inverse=True)
    columns = (np.ones(len(minute)), enmo, x, y, z, x * x, y * y, z * z, is_late)
    sums = np.stack([np.bincount(at, c, len(names)) for c in columns], axis=1)
    for name, row in zip(names.tolist(), sums, strict=True):
        epochs.sums[name] = epochs.sums[name] + row if name in epochs.sums else row
