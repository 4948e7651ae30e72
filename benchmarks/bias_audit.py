"""The audit that bias_500k measures, as a process of its own: python -m benchmarks.bias_audit IN OUT."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bias_population import MODALITIES, NAMES, PAIR, attributes
from biobraid.quality.bias.blind_spots import blind_spots
from biobraid.quality.bias.frame import Frame, set_name, sets_of
from biobraid.quality.bias.intersection import amplification
from biobraid.quality.bias.participation import modality_participation
from biobraid.quality.bias.raking import rake
from biobraid.quality.bias.reference import Margin, Reference
from biobraid.quality.bias.representativeness import level_rows


def audit(given: Path, seed: int) -> dict[str, Any]:
    """Everything the lines ask for: levels, odds, 63 sets with intervals, weights of every set."""
    start = time.perf_counter()
    with np.load(given) as file:
        codes, has, outcome = file["codes"], file["has"], file["outcome"]
        margins = [file[f"margin_{name}"] for name in NAMES]
        pair = file["pair"]
    frame = Frame(attributes(), codes, MODALITIES, has, np.arange(len(codes)))
    reference = _reference(margins, pair)
    rows = level_rows(frame, frame.level_counts(), reference)
    modality_rows, _ = modality_participation(frame)
    found = amplification(frame, reference, seed=seed)
    spots = blind_spots(frame, reference, 10)
    weights, cohort_weights = {}, None
    for members in ((), *sets_of(MODALITIES)):
        inside = frame.in_set(members)
        raked = rake(frame.take(inside), reference)
        y = outcome[inside]
        cohort_weights = raked.weights if not members else cohort_weights
        weights[set_name(members)] = {
            "raw": float(y.mean()), "n": raked.n, "ess": raked.ess, "ess_share": raked.ess_share,
            "raked": None if raked.weights is None else float(np.average(y, weights=raked.weights)),
            "max_smd": raked.max_smd_after, "reason": raked.verdict.reason,
            "cohort_weights": None if cohort_weights is None
            else float(np.average(y, weights=cohort_weights[inside])),
        }  # fmt: skip
    return {
        "seconds_inside": time.perf_counter() - start,
        "sets": [[list(r.members), r.n, r.af, r.af_lo, r.af_hi, r.d, r.is_amplified]
                 for r in found.rows],
        "weights": weights,
        "max_smd.raw": max(abs(r.smd) for r in rows if r.smd is not None),
        "auc": {r.modality: r.auc for r in modality_rows},
        "blind_share": max(s.reference_share for s in spots),
    }  # fmt: skip


def _reference(margins: list[np.ndarray], pair: np.ndarray) -> Reference:
    known = {a.name: a for a in attributes()}
    one = [
        Margin(name, "simulated", (known[name].key,), tuple((x,) for x in known[name].levels), n,
               np.zeros(len(n)))
        for name, n in zip(NAMES, margins, strict=True)
    ]  # fmt: skip
    a, b = (known[name] for name in PAIR)
    cells = tuple((x, y) for x in a.levels for y in b.levels)
    two = Margin(" x ".join(PAIR), "simulated", (a.key, b.key), cells, pair, np.zeros(len(pair)))
    return Reference("simulated", (*one, two))


if __name__ == "__main__":
    result = audit(Path(sys.argv[1]), int(sys.argv[3]))
    Path(sys.argv[2]).write_text(json.dumps(result), encoding="utf-8")
