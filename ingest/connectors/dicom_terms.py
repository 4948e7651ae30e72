"""Words that DICOM defines for coded attributes; all others may name somebody and stay out."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

# The rule by which a coded attribute is withheld whose word the standard does not define.
NOT_DEFINED = "code-not-defined"
SEXES = ("M", "F", "O")  # PS3.3 C.7.1.1
_TABLE = Path(__file__).parent.parent / "shipped" / "dicom" / "terms.csv"
CODED = ("modality", "body_part", "laterality", "view_position")


def defined_term(attribute: str, text: str) -> str | None:
    """The defined term that a text stands for, None if there is none.

    attribute: one of CODED. Case, spaces and underscores do not count: WHOLE BODY is WHOLEBODY.
    Source: shipped/dicom/terms.csv, which names the part of the standard of each term.
    """
    return _terms()[attribute].get(_plain(text))


@cache
def _terms() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {attribute: {} for attribute in CODED}
    for row in csv.DictReader(_TABLE.read_text(encoding="utf-8").splitlines()):
        found[row["attribute"]][_plain(row["term"])] = row["term"]
    return found


def _plain(text: str) -> str:
    return text.upper().replace(" ", "").replace("_", "")
