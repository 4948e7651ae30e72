"""Sentences for dataset cards, and Croissant's RAI fields, from an audit's suppressed form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from biobraid.core.files import write_text
from biobraid.quality.bias.suppression import Row

RAI_JSON = "rai.json"
# RAI 1.0: the 1.1 context does not pass the validator.
CONTEXT = {
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
}
MAX_NAMED = 3
AUDIT_WORDS = "The audit behind the rai: fields, number by number; no small group is shown."
WEIGHT_WORDS = (
    "One weight per person of data.parquet, mean 1, raked to the margins that manifest.json names."
)


def rai_fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """dataBiases, dataLimitations and dataCollectionMissingData as sentences.

    The last is one text, the others are lists, as RAI 1.0 has them. Its dataCollectionTimeframe
    takes dates only, so the length of follow-up is said among the limitations.
    """
    said = _sentences(content)
    return {
        "rai:dataBiases": said["biases"],
        "rai:dataLimitations": said["limitations"],
        "rai:dataCollectionMissingData": " ".join(said["missing"]),
    }


def _sentences(content: Mapping[str, Any]) -> dict[str, list[str]]:
    tables: Mapping[str, Sequence[Row]] = content["tables"]
    return {
        "biases": [*_taking_part(tables, content), *_modalities(tables), *_sets(tables)],
        "limitations": [
            *_weights(tables), *_blind(tables), *_followed(tables), *_not_assessed(content)
        ],
        "missing": _missing(tables, content),
    }  # fmt: skip


def write_rai(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write rai.json: the context and the fields, to be merged into a dataset's Croissant file."""
    path = folder / RAI_JSON
    made = {"@context": CONTEXT, **rai_fields(content)}
    write_text(path, json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    return path


def card_sentences(content: Mapping[str, Any]) -> list[str]:
    """The same sentences in one list, for a card in words."""
    return [s for sentences in _sentences(content).values() for s in sentences]


def sentences_of(section: str, content: Mapping[str, Any]) -> list[str]:
    """The sentences on one table of the audit; none where there is nothing in words."""
    tables: Mapping[str, Sequence[Row]] = content["tables"]
    if section == "representativeness":
        return _taking_part(tables, content)
    if section == "missingness":
        return _missing(tables, content)
    made = {"modality_participation": _modalities, "intersection": _sets, "blind_spot": _blind,
            "weight_diagnostic": _weights, "followup": _followed}  # fmt: skip
    return made[section](tables) if section in made else []


def card_lines(content: Mapping[str, Any], file: str) -> list[str]:
    """The sentences as a section of a card in Markdown; file: where their numbers are."""
    lines = [f"- {s}" for s in card_sentences(content)]
    least = content["min_cell"]
    where = (
        f"Numbers: `{file}`. No group under {least} is shown, and counts are rounded to {least}."
    )
    return ["## Who is missing", "", *lines, "", where, ""]


def weight_lines(weights: Mapping[str, Any]) -> list[str]:
    """Weights that go with a dataset, as a section of its card in Markdown."""
    left_out = f" Not used: {weights['left_out']}." if weights["left_out"] else ""
    return [
        "## Weights",
        "",
        f"`{weights['file']}` holds one weight per person of `data.parquet`, raked to the margins "
        f"{weights['margins']} of the population {weights['population']}.{left_out}",
        "",
        f"- About {weights['ess']:,.0f} of {weights['n']:,} people are left in effect "
        f"({weights['ess_share']:.0%}); the largest weight is {weights['max_to_mean']:.1f} means. "
        f"{weights['verdict']}: {weights['reason']}.",
        "- They are of exactly these people: whoever analyses fewer of them, those without a gap",
        "  above all, needs weights made for those. Weights are never handed from set to set.",
        "- They repair what the margins hold, and nothing else.",
        "",
    ]


def _judged(rows: Sequence[Row], *kinds: str) -> list[Row]:
    return [r for r in rows if r["verdict"] in kinds]


def _taking_part(tables: Mapping[str, Sequence[Row]], content: Mapping[str, Any]) -> list[str]:
    rows = [
        r for r in _judged(tables["representativeness"], "watch", "fail") if r["smd"] is not None
    ]
    if not content["reference_id"]:
        return [
            "How the people compare with a population was not assessed: no reference was given."
        ]
    if not rows:
        return [
            f"No level of an attribute stands out beside the population {content['reference_id']}."
        ]
    rows.sort(key=lambda r: -abs(r["smd"]))
    return [
        f"{r['attribute']} {r['level']} ({r['scheme']}) is {_more(r['smd'])}: {r['share']:.0%} of the "
        f"people, {r['reference_share']:.0%} of the population {content['reference_id']}."
        for r in rows[:MAX_NAMED]
    ]


def _more(smd: float) -> str:
    return "over-represented" if smd > 0 else "under-represented"


def _modalities(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    rows = [r for r in tables["modality_participation"]
            if r["attribute"] == "*" and r["verdict"] in ("watch", "fail")]  # fmt: skip
    return [
        f"Who has {r['modality']} data can be told from other attributes (AUC {r['auc']:.2f}); most "
        f"from {r['worst_level']}."
        for r in rows
    ]


def _sets(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    rows = [r for r in tables["intersection"] if r["is_amplified"] and r["af"] is not None]
    rows.sort(key=lambda r: (-r["af"], r["set_name"]))
    return [
        f"People with all of {r['set_name'].replace('+', ', ')} are {r['af']:.2f} times as far from "
        f"the population as those of its most selective modality ({r['af_lo']:.2f} to {r['af_hi']:.2f})."
        for r in rows[:MAX_NAMED]
    ]


def _weights(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    rows = tables["weight_diagnostic"]
    refused = [r for r in rows if r["verdict"] == "fail"]
    everybody = [r for r in rows if r["set_name"] == "(cohort)" and r["ess_share"] is not None]
    out = [
        f"Weights to the margins {r['margins']} leave an effective sample of {r['ess_share']:.0%}; "
        "they repair what these margins hold and nothing else."
        for r in everybody if r["verdict"] != "fail"
    ]  # fmt: skip
    if refused and len(rows) == 1:
        out.append(f"Weights to the margins were {refused[0]['reason']}.")
    elif refused:
        out.append(f"Weights were refused for {len(refused)} of {len(rows)} sets of modalities.")
    return out


def _blind(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    rows = _judged(tables["blind_spot"], "watch", "fail")
    rows.sort(key=lambda r: -r["reference_share"])
    return [
        f"{r['reference_share']:.0%} of the population live in crosses of {r['attributes']} in which "
        "the data hold too few people to say anything."
        for r in rows[:MAX_NAMED]
    ]


def _not_assessed(content: Mapping[str, Any]) -> list[str]:
    return [
        f"Not assessed: {name.replace('_', ' ')} ({why})."
        for name, why in sorted(content["not_assessed"].items())
    ]


def _missing(tables: Mapping[str, Sequence[Row]], content: Mapping[str, Any]) -> list[str]:
    if "missingness" in content["not_assessed"]:
        return [f"Gaps were not assessed: {content['not_assessed']['missingness']}."]
    rows = [
        r for r in _judged(tables["missingness"], "watch", "fail") if r["cramers_v"] is not None
    ]
    rows.sort(key=lambda r: -r["cramers_v"])
    if not rows:
        return ["Having no value of a measurement depends on no attribute that was looked at."]
    return [
        f"Having no {r['label']} depends on {r['attribute']} (Cramér's V {r['cramers_v']:.2f}); "
        f"{r['rate']:.0%} have none."
        for r in rows[:MAX_NAMED] if r["rate"] is not None
    ]  # fmt: skip


def _followed(tables: Mapping[str, Sequence[Row]]) -> list[str]:
    return [
        f"Median potential follow-up in health records: {r['years']:.1f} years."
        for r in tables["followup"]
        if r["measure"] == "person-years" and r["years"] is not None
    ]
