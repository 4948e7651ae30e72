"""GT columns of VCF lines as allele numbers, a whole line at a time.

The usual line of calls only (`0|1` and nothing else, for everybody) has a fixed width and is
read as a matrix of bytes. All other lines are cut at their tabs, still without a loop over
samples; only calls with two-digit alleles or more than two alleles are read one by one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
I8 = npt.NDArray[np.int16]

_TAB, _COLON, _BAR, _SLASH, _DOT = (ord(c) for c in "\t:|/.")
UNCALLED, ABSENT, POLYPLOID, BAD = -1, -2, -3, -9
# Byte -> allele number of one digit.
_ALLELE = np.full(256, BAD, np.int16)
_ALLELE[ord("0") : ord("9") + 1] = np.arange(10)
_ALLELE[_DOT] = UNCALLED
# Byte -> part of a sum that says what a call of two alleles is: 0, 1, 16 uncalled, 64 anything else.
_PART = np.full(256, 64, np.uint8)
_PART[ord("0")], _PART[ord("1")], _PART[_DOT] = 0, 1, 16
_NO_CALL = 255
_CALL_OF_SUM = np.full(256, _NO_CALL, np.uint8)
_CALL_OF_SUM[[0, 1, 2]] = [0, 1, 2]
_CALL_OF_SUM[[16, 17, 32]] = 3
_IS_ALLELE = re.compile(rb"[0-9]{1,4}").fullmatch
_ZEROS_BAR = np.uint32(int.from_bytes(b"\t0|0", "little"))
_ZEROS_SLASH = np.uint32(int.from_bytes(b"\t0/0", "little"))
_NOT_ALLELES = np.uint32(0xFEFF_FEFF)


@dataclass(frozen=True)
class Calls:
    """Calls of one line: of a biallelic record at once, or the allele numbers of any other.

    alleles: (samples, 2); -1 uncalled, -2 no second allele (haploid), -3 more than two alleles.
    """

    codes: U8 | None
    alleles: I8 | None
    n_half: int = 0


def fixed_width_calls(section: U8, n_samples: int, is_biallelic: bool) -> Calls | None:
    """Calls of a section where every sample is `a|b`; None if the section is not of that kind.

    section: bytes from the tab before the first sample to the end of the line.
    """
    if len(section) != 4 * n_samples:
        return None
    if is_biallelic:
        return _biallelic_calls(section)
    cells = section.reshape(-1, 4)
    if not _are_pairs(cells):
        return None
    alleles = np.stack([_ALLELE[cells[:, 1]], _ALLELE[cells[:, 3]]], axis=1)
    if (alleles == BAD).any():
        return None
    return Calls(None, alleles, n_half_calls(alleles))


def _are_pairs(cells: U8) -> bool:
    separators = cells[:, 2]
    return bool(
        (cells[:, 0] == _TAB).all() and ((separators == _BAR) | (separators == _SLASH)).all()
    )


def _biallelic_calls(section: U8) -> Calls | None:
    """Calls of 0 and 1, the four bytes of a sample as one number; the few others one by one.

    A tab, 0, |, 0 and a tab, 1, |, 1 differ in the lowest bit of two bytes. Where the
    exclusive or with the former leaves any other bit, the call is uncalled, has the other
    separator, or is none.
    """
    numbers = np.array(section).view("<u4")
    differs = numbers ^ (_ZEROS_SLASH if section[2] == _SLASH else _ZEROS_BAR)
    codes = ((differs >> np.uint32(8)) & np.uint32(1)) + (differs >> np.uint32(24))
    calls = codes.astype(np.uint8)
    odd = np.flatnonzero(differs & _NOT_ALLELES)
    n_half = 0
    if len(odd):
        cells = section.reshape(-1, 4)[odd]
        if not _are_pairs(cells):
            return None
        sums = _PART[cells[:, 1]] + _PART[cells[:, 3]]
        calls[odd] = _CALL_OF_SUM[sums]
        if (calls[odd] == _NO_CALL).any():
            return None
        n_half = int(((sums == 16) | (sums == 17)).sum())
    return Calls(calls, None, n_half)


def n_half_calls(alleles: I8) -> int:
    """Calls with one allele called and one not."""
    return int(((alleles == UNCALLED).any(axis=1) & (alleles >= 0).any(axis=1)).sum())


def calls_of_line(section: U8, n_samples: int) -> Calls | None:
    """Calls of any section whose first field is GT; None if it is malformed.

    section: as in `fixed_width_calls`.
    """
    tabs = np.flatnonzero(section == _TAB)
    if len(tabs) != n_samples:
        return None
    padded = np.concatenate([section, np.full(4, _TAB, np.uint8)])
    starts = tabs + 1
    first, second, third, fourth = (padded[starts + k] for k in range(4))
    if (first == _TAB).any():
        return None
    alleles = np.full((n_samples, 2), ABSENT, np.int16)
    alleles[:, 0] = _ALLELE[first]
    is_haploid = (second == _TAB) | (second == _COLON)
    is_pair = ((second == _BAR) | (second == _SLASH)) & ((fourth == _TAB) | (fourth == _COLON))
    alleles[is_pair, 1] = _ALLELE[third[is_pair]]
    ends = np.append(tabs[1:], len(section))
    for i in np.flatnonzero(~is_haploid & ~is_pair).tolist():
        alleles[i] = _one_call(section[starts[i] : ends[i]].tobytes())
    if (alleles == BAD).any():
        return None
    return Calls(None, alleles, n_half_calls(alleles))


def _one_call(cell: bytes) -> tuple[int, int]:
    parts = cell.partition(b":")[0].replace(b"|", b"/").split(b"/")
    numbers = [UNCALLED if p == b"." else int(p) if _IS_ALLELE(p) else BAD for p in parts]
    if BAD in numbers:
        return BAD, BAD
    if len(numbers) > 2:
        return POLYPLOID, POLYPLOID
    return numbers[0], numbers[1] if len(numbers) == 2 else ABSENT
