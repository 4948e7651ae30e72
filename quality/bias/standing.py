"""A file in which users say how they meet the STANDING Together recommendations.

The subjects are ours, in our words, in the two parts that the recommendations have
(documentation and use of health datasets; Alderman et al.). Their 29 items are not copied:
the column `recommendation` takes the number in the published text. An audit fills what it has an
answer to; nothing here says that a dataset complies.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import write_text
from biobraid.quality.bias.sentences import sentences_of
from biobraid.quality.bias.store import AUDIT_JSON
from biobraid.quality.bias.suppression import Row

MAPPING = "standing_together.csv"
BEFORE = "standing_together.before.csv"
HEADER = ("item", "part", "subject", "recommendation", "state", "answer", "evidence")
PREFILLED, TO_COMPLETE = "prefilled", "to be completed"
# What the audit writes; every other state, such as `completed`, is the user's.
_OURS = (PREFILLED, TO_COMPLETE)


def write_mapping(folder: Path, content: Mapping[str, Any]) -> tuple[Path, dict[str, int]]:
    """Write or refresh the mapping beside an audit; returns it and the rows of each state.

    A row whose state is neither `prefilled` nor `to be completed`, or whose answer was changed
    from `to be completed`, stays as it is. The number of the recommendation always stays. The
    file as it was before is kept beside it.
    """
    path = folder / MAPPING
    before = _read(path) if path.is_file() else {}
    rows = [_kept(row, before.get(row["item"])) for row in mapping_rows(content)]
    out = io.StringIO()
    sheet = csv.DictWriter(out, HEADER, lineterminator="\n")
    sheet.writeheader()
    sheet.writerows(rows)
    if before and path.read_text(encoding="utf-8-sig") != out.getvalue():
        write_text(folder / BEFORE, path.read_text(encoding="utf-8-sig"))
    write_text(path, out.getvalue())
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    return path, counts


def mapping_rows(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """One row per subject, filled from the suppressed form of an audit where it has an answer."""
    text = files("biobraid.quality.bias").joinpath("standing.csv").read_text(encoding="utf-8")
    out = []
    for given in csv.DictReader(text.splitlines()):
        answer = _answer(given["audit"], content) if given["audit"] else ""
        out.append({
            "item": given["item"], "part": given["part"], "subject": given["subject"],
            "recommendation": "", "state": PREFILLED if answer else TO_COMPLETE,
            "answer": answer or TO_COMPLETE,
            "evidence": f"{AUDIT_JSON}, {_table(given['audit'])}" if answer else "",
        })  # fmt: skip
    return out


def _table(section: str) -> str:
    return "profile" if section == "diversity" else section


def _answer(section: str, content: Mapping[str, Any]) -> str:
    """What the audit says of a section; empty where it was not assessed."""
    if section in content["not_assessed"]:
        return ""
    tables: Mapping[str, Sequence[Row]] = content["tables"]
    rows = tables.get(_table(section), [])
    if section == "diversity":
        held = [r["measure"].removeprefix("effective groups of ") for r in rows
                if r["axis"] == "diversity"]  # fmt: skip
        return f"Attributes held (coding): {'; '.join(held)}." if held else ""
    if not rows:
        return ""
    said = sentences_of(section, content)
    verdict = content["verdicts"].get(section, "not_assessed")
    judged = f"Worst verdict of the audit: {verdict}." if verdict != "not_assessed" else ""
    return " ".join([*said, *([judged] if judged else [])])


def _kept(row: dict[str, str], before: Mapping[str, str] | None) -> dict[str, str]:
    if before is None:
        return row
    is_theirs = before["state"] not in _OURS or (
        before["state"] == TO_COMPLETE and before["answer"] not in ("", TO_COMPLETE)
    )
    if is_theirs:
        return {**row, **{c: before[c] for c in ("recommendation", "state", "answer", "evidence")}}
    return {**row, "recommendation": before["recommendation"]}


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        sheet = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(keepends=True))
        gone = [c for c in HEADER if c not in (sheet.fieldnames or ())]
        if not gone:
            return {row["item"]: {c: row[c] or "" for c in HEADER} for row in sheet}
        found = f"no column {', '.join(gone)}"
    except (UnicodeDecodeError, csv.Error):
        found = "cannot be read"
    raise SettingsError(
        Fault(path.name, found, f"CSV in UTF-8 with {', '.join(HEADER)}",
              "Mend it, or move it away and run this again.")
    )  # fmt: skip
