"""Bias audits on 500,000 participants of a simulated population of 9.2 million.

The audit runs as a process of its own (`seconds`, `peak_gb` are its whole life, Python's start
included); the planted truth is computed from everybody's chances, without drawing anyone, and
stands beside each estimate as `af_truth.SET`. Then 200 smaller replicates measure how often the
interval of AF covers the truth, and how often random modalities of a representative cohort are
called amplified. `--scenario steep` is a second truth.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bias_population import (
    MODALITIES,
    NAMES,
    SCENARIOS,
    Scenario,
    Truth,
    attributes,
    block,
    blocks,
    draw_people,
    empty_truth,
    masks,
    true_factors,
)
from benchmarks.machine import measure_command
from biobraid.quality.bias.frame import Frame, set_name
from biobraid.quality.bias.intersection import amplification, layout_of
from biobraid.quality.bias.reference import Reference, reference_of

POPULATION = 9_200_000
PARTICIPANTS = 500_000
REPLICATES = 200
REPLICATE_N = 20_000
PLANTED = "imaging+wearable"
CONTROL = "imaging+control"
LINES = [
    ("seconds", "<=", 30.0),
    ("peak_gb", "<=", 1.0),
    (f"af_lo.{PLANTED}", ">=", 1.0),
    (f"af_lo.{CONTROL}", "<=", 1.0),
    (f"af_hi.{CONTROL}", ">=", 1.0),
    ("max_smd.raked", "<=", 0.001),
    ("prevalence.error", "<=", 0.002),
    ("weighted_below_ess_200", "<=", 0.0),
    ("coverage.af", ">=", 0.92),
    ("coverage.af", "<=", 0.98),
    ("false_amplification", "<=", 0.025),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of its own."""
    parser.add_argument(
        "--scenario", choices=sorted(SCENARIOS), default="prototype", help="which planted truth"
    )


def run(
    data: Path | None,
    seed: int,
    progress: Callable[[str], None],
    options: argparse.Namespace | None = None,
) -> dict[str, float]:
    """Figures of one audit with its truth; then of the replicates. `data` is a scratch folder."""
    chosen = SCENARIOS[options.scenario if options else "prototype"]
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        given, out = Path(scratch) / "people.npz", Path(scratch) / "audit.json"
        truth = _draw(chosen, seed, given, progress)
        command = [sys.executable, "-m", "benchmarks.bias_audit", str(given), str(out), str(seed)]
        measured = measure_command(command)
        if measured.returncode:
            raise RuntimeError(f"the audit ended with {measured.returncode}")
        found = json.loads(out.read_text(encoding="utf-8"))
    progress(f"audit {measured.seconds:.1f} s, {measured.peak_gb:.2f} GB")
    figures = {
        "seconds": round(measured.seconds, 2),
        "cpu_seconds": round(measured.cpu_seconds, 2),
        "peak_gb": round(measured.peak_gb, 3),
        **_sets(found, truth),
        **_weights(found, truth),
    }
    figures["coverage.af"] = _coverage(chosen, seed, progress)
    figures["false_amplification"] = _false_amplification(chosen, seed, progress)
    return figures


def _draw(scenario: Scenario, seed: int, path: Path, progress: Callable[[str], None]) -> Truth:
    """Simulate the population in blocks, choose the participants, keep only them and sums."""
    truth, every = empty_truth(), masks()
    rate = sum(float(b.take_part.sum()) for b in blocks(scenario, seed, POPULATION))
    rng = np.random.default_rng([seed, 7])
    codes, has, outcome = [], [], []
    for people in blocks(scenario, seed, POPULATION):
        truth.add(people, every)
        chosen = rng.random(len(people.codes)) < people.take_part * (PARTICIPANTS / rate)
        codes.append(people.codes[chosen])
        has.append(rng.random((int(chosen.sum()), len(MODALITIES))) < people.has[chosen])
        outcome.append(rng.random(int(chosen.sum())) < people.outcome[chosen])
    margins = {f"margin_{name}": n for name, n in zip(NAMES, truth.margin, strict=True)}
    np.savez(path, codes=np.concatenate(codes), has=np.concatenate(has),
             outcome=np.concatenate(outcome), pair=truth.pair, **margins)  # fmt: skip
    progress(f"population {truth.n:,}, participants {sum(map(len, codes)):,}")
    return truth


def _sets(found: dict[str, Any], truth: Truth) -> dict[str, float]:
    a = attributes()
    anybody = Frame(a, np.zeros((1, len(a)), np.int16), (), np.zeros((1, 0), np.bool_), np.zeros(1, np.int64))  # fmt: skip
    layout = layout_of(anybody, _reference(truth))
    planted = true_factors(truth, layout)
    figures: dict[str, float] = {}
    n_covered = n_sets = 0
    for members, n, af, low, high, _d, _is_amplified in found["sets"]:
        name = set_name(members)
        if len(members) < 2 or af is None or low is None:
            continue
        figures |= {f"af.{name}": round(af, 4), f"af_lo.{name}": round(low, 4),
                    f"af_hi.{name}": round(high, 4),
                    f"af_truth.{name}": round(planted[tuple(members)], 4)}  # fmt: skip
        if n >= 200:
            n_sets += 1
            n_covered += low <= planted[tuple(members)] <= high
    return {
        "sets": len(found["sets"]),
        "sets_covering_truth": round(n_covered / n_sets, 4),
        **figures,
    }


def _reference(truth: Truth) -> Reference:
    from benchmarks.bias_audit import _reference as made

    return made(truth.margin, truth.pair)


def _weights(found: dict[str, Any], truth: Truth) -> dict[str, float]:
    weights = found["weights"]
    cohort, planted, everything = weights[""], weights[PLANTED], weights[set_name(MODALITIES)]
    true_prevalence = truth.outcome / truth.n
    figures = {
        "prevalence.truth": true_prevalence,
        "prevalence.raw": cohort["raw"],
        "prevalence.raked": cohort["raked"],
        "prevalence.error": abs(cohort["raked"] - true_prevalence),
        "ess_share.cohort": cohort["ess_share"],
        f"prevalence.raw.{PLANTED}": planted["raw"],
        f"prevalence.raked.{PLANTED}": planted["raked"],
        f"prevalence.cohort_weights.{PLANTED}": planted["cohort_weights"],
        f"ess_share.{PLANTED}": planted["ess_share"],
        "max_smd.raw": found["max_smd.raw"],
        "max_smd.raked": max(w["max_smd"] for w in weights.values() if w["raked"] is not None),
        "sets_refused": sum(w["raked"] is None for w in weights.values()),
        "weighted_below_ess_200": sum(
            w["raked"] is not None and w["ess"] < 200 for w in weights.values()
        ),
        "n.all_modalities": everything["n"],
        "refused.all_modalities": float(everything["raked"] is None),
    }
    return {k: round(float(v), 6) for k, v in figures.items() if v is not None}


def _coverage(scenario: Scenario, seed: int, progress: Callable[[str], None]) -> float:
    """Share of intervals of AF that cover the truth, over sets of two with enough people."""
    people = block(scenario, np.random.default_rng([seed, 11]), 200_000)
    truth = empty_truth()
    truth.add(people, masks())
    reference, n_covered, n_sets = _reference(truth), 0, 0
    for replicate in range(REPLICATES):
        frame, _ = draw_people(people, np.random.default_rng([seed, 13, replicate]), REPLICATE_N)
        found = amplification(frame, reference, seed=seed * 1000 + replicate)
        planted = true_factors(truth, found.layout)
        for row in found.rows:
            if row.set_name == PLANTED and row.af_lo is not None and row.af_hi is not None:
                n_sets += 1
                n_covered += row.af_lo <= planted[row.members] <= row.af_hi
        if replicate % 50 == 49:
            progress(f"coverage of AF after {replicate + 1}: {n_covered / n_sets:.3f}")
    return round(n_covered / n_sets, 4)


def _false_amplification(scenario: Scenario, seed: int, progress: Callable[[str], None]) -> float:
    """Share of sets called amplified when modalities are random and the cohort representative."""
    shares = 1 / (1 + np.exp(-np.array([scenario.base[m] for m in MODALITIES])))
    people = block(scenario, np.random.default_rng([seed, 17]), 200_000)
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    whole = Frame(attributes(), people.codes, (), nobody, np.arange(len(nobody)))
    reference, n_amplified, n_sets = reference_of(whole), 0, 0
    for replicate in range(REPLICATES):
        rng = np.random.default_rng([seed, 19, replicate])
        rows = rng.integers(0, len(people.codes), REPLICATE_N)
        has = rng.random((REPLICATE_N, len(MODALITIES))) < shares
        frame = Frame(attributes(), people.codes[rows], MODALITIES, has, np.arange(REPLICATE_N))
        found = amplification(frame, reference, seed=seed * 1000 + replicate)
        judged = [r for r in found.rows if len(r.members) > 1 and r.n >= 200]
        n_sets += len(judged)
        n_amplified += sum(r.is_amplified for r in judged)
        if replicate % 50 == 49:
            progress(f"false amplification after {replicate + 1}: {n_amplified / n_sets:.4f}")
    return round(n_amplified / n_sets, 4)
