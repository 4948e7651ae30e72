"""Which columns of audit.* could give a small group away, and what is computed again without."""

from __future__ import annotations

from biobraid.quality.bias.drift import stepped
from biobraid.quality.bias.leakage import judge
from biobraid.quality.bias.representativeness import participation_ratio, standardised_difference
from biobraid.quality.bias.suppression import Row, Shape, rounded
from biobraid.quality.bias.verdict import AUC, SMD


def _again_smd(row: Row, _min_cell: int) -> None:
    """Share, SMD and ratio from rounded counts."""
    n, total, p0 = row.get("n"), row.get("n_total"), row.get("reference_share")
    share = n / total if n is not None and total else None
    row["share"] = share
    if share is None or p0 is None or row.get("smd") is None:
        return
    row["smd"] = standardised_difference(share, p0)
    if "participation_ratio" in row:
        found = participation_ratio(n or 0, total or 0, p0) or (None, None, None)
        row["participation_ratio"], row["ratio_lo"], row["ratio_hi"] = found
    if row["smd"] is not None and row["verdict"] != "not_assessed":
        judged = SMD.judge(abs(row["smd"]))
        row["verdict"], row["reason"] = judged.verdict, judged.reason


def _again_rate(row: Row, min_cell: int) -> None:
    """A share of people or facts from rounded counts; person-years stay as they are."""
    is_count = row.get("measure") not in ("loss", "visits", "person-years", "curve")
    if is_count and row.get("exposure") is not None:
        row["exposure"] = float(rounded(row["exposure"], min_cell) or 0)
    if row.get("rate") is not None and row.get("n_events") is not None and row.get("exposure"):
        row["rate"] = row["n_events"] / row["exposure"]


def _again_set(row: Row, min_cell: int) -> None:
    """Expected people as a multiple, too: of one modality they are the people themselves."""
    row["n_expected"] = float(rounded(row["n_expected"], min_cell) or 0)
    row["lift"] = row["n"] / row["n_expected"] if row["n"] and row["n_expected"] else None


def _again_weights(row: Row, min_cell: int) -> None:
    """Of equal weights the effective size is the people themselves."""
    if row["ess"] is not None:
        row["ess"] = float(rounded(row["ess"], min_cell) or 0)


def _again_profile(row: Row, _min_cell: int) -> None:
    """A number of people stands in value as well."""
    if row["unit"] == "people":
        row["value"] = float(row["n"])


def _again_drift(row: Row, min_cell: int) -> None:
    """An AUC in steps of min_cell people, judged anew."""
    if row["auc"] is not None:
        row["auc"] = stepped(row["auc"], min(row["n"], row["n_b"]), min_cell)
        found = judge(row["auc"], AUC)
        row["verdict"], row["reason"] = found.verdict, found.reason


_RATES = ("rate", "difference", "ratio", "ratio_lo", "ratio_hi")
_SMDS = ("share", "smd", "smd_weighted", "participation_ratio", "ratio_lo", "ratio_hi")
SHAPES: dict[str, Shape] = {
    "run": Shape(("n",)),
    "reference_margin": Shape(("n",)),
    "representativeness": Shape(("n", "n_total"), ("attribute", "scheme"), _SMDS, _again_smd, 4),
    "modality_participation": Shape(
        ("n", "n_members"), ("modality", "attribute", "scheme"),
        ("odds_ratio", "or_lo", "or_hi", "auc", "max_abs_smd"),
    ),
    "intersection": Shape(
        ("n",), (), ("n_expected", "lift", "d", "d_lo", "d_hi", "worst_single_d", "af", "af_lo",
                     "af_hi", "growth"), _again_set, 3,
    ),
    "intersection_smd": Shape(
        ("n", "n_total"), ("set_name", "attribute", "scheme"), _SMDS, _again_smd, 4
    ),
    "followup": Shape(("n", "n_events"), ("measure", "attribute", "scheme"),
                      (*_RATES, "exposure"), _again_rate, steps=("share",)),
    "missingness": Shape(("n", "n_events"), ("variable", "attribute", "scheme"),
                         (*_RATES, "exposure", "cramers_v"), _again_rate),
    "mcar": Shape(("n",), (), ("d2",), digits=1),
    "linkage": Shape(("n", "n_events"), ("measure", "attribute", "scheme"),
                     (*_RATES, "exposure"), _again_rate),
    "blind_spot": Shape(("n",)),
    "sensitivity": Shape(("n", "n_cases"), (), ("or_raw", "or_raw_lo", "or_raw_hi", "or_weighted",
                         "or_weighted_lo", "or_weighted_hi", "e_value", "e_value_limit",
                         "selection_e_value")),
    "leakage": Shape(("n",), ("attribute", "scheme"), ("auc",)),
    "drift": Shape(("n", "n_b"), (), ("psi", "auc"), _again_drift, digits=3, beside=("n_b",)),
    "repeatability": Shape(("n", "n_repeated"), (), ("icc", "median_gap_days")),
    "weight_diagnostic": Shape(
        ("n",), (), ("ess", "ess_share", "design_effect", "max_to_mean", "max_smd_before",
                     "max_smd_after"), _again_weights,
    ),
    "weight_histogram": Shape(("n",), ("set_name",)),
    "profile": Shape(("n",), (), ("value",), _again_profile),
    "heterogeneity": Shape(("n",), ("concept_id",), ("mean", "sd", "site_share")),
}  # fmt: skip
