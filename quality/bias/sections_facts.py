"""Rows of the audits that need facts: follow-up, missingness, mapping, repeats, sites, profile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biobraid.quality.bias.facts import FactShares, Measure, Observed
from biobraid.quality.bias.followup import reverse_kaplan_meier, visit_ratio
from biobraid.quality.bias.frame import Flags, Floats, Frame
from biobraid.quality.bias.little import little_test
from biobraid.quality.bias.rates import RateRow, cramers_v, judge_v, rate_rows, weight_sums
from biobraid.quality.bias.repeatability import repeatability
from biobraid.quality.bias.sections_people import Given, judged
from biobraid.quality.bias.verdict import NOT_ASSESSED, Verdict

NOT_JUDGED = "what the others are read beside"


def followup_rows(
    frame: Frame, seen: Observed, outcome: Flags | None, min_cell: int
) -> list[Given]:
    """audit.followup: person-years, reverse Kaplan-Meier, loss by level, visits of cases."""
    followed = seen.years > 0
    n = int(followed.sum())
    curve = reverse_kaplan_meier(seen.years[followed], seen.died[followed])
    rows: list[Given] = [{
        "measure": "person-years", "attribute": "*", "scheme": "", "level": "*", "n": n,
        "exposure": float(seen.years.sum()), "years": curve.median(), "n_events": int(seen.lost.sum()),
        **judged(Verdict(NOT_ASSESSED, "years: median follow-up by reverse Kaplan-Meier")),
    }]  # fmt: skip
    for year in range(int(np.ceil(seen.years.max(initial=0))) + 1):
        share = float(curve.share[np.searchsorted(curve.years, year, side="right") - 1])
        rows.append({
            "measure": "curve", "attribute": "*", "scheme": "", "level": "*", "years": float(year),
            "share": share, "n": n, **judged(Verdict(NOT_ASSESSED, NOT_JUDGED)),
        })  # fmt: skip
    for place, attribute in enumerate(frame.attributes):
        code, size = frame.codes[:, place], len(attribute.levels)
        found = rate_rows(
            attribute.levels,
            np.bincount(code[followed], minlength=size),
            weight_sums(code, seen.lost.astype(np.float64), size),
            weight_sums(code, seen.years, size),
            min_cell,
        )
        rows += [_rate("loss", attribute.key, r) for r in found]
    if outcome is not None:
        v = visit_ratio(seen.visits, seen.years, outcome)
        rows.append({
            "measure": "visits", "attribute": "*", "scheme": "", "level": "cases", "n": v.n_cases,
            "rate": v.case_rate, "ratio": v.ratio, "ratio_lo": v.ratio_lo, "ratio_hi": v.ratio_hi,
            **judged(v.verdict),
        })  # fmt: skip
    return rows


def _rate(measure: str, key: tuple[str, str], r: RateRow) -> Given:
    return {
        "measure": measure, "attribute": key[0], "scheme": key[1], "level": r.level, "n": r.n,
        "n_events": int(r.n_events), "exposure": r.exposure, "rate": r.rate,
        "difference": r.difference, "ratio": r.ratio, "ratio_lo": r.ratio_lo,
        "ratio_hi": r.ratio_hi, **judged(r.verdict),
    }  # fmt: skip


def missingness_rows(
    frame: Frame, names: Sequence[tuple[str, str]], values: Floats, outcome: Flags | None,
    min_cell: int,
) -> list[Given]:  # fmt: skip
    """audit.missingness: every variable by every attribute, and by the outcome if there is one.

    names: (variable, label) of the columns of values, person x variable, nan where missing.
    """
    rows: list[Given] = []
    groups = [(a.key, a.levels, frame.codes[:, i]) for i, a in enumerate(frame.attributes)]
    if outcome is not None:
        groups.append((("outcome", ""), ("without", "with"), outcome.astype(np.int16)))
    for column, (variable, label) in enumerate(names):
        gone = ~np.isfinite(values[:, column])
        for key, levels, code in groups:
            n = np.bincount(code, minlength=len(levels))
            events = np.bincount(code[gone], minlength=len(levels)).astype(np.float64)
            v = cramers_v(code.astype(np.int64), gone, len(levels))
            given = {"variable": variable, "label": label}
            rows.append(given | {
                "attribute": key[0], "scheme": key[1], "level": "*", "n": int(n.sum()),
                "n_events": int(gone.sum()), "exposure": float(n.sum()),
                "rate": float(gone.mean()), "cramers_v": v, **judged(judge_v(v)),
            })  # fmt: skip
            for r in rate_rows(tuple(levels), n, events, n.astype(np.float64), min_cell):
                row = _rate("", key, r)
                del row["measure"]
                why = Verdict(NOT_ASSESSED, "judged by Cramér's V of the attribute")
                rows.append(given | row | judged(why))
    return rows


def mcar_rows(
    names: Sequence[tuple[str, str]], values: Floats, max_variables: int = 8
) -> list[Given]:
    """audit.mcar: Little's test of the first variables together."""
    used = values[:, :max_variables]
    found = little_test(used)
    if found is None:
        return []
    why = Verdict(NOT_ASSESSED, "p is printed, not judged: with many people it is 0")
    return [{
        "variables": ", ".join(label for _, label in names[:max_variables]), "n": found.n,
        "n_patterns": found.n_patterns, "d2": found.d2, "df": found.df, "p": found.p, **judged(why),
    }]  # fmt: skip


def linkage_rows(
    frame: Frame, shares: FactShares, sources: Sequence[tuple[str, int, int]], min_cell: int
) -> list[Given]:
    """audit.linkage: source persons unlinked by source; facts unmapped and unitless by level."""
    rows: list[Given] = []
    if sources:
        n = np.array([s[1] for s in sources])
        gone = np.array([s[2] for s in sources], np.float64)
        names = tuple(s[0] for s in sources)
        rows += [_rate("unlinked", ("source", ""), r)
                 for r in rate_rows(names, n, gone, n.astype(np.float64), min_cell)]  # fmt: skip
    for place, attribute in enumerate(frame.attributes):
        code, size = frame.codes[:, place], len(attribute.levels)
        n = np.bincount(code, minlength=size)
        for measure, events, exposure in (
            ("no concept", shares.unmapped, shares.facts),
            ("no unit", shares.unitless, shares.numbers),
        ):
            found = rate_rows(
                attribute.levels, n, weight_sums(code, events, size),
                weight_sums(code, exposure, size), min_cell,
            )  # fmt: skip
            rows += [_rate(measure, attribute.key, r) for r in found]
    return rows


def repeatability_rows(measures: Sequence[Measure]) -> list[Given]:
    """audit.repeatability: one row per measurement concept."""
    rows: list[Given] = []
    for m in measures:
        found = repeatability(m.position, m.value)
        same = np.diff(m.position) == 0
        gaps = np.diff(m.day)[same] if len(m.day) else np.zeros(0)
        gap = float(np.nanmedian(gaps)) if np.isfinite(gaps).any() else None
        rows.append({
            "concept_id": m.concept_id, "label": m.label, "n": found.n_persons,
            "n_repeated": found.n_repeated, "icc": found.icc, "median_gap_days": gap,
            **judged(found.verdict),
        })  # fmt: skip
    return rows


def heterogeneity_rows(
    frame: Frame, measures: Sequence[Measure], site: str, units: dict[int, int]
) -> list[Given]:
    """audit.heterogeneity: mean and spread of each measure by level of the site attribute."""
    place = next((i for i, a in enumerate(frame.attributes) if a.name == site), None)
    rows: list[Given] = []
    for m in measures:
        value = m.first(frame.n)
        known = np.isfinite(value)
        n_units = units.get(m.concept_id)
        given = {"concept_id": m.concept_id, "label": m.label}
        share = None
        if place is not None and known.any():
            code, levels = frame.codes[:, place], frame.attributes[place].levels
            n = np.bincount(code[known], minlength=len(levels))
            grand, inside = float(value[known].mean()), 0.0
            for spot, level in enumerate(levels):
                own = value[known & (code == spot)]
                if not len(own):
                    continue
                inside += float(len(own) * (own.mean() - grand) ** 2)
                rows.append(given | {
                    "site": level, "n": int(n[spot]), "mean": float(own.mean()),
                    "sd": float(own.std()), **judged(Verdict(NOT_ASSESSED, "judged over all sites")),
                })  # fmt: skip
            total = float(((value[known] - grand) ** 2).sum())
            share = inside / total if total > 0 else None
        rows.append(given | {
            "site": "*", "n": int(known.sum()), "site_share": share, "n_units": n_units,
            "mean": float(value[known].mean()) if known.any() else None,
            "sd": float(value[known].std()) if known.any() else None,
            **judged(_judge_site(share, n_units)),
        })  # fmt: skip
    return rows


def _judge_site(share: float | None, n_units: int | None) -> Verdict:
    """1 % and 6 % of the variance between sites: Cohen's small and medium eta squared."""
    units = f"; delivered in {n_units} units" if n_units and n_units > 1 else ""
    if share is None:
        return Verdict(NOT_ASSESSED, f"no site attribute{units}")
    kind = "fail" if share >= 0.06 else "watch" if share >= 0.01 else "ok"
    return Verdict(kind, f"{share:.1%} of the variance lies between sites{units}")
