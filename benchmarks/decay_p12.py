"""Learned decay beside simple methods: errors and coverage of cells that were hidden.

PhysioNet 2012 (--data), or generated biobank visits (--design visits) or primary-care labs
(--design gp), where the method chosen per concept is shown as well. Persons are split by a hash
of their id and the seed; masks are drawn afresh for each seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import decay_designs
from benchmarks.decay_p12_data import DEFAULT, Study, read
from biobraid.imputation.carry_forward import fill_simply
from biobraid.imputation.decay import DecayMethod, decay_methods, with_calibration
from biobraid.imputation.decay_fit import fit_all
from biobraid.imputation.evaluate import (
    Recovered,
    by_concept,
    by_gap,
    by_joined_gap,
    choose,
    recover,
)
from biobraid.imputation.masks import Split, hide_at_random, hide_blocks
from biobraid.imputation.panel import ConceptModel, DecayModel, Panel, prepare

Progress = Callable[[str], None]
SIMPLE = ("mean", "locf", "linear")
HIDDEN_SHARE = 0.1
# Gap bins with fewer hidden cells are joined, so that every cell has its part in coverage_gap_*;
# concepts with fewer have none in coverage_concept_*. Of 1,000 cells the standard error of 90 % is
# one point. coverage_gap200_* are the calibration's own bins, those with 200 cells or more.
MIN_CELLS = {"p12": 1_000, "visits": 200, "gp": 200}
LEAST_FINE = 200
BLOCK_DAYS = {"p12": 0.5, "visits": 1500.0, "gp": 365.0}
LINES: list[tuple[str, str, float]] = [
    ("mae.past.random", "<=", 0.405),
    ("mae.past_cross.random", "<=", 0.305),
    ("mae.both_cross.random", "<=", 0.255),
    *(
        (f"coverage.{method}.random", op, line)
        for method in ("past", "past_cross", "both", "both_cross")
        for op, line in ((">=", 0.89), ("<=", 0.91))
    ),
    ("coverage_gap_min", ">=", 0.87),
    ("coverage_gap_max", "<=", 0.93),
    ("coverage_concept_min", ">=", 0.86),
    ("coverage_concept_max", "<=", 0.94),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark alone."""
    parser.add_argument("--design", choices=tuple(BLOCK_DAYS), default="p12")


def run(
    data: Path | None, seed: int, progress: Progress, options: argparse.Namespace
) -> dict[str, float]:
    """Figures by key; see the module."""
    design: str = options.design
    study = read(data or DEFAULT, seed) if design == "p12" else decay_designs.make(design, seed)
    training = study.of(0)
    figures: dict[str, float] = {}
    model = _fit(training, study, seed, figures)
    start = time.process_time()
    masked = [_hide(training, "block", design, seed + 900)]
    methods = decay_methods(model, training, ("past", "both"), with_cross=True, masked=masked)
    figures["cpu_seconds.methods"] = time.process_time() - start
    methods = [_calibrated(m, study, design, seed) for m in methods]
    test = study.of(2)
    gaps: list[float] = []
    fine: list[float] = []
    concepts: list[float] = []
    for mask in ("random", "block"):
        split = _hide(test, mask, design, seed + 100)
        for name, got in _simple(model, split).items():
            figures[f"mae.{name}.{mask}"], figures[f"rmse.{name}.{mask}"] = got.mae, got.rmse
        for method in methods:
            got = recover(model, method.fill(*split))
            key = f"{method.name}.{mask}"
            figures[f"mae.{key}"], figures[f"rmse.{key}"] = got.mae, got.rmse
            figures[f"coverage.{key}"] = got.coverage
            assert method.calibration is not None
            lines = by_joined_gap(got, method.calibration.edges, MIN_CELLS[design])
            gaps += [line.coverage for line in lines]
            fine += [x.coverage for x in by_gap(got, method.calibration.edges, LEAST_FINE)]
            own = by_concept(got, MIN_CELLS[design])
            concepts += [line.coverage for line in own]
            progress(f"{key}: mae {got.mae:.4f}, coverage {got.coverage:.4f}, by gap "
                     + " ".join(f"{line.coverage:.3f} ({line.n})" for line in lines))  # fmt: skip
            if own:
                ordered = sorted(own, key=lambda line: line.coverage)
                progress("  concepts " + ", ".join(
                    f"{study.names[int(line.level)]} {line.coverage:.3f}"
                    for line in (*ordered[:2], *ordered[-2:])))  # fmt: skip
    if gaps:
        figures["coverage_gap_min"], figures["coverage_gap_max"] = min(gaps), max(gaps)
        figures["coverage_gap200_min"], figures["coverage_gap200_max"] = min(fine), max(fine)
    if concepts:
        figures["coverage_concept_min"] = min(concepts)
        figures["coverage_concept_max"] = max(concepts)
    if design != "p12":
        figures |= _choice(model, study, methods, design, seed, progress)
    return figures


def _fit(training: Panel, study: Study, seed: int, figures: dict[str, float]) -> DecayModel:
    """The model, with the CPU seconds of pairs and of the fit apart."""
    start = time.process_time()
    prepared = {
        concept: prepare(cells, study.covariates, cap=20_000, seed=seed + concept)
        for concept, cells in training.items()
        if len(cells)
    }
    figures["cpu_seconds.pairs"] = time.process_time() - start
    start = time.process_time()
    fitted = fit_all({concept: pairs for concept, (_, _, pairs) in prepared.items()})
    figures["cpu_seconds.fit"] = time.process_time() - start
    models = {
        concept: ConceptModel(marginal, beta, fitted[concept])
        for concept, (marginal, beta, _) in prepared.items()
    }
    return DecayModel(models, study.covariates)


def _hide(panel: Panel, mask: str, design: str, seed: int) -> Split:
    if mask == "random":
        return hide_at_random(panel, HIDDEN_SHARE, seed)
    return hide_blocks(panel, BLOCK_DAYS[design], seed)


def _calibrated(method: DecayMethod, study: Study, design: str, seed: int) -> DecayMethod:
    """Calibrated on both kinds of masks of the calibration persons, on other draws than the test."""
    aside = study.of(1)
    masked = [_hide(aside, mask, design, seed + n) for n, mask in
              enumerate(("random", "random", "block", "block"), 7)]  # fmt: skip
    return with_calibration(method, masked)


def _simple(model: DecayModel, split: Split) -> dict[str, Recovered]:
    return {name: recover(model, fill_simply(name, model, *split)) for name in SIMPLE}  # type: ignore[arg-type]


def _choice(
    model: DecayModel,
    study: Study,
    methods: list[DecayMethod],
    design: str,
    seed: int,
    progress: Progress,
) -> dict[str, float]:
    """Method chosen per concept on calibration persons, and what it does to test persons."""
    past = next(m for m in methods if m.name == "past")

    def candidates(split: Split) -> dict[str, Recovered]:
        return {
            "locf": recover(model, fill_simply("locf", model, *split)),
            "covariate_mean": recover(model, fill_simply("covariate_mean", model, *split)),
            "decay": recover(model, past.fill(*split)),
        }

    chosen = choose(candidates(_hide(study.of(1), "random", design, seed + 50)))
    on_test = candidates(_hide(study.of(2), "random", design, seed + 100))
    figures = {f"n_chosen.{m}": float(sum(c == m for c in chosen.values())) for m in on_test}
    for concept, method in chosen.items():
        own = {n: r.take(r.concept == concept) for n, r in on_test.items()}
        figures |= {f"mae.{n}.{study.names[concept]}": r.mae for n, r in own.items()}
        progress(f"{study.names[concept]}: chosen {method}; on test persons "
                 + ", ".join(f"{n} {r.mae:.3f}" for n, r in own.items()))  # fmt: skip
    parts = [on_test[m].take(on_test[m].concept == c) for c, m in chosen.items()]
    n_cells = sum(len(p) for p in parts)
    figures["mae.chosen.random"] = sum(p.mae * len(p) for p in parts if len(p)) / n_cells
    return figures
