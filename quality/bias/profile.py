"""The dataset along the seven axes on which biobanks are compared."""

from __future__ import annotations

import duckdb
import numpy as np

from biobraid.quality.bias.facts import FactShares, Observed
from biobraid.quality.bias.frame import MISSING, Frame
from biobraid.quality.bias.people import table_exists
from biobraid.quality.bias.sections_people import Given, judged
from biobraid.quality.bias.verdict import NOT_ASSESSED, Verdict

AXES = ("sample size", "depth of phenotyping", "follow-up", "interaction", "diversity",
        "standardisation", "linkage")  # fmt: skip


def profile_rows(
    con: duckdb.DuckDBPyConnection, frame: Frame, seen: Observed | None, shares: FactShares
) -> list[Given]:
    """audit.profile: a few numbers per axis, none of them judged."""
    rows = [_row("sample size", "people", float(frame.n), "people", frame.n)]
    for place, modality in enumerate(frame.modalities):
        n = int(frame.has[:, place].sum())
        rows.append(_row("sample size", f"people with {modality}", float(n), "people", n))
    rows += _depth(con, frame.n, shares)
    if seen is not None:
        followed = seen.years[seen.years > 0]
        if len(followed):
            middle = float(np.median(followed))
            rows.append(_row("follow-up", "median length", middle, "years", len(followed)))
            pace = float(seen.visits.sum() / seen.years.sum())
            rows.append(
                _row("interaction", "visits per person-year", pace, "1/year", len(followed))
            )
    rows += _intervals(con)
    for place, attribute in enumerate(frame.attributes):
        counts = np.bincount(frame.codes[:, place], minlength=len(attribute.levels))
        known = [c for level, c in zip(attribute.levels, counts, strict=True) if level != MISSING]
        p = np.array(known)[np.array(known) > 0] / max(sum(known), 1)
        groups = float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0
        name = f"effective groups of {attribute.name} ({attribute.scheme})"
        rows.append(_row("diversity", name, groups, "groups", int(sum(known))))
    rows += [
        _row("standardisation", "facts with a standard concept",
             1 - _share(shares.unmapped, shares.facts), "share", frame.n),
        _row("standardisation", "numbers with a unit",
             1 - _share(shares.unitless, shares.numbers), "share", frame.n),
        _row("linkage", "people with two or more modalities",
             float((frame.has.sum(axis=1) >= 2).mean()), "share", frame.n),
    ]  # fmt: skip
    return rows


def _depth(con: duckdb.DuckDBPyConnection, n: int, shares: FactShares) -> list[Given]:
    rows = [_row("depth of phenotyping", "median facts per person", float(np.median(shares.facts)),
                 "facts", n)]  # fmt: skip
    if table_exists(con, "cdm.measurement"):
        found = con.execute(
            "SELECT median(k) FROM (SELECT count(DISTINCT m.measurement_concept_id) AS k "
            "FROM temp.audited AS p LEFT JOIN cdm.measurement AS m USING (person_id) GROUP BY p.person_id)"
        ).fetchone()
        rows.append(_row("depth of phenotyping", "median distinct measurements per person",
                         float(found[0] or 0) if found else 0.0, "concepts", n))  # fmt: skip
    return rows


def _intervals(con: duckdb.DuckDBPyConnection) -> list[Given]:
    if not table_exists(con, "cdm.measurement"):
        return []
    found = con.execute(
        "SELECT median(gap), count(DISTINCT person_id) FROM (SELECT person_id, date_diff('day', "
        "lag(measurement_date) OVER (PARTITION BY person_id ORDER BY measurement_date), "
        "measurement_date) AS gap FROM (SELECT DISTINCT m.person_id, m.measurement_date "
        "FROM cdm.measurement AS m JOIN temp.audited USING (person_id))) WHERE gap IS NOT NULL"
    ).fetchone()
    if not found or found[0] is None:
        return []
    return [_row("follow-up", "median interval between days with a measurement",
                 float(found[0]), "days", int(found[1]))]  # fmt: skip


def _share(part: np.ndarray, whole: np.ndarray) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() else 0.0


def _row(axis: str, measure: str, value: float, unit: str, n: int) -> Given:
    why = Verdict(NOT_ASSESSED, "a description")
    return {"axis": axis, "measure": measure, "value": value, "unit": unit, "n": n, **judged(why)}
