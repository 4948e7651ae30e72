"""The report: one HTML file without script or outside reference, from an audit's suppressed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from biobraid.core.files import write_text
from biobraid.quality.bias import charts
from biobraid.quality.bias.charts import Draw, Row

REPORT = "audit.html"
MAX_BYTES = 500_000
MAX_ROWS = (150, 80, 40)  # of a table, until the report is small enough; audit.json holds all
MARK = {"ok": "○ ok", "watch": "◆ watch", "fail": "■ fail", "not_assessed": "– not assessed"}


@dataclass(frozen=True)
class Section:
    """One section: its table of audit.*, its words, its charts and the columns of its table."""

    table: str
    title: str
    how: str
    columns: tuple[str, ...]
    draws: tuple[tuple[Draw, str], ...] = ()
    others: tuple[str, ...] = ()  # tables whose rows the later charts draw


_LEVEL = ("attribute", "scheme", "level")
_RATE = ("n", "n_events", "exposure", "rate", "ratio", "ratio_lo", "ratio_hi")
SECTIONS = (
    Section("profile", "The dataset on seven axes", "A description, not a judgement: sample size, depth of phenotyping, follow-up, interaction, diversity, standardisation and linkage.",
            ("axis", "measure", "value", "unit", "n")),
    Section("representativeness", "Who takes part", "Each dot is a level of an attribute: how far its share lies from the reference's, in standard deviations of the reference. To the right: over-represented. Watch from 0.10, fail from 0.25.",
            (*_LEVEL, "n", "share", "reference_share", "smd", "participation_ratio", "ratio_lo", "ratio_hi"),
            ((charts.forest, "Standardised differences of all levels from the reference population."),)),
    Section("modality_participation", "Who is in which modality", "Odds of having a modality in each level against the attribute's largest, adjusted for the other attributes. The AUC says how well all attributes together tell who has it: 0.5 is not at all; watch from 0.6, fail from 0.7.",
            ("modality", *_LEVEL, "n", "n_members", "odds_ratio", "or_lo", "or_hi", "auc", "max_abs_smd", "worst_level"),
            ((charts.odds, "Adjusted odds ratios of having each modality, with 95 % intervals."),)),
    Section("intersection", "What asking for several modalities does", "Bars: people with all modalities of a set. Marks: amplification, the set's distance from the reference over that of its worst single modality, with its 95 % interval; 1 means that nothing is added. Chance is subtracted. Dots below: the modalities of the set.",
            ("set_name", "n", "n_expected", "lift", "d", "worst_single_d", "af", "af_lo", "af_hi", "growth"),
            ((charts.upset, "The largest sets of modalities: people, amplification and members."),)),
    Section("blind_spot", "Where nobody is", "Share of the reference living in crosses of attributes in which the data hold too few people to say anything. Crosses that the reference does not give are taken as independent.",
            ("attributes", "basis", "n_cells", "n_blind", "reference_share", "top"),
            ((charts.blind, "Share of the reference in blind crosses of two attributes; diagonal: of one."),)),
    Section("weight_diagnostic", "What weights can repair", "Weights that make the people match the margins, set by set, or a refusal. They repair what the margins hold and nothing else. The effective sample size is what is left of n.",
            ("set_name", "n", "ess", "ess_share", "design_effect", "max_to_mean", "max_smd_before", "max_smd_after", "n_iterations", "margins", "left_out"),
            ((charts.love, "Differences of all levels before and after weighting everybody."),
             (charts.weights, "Weights of everybody: people per range of weight.")),
            ("representativeness", "weight_histogram")),
    Section("followup", "Who is followed, and for how long", "Share still followed by reverse Kaplan-Meier (potential follow-up), and people lost per person-year by level, against the best large level. Watch from a ratio of 1.25, fail from 1.5.",
            ("measure", *_LEVEL, "years", "share", *_RATE),
            ((charts.follow, "Share of people still followed, by years since entry."),)),
    Section("missingness", "Who has gaps", "Association (Cramér's V, corrected for chance) between having no value and each attribute. Watch from 0.05, fail from 0.10.",
            ("label", *_LEVEL, "n", "n_events", "rate", "ratio", "cramers_v"),
            ((charts.missing, "Cramér's V between missingness of a variable and an attribute."),)),
    Section("mcar", "Missing completely at random?", "Little's test on the most frequent measurements; p is printed and not judged.",
            ("variables", "n", "n_patterns", "d2", "df", "p")),
    Section("linkage", "Whose records are unlinked or unmapped", "Shares against the best large level. Watch from a ratio of 1.25, fail from 1.5.",
            ("measure", *_LEVEL, *_RATE)),
    Section("heterogeneity", "Sites and units", "Share of a measure's variance that lies between sites, and in how many units it was delivered.",
            ("label", "site", "n", "mean", "sd", "site_share", "n_units")),
    Section("repeatability", "Do repeats agree", "Intraclass correlation of repeated measures: 1 is perfect; watch at 0.75 and below, fail at 0.5.",
            ("label", "n", "n_repeated", "icc", "median_gap_days")),
    Section("sensitivity", "How strong a hidden cause would have to be", "E-values of the unadjusted odds ratio, for confounding and for selection, and the ratio with weights.",
            ("exposure", "outcome", "n", "n_cases", "or_raw", "or_raw_lo", "or_raw_hi", "or_weighted", "e_value", "e_value_limit", "selection_e_value")),
    Section("leakage", "What the features give away", "Cross-validated AUC of each level of an attribute from the exported features: 0.5 is nothing; watch from 0.6, fail from 0.75.",
            (*_LEVEL, "n", "auc")),
    Section("drift", "Drift", "Population stability index by attribute and AUC of telling two sets of people apart.",
            ("attribute", "scheme", "n", "n_b", "psi", "auc")),
    Section("reference_margin", "The reference's margins", "What everything above is compared to. The margins decide what can be seen and repaired.",
            ("margin_id", "scheme", "attribute_1", "level_1", "attribute_2", "level_2", "reference_n", "source", "licence", "as_of")),
)  # fmt: skip


def write_report(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write audit.html into a folder; the same bytes for the same content."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT
    write_text(path, render(content))
    return path


def render(content: Mapping[str, Any]) -> str:
    """The report as text."""
    source = files("biobraid.quality.bias").joinpath("report.html.j2").read_text(encoding="utf-8")
    template = Environment(autoescape=True).from_string(source)
    text = ""
    for max_rows in MAX_ROWS:
        made = [_section(s, content, max_rows) for s in SECTIONS]
        text = template.render(
            subject=content["subject"], reference_id=content["reference_id"],
            min_cell=content["min_cell"], sections=made, mark=MARK,
        ) + "\n"  # fmt: skip
        if len(text.encode()) <= MAX_BYTES:
            break
    return text


def _section(section: Section, content: Mapping[str, Any], max_rows: int) -> dict[str, Any]:
    tables: Mapping[str, Sequence[Row]] = content["tables"]
    rows = tables.get(section.table, [])
    verdict = content["verdicts"].get(section.table, "not_assessed")
    drawn = []
    for place, (draw, caption) in enumerate(section.draws):
        of = tables.get(section.others[place], []) if section.others else rows
        picture = charts.svg(f"{section.table}{place}", caption, draw, of)
        if picture:
            drawn.append({"svg": Markup(picture), "caption": caption})  # our own SVG
    return {
        "id": section.table, "title": section.title, "verdict": verdict, "how": section.how,
        "words": _words(section, rows, verdict, content), "charts": drawn,
        "tables": [_shown(section, rows, max_rows)] if rows else [],
    }  # fmt: skip


def _words(section: Section, rows: Sequence[Row], verdict: str, content: Mapping[str, Any]) -> str:
    """The verdict in words: how many rows, and the first reasons."""
    if not rows:
        return str(content["not_assessed"].get(section.table, "nothing to assess"))
    if verdict == "not_assessed":
        return str(rows[0]["reason"])
    found = [r for r in rows if r["verdict"] == verdict]
    judged = [r for r in rows if r["verdict"] != "not_assessed"]
    examples = "; ".join(f"{_name(r)} ({r['reason']})" for r in found[:3])
    return f"{len(found)} of {len(judged)} judged: {examples}"


def _name(row: Row) -> str:
    parts = [row.get(c) for c in ("measure", "label", "set_name", "modality", "attributes",
                                  "attribute", "level", "site", "concept_id")]  # fmt: skip
    return " ".join(str(p) for p in parts if p and p != "*")


def _shown(section: Section, rows: Sequence[Row], max_rows: int) -> dict[str, Any]:
    columns = [
        *section.columns,
        *(() if section.table == "reference_margin" else ("verdict", "reason")),
    ]
    n_rows = len(rows)
    if n_rows > max_rows:  # keep what is judged worst
        order = {"fail": 0, "watch": 1, "ok": 2, "not_assessed": 3}
        rows = sorted(rows, key=lambda r: order[r["verdict"]])[:max_rows]
    left_out = "" if n_rows == len(rows) else f" of {n_rows:,}; the worst first, all in audit.json"
    return {
        "title": f"Table: {section.title}",
        "n": f"{len(rows)}{left_out}",
        "columns": [c.replace("_", " ") for c in columns],
        "rows": [[_cell(r.get(c)) for c in columns] for r in rows],
    }


def _cell(value: Any) -> tuple[str, bool]:
    if value is None:
        return "", False
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, float):
        text = f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:,.0f}"
        return text, True
    return (f"{value:,}", True) if isinstance(value, int) else (str(value), False)
