"""What goes with a dataset: the dictionary of its columns and a card in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from biobraid.export.wide_plan import Variable, WidePlan

_HEADER = ("column", "variable", "type", "description", "table", "codes", "pick", "window", "unit",
           "n_present")  # fmt: skip


def shown_count(n: int, n_all: int, min_cell: int) -> int | None:
    """A count fit to show: neither it nor what is left of the whole is small."""
    is_small = 0 < n < min_cell or 0 < n_all - n < min_cell
    return None if is_small else n


def dictionary_csv(
    plan: WidePlan, present: Mapping[str, int], n_persons: int, min_cell: int
) -> str:
    """dictionary.csv: one row per column of data.parquet, in its order."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(_HEADER)
    blank = [""] * 6
    sheet.writerow(["person_id", "", "integer", "Project person id", *blank])
    sheet.writerow(["cohort_start_date", "", "date", "Day the person enters the cohort", *blank])
    sheet.writerow(["cohort_end_date", "", "date", "Day the person leaves the cohort", *blank])
    for v in plan.variables:
        value, reason, imputed, age = v.columns
        n = shown_count(present[v.name], n_persons, min_cell)
        origin = [f"cdm.{v.table}", _codes(v), v.pick if v.table != "person" else "", _window(v)]
        unit = "" if v.unit_concept_id is None else f"concept {v.unit_concept_id}"
        count = f"fewer than {min_cell} present or absent" if n is None else str(n)
        sheet.writerow([value, v.name, v.kind, v.label or v.name, *origin, unit, count])
        why = "Why the value is absent (FHIR data-absent-reason); null if present"
        sheet.writerow([reason, v.name, "text", why, *blank])
        sheet.writerow([imputed, v.name, "boolean", "True where the value was imputed", *blank])
        days = "Days from the value to cohort_start_date, negative after it; null if not known"
        sheet.writerow([age, v.name, "integer", days, *blank])
    return out.getvalue()


def card_text(
    manifest: Mapping[str, Any],
    plan: WidePlan,
    present: Mapping[str, int],
    min_cell: int,
    beside: Sequence[str] = (),
) -> str:
    """card.md: what the dataset is, what it was made of, what to mind, and who is missing.

    beside: lines of what goes with the data, such as an audit's sentences.
    """
    n_persons = int(manifest["n_persons"])
    lines = [
        f"# {plan.title or manifest['dataset']}",
        "",
        f"Purpose: {manifest['purpose'] or 'not stated'}",
        "",
        f"One row per person of cohort `{manifest['cohort']}` ({n_persons} persons), from release "
        f"`{manifest['project']}/{manifest['release']}`, sorted by project person id.",
        "",
        "| variable | type | present | from |",
        "|---|---|---|---|",
    ]
    for v in plan.variables:
        n = shown_count(present[v.name], n_persons, min_cell)
        share = "hidden (small)" if n is None else f"{n / n_persons:.0%}" if n_persons else "none"
        lines.append(f"| {v.label or v.name} | {v.kind} | {share} | {_origin(v)} |")
    lines += [
        "",
        "## Mind",
        "",
        "- Person ids are this project's own and mean nothing elsewhere; dates follow the",
        "  project's date policy.",
        f"- An empty value always has its reason in `…__absent_reason`. {_imputed_words(plan)}",
        "- `any` is false only for persons covered by a source that would have recorded it; the",
        "  coverage is not compared with the window.",
        "- Datasets of one project can be joined to each other: treat them as one disclosure.",
        "",
        *beside,
    ]
    return "\n".join(lines)


def _imputed_words(plan: WidePlan) -> str:
    """What was imputed, and whether anything looks ahead."""
    filled = [v for v in plan.variables if v.impute]
    if not filled:
        return "Nothing is imputed."
    words = (
        f"Empty cells of {', '.join(v.name for v in filled)} are imputed where a plan did so: "
        "`…__is_imputed` is then true, the reason stays, and the age is that of the last value."
    )
    ahead = [v.name for v in filled if v.impute and v.impute.uses_future]
    return words + (f" {', '.join(ahead)} may rest on LATER values." if ahead else "")


def _origin(v: Variable) -> str:
    parts = [f"cdm.{v.table}", _codes(v), v.pick if v.table != "person" else "", _window(v)]
    return ", ".join(p for p in parts if p)


def _codes(v: Variable) -> str:
    if v.table == "person":
        return str(v.column)
    if v.codelist:
        return f"code list {v.codelist}"
    if v.source_code is not None:
        return f"source code {v.source_code}"
    return "concept " + " ".join(str(c) for c in v.concept_id)


def _window(v: Variable) -> str:
    w = v.window
    if w.from_days is not None or w.to_days is not None:
        low = "any time" if w.from_days is None else f"day {w.from_days}"
        high = "any time" if w.to_days is None else f"day {w.to_days}"
        return f"{low} to {high} of cohort start"
    if w.from_ is not None or w.to is not None:
        low = "any time" if w.from_ is None else w.from_.isoformat()
        high = "any time" if w.to is None else w.to.isoformat()
        return f"{low} to {high}"
    return ""
