"""Fitting a plan: decay on training persons, intervals and the honest choice on tuning persons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import numpy.typing as npt

from biobraid.core.errors import Fault, SettingsError
from biobraid.imputation.carry_forward import carry_forward_all, fill_simply
from biobraid.imputation.decay import DecayMethod, Filled, decay_method, with_calibration
from biobraid.imputation.evaluate import Recovered, choose, recover
from biobraid.imputation.masks import Split, hide_as_missing, hide_at_random, hide_blocks
from biobraid.imputation.observations import stream_concepts
from biobraid.imputation.panel import Cells, DecayModel, Panel, Predicted, fit_panel
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.prepare import covariates, parts
from biobraid.imputation.series import MINUTES_PER_DAY

Floats = npt.NDArray[np.float64]
METHODS = ("carry_forward", "covariate_mean", "decay")  # the simplest first
MASKS = ("random", "block", "real_pattern")
HIDDEN_SHARE = 0.1
LEAST_TUNING_CELLS = 30


@dataclass(frozen=True)
class Study:
    """The plan's observed cells, in memory; censored ones are left out."""

    panel: dict[int, Cells]
    covariates: Floats
    part: npt.NDArray[np.str_]  # train, tuning or held_out, per group

    def of(self, part: str) -> dict[int, Cells]:
        """Cells of one part's persons."""
        return {c: cells.take(self.part[cells.group] == part) for c, cells in self.panel.items()}


@dataclass(frozen=True)
class FittedPlan:
    """Everything that filling needs.

    chosen: method by variable number; tuning: what each method did to hidden cells of tuning
    persons; is_calibrated: False where there were too few of them, then carry-forward is taken.
    """

    decay: DecayMethod
    chosen: Mapping[int, str]
    tuning: Mapping[str, Recovered]
    limits: Mapping[int, float]

    @property
    def is_calibrated(self) -> bool:
        """True where intervals rest on tuning persons."""
        return self.decay.calibration is not None

    def candidates(self, visible: Panel, targets: Panel) -> dict[str, dict[int, Filled]]:
        """Every method on the same targets."""
        model = self.decay.model
        return {
            "carry_forward": fill_simply("locf", model, visible, targets),
            "covariate_mean": fill_simply("covariate_mean", model, visible, targets),
            "decay": self.decay.fill(visible, targets),
        }


def load_study(con: duckdb.DuckDBPyConnection) -> Study:
    """The observed cells of prepare_tables. SettingsError without any in the training part."""
    con.execute("""CREATE OR REPLACE TEMP VIEW usable AS
        SELECT concept_id, group_no, minute, value FROM cell WHERE NOT is_censored""")
    study = Study(dict(stream_concepts(con, "usable")), covariates(con), parts(con))
    if not any(len(cells) for cells in study.of("train").values()):
        raise SettingsError(
            Fault("plan", "no training person has a value of any variable",
                  "more persons, or another seed or split")
        )  # fmt: skip
    return study


def masked(study: Study, part: str, seed: int) -> dict[str, Split]:
    """The three masks of one part: at random, in blocks, in the pattern of the real missingness.

    A block is as long as twice the median gap between two values of a concept.
    """
    panel = study.of(part)
    days = 2 * _median_gap_days(panel)
    return {
        "random": hide_at_random(panel, HIDDEN_SHARE, seed),
        "block": hide_blocks(panel, days, seed + 1),
        "real_pattern": hide_as_missing(panel, HIDDEN_SHARE, seed + 2),
    }


def _median_gap_days(panel: Panel) -> float:
    gaps = []
    for cells in panel.values():
        is_same = cells.group[1:] == cells.group[:-1]
        gaps.append((cells.minute[1:] - cells.minute[:-1])[is_same])
    every = np.concatenate(gaps) if gaps else np.empty(0)
    return float(np.median(every)) / MINUTES_PER_DAY if len(every) else 1.0


def fit_plan(study: Study, plan: ImputationPlan) -> FittedPlan:
    """Fit on the training persons, calibrate and choose on the tuning persons."""
    training = {c: cells for c, cells in study.of("train").items() if len(cells)}
    model = fit_panel(training, study.covariates, seed=plan.seed)
    decay = decay_method(
        model, training, plan.direction, with_cross=plan.cross,
        masked=[masked(study, "train", plan.seed + 500)["block"]],
    )  # fmt: skip
    limits = {n: v.max_age_days for n, v in enumerate(plan.variables) if v.max_age_days is not None}
    masks = masked(study, "tuning", plan.seed + 1000)
    n_hidden = sum(len(cells) for _, hidden in masks.values() for cells in hidden.values())
    if n_hidden >= LEAST_TUNING_CELLS:
        decay = with_calibration(decay, masks.values(), plan.level)
    fitted = FittedPlan(decay, {}, {}, limits)
    tuning = {
        name: recover(model, filled) for name, filled in fitted.candidates(*masks["random"]).items()
    }
    return replace(fitted, chosen=_chosen(plan, model, tuning, n_hidden), tuning=tuning)


def _chosen(
    plan: ImputationPlan, model: DecayModel, tuning: Mapping[str, Recovered], n_hidden: int
) -> dict[int, str]:
    """What the plan says, or what won; draws need a distribution, which only decay has."""
    won = choose(tuning) if n_hidden >= LEAST_TUNING_CELLS else {}
    fallback = "decay" if plan.m else "carry_forward"
    found = {}
    for n, variable in enumerate(plan.variables):
        if n not in model.concepts:
            found[n] = "carry_forward"
        elif variable.method != "auto":
            found[n] = variable.method
        else:
            found[n] = "decay" if plan.m else won.get(n, fallback)
    return found


def fill_chosen(
    fitted: FittedPlan, visible: Panel, targets: Panel
) -> dict[int, tuple[str, Filled, Predicted | None]]:
    """Method, filled cells and, for decay, the prediction to draw from, by variable number.

    A cell whose neighbour is older than the variable's limit stays NaN; so does one that
    carry-forward has nothing to carry to.
    """
    wanted = {m: {c: t for c, t in targets.items() if fitted.chosen.get(c) == m} for m in METHODS}
    model = fitted.decay.model
    found: dict[int, tuple[str, Filled, Predicted | None]] = {}
    for concept, filled in carry_forward_all(
        visible, wanted["carry_forward"], fitted.limits
    ).items():
        found[concept] = ("carry_forward", filled, None)
    for concept, filled in fill_simply(
        "covariate_mean", model, visible, wanted["covariate_mean"]
    ).items():
        found[concept] = ("covariate_mean", filled, None)
    if wanted["decay"]:
        for concept, (cells, predicted) in fitted.decay.predict(visible, wanted["decay"]).items():
            filled = fitted.decay.to_values(concept, cells, predicted)
            limit = fitted.limits.get(concept)
            if limit is not None:
                value = np.where(filled.gap_days <= limit, filled.value, np.nan)
                filled = replace(filled, value=value)
            found[concept] = ("decay", filled, predicted)
    return found
