"""Generated gaps of a biobank: assessment visits years apart, and irregular primary-care labs.

Each concept is one kind of process, so that it is known beforehand where decay should win and
where carrying the last value forward or the mean given age and sex is as good.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.decay_p12_data import SHARES, Study
from biobraid.imputation.panel import Cells

N_PERSONS = 6_000
# concept: (covariate effect, sd of the person's own level, sd and half-life in years of what
# drifts, sd of the measurement's noise, yearly odds of a step that stays)
CONCEPTS: dict[str, tuple[float, float, float, float, float, float]] = {
    "stable_trait": (0.5, 1.0, 0.0, 1.0, 0.02, 0.0),
    "stepwise": (0.3, 1.0, 0.0, 1.0, 0.0, 0.08),
    "slow_drift": (0.3, 0.3, 1.0, 6.0, 0.2, 0.0),
    "fast_drift": (0.3, 0.3, 1.0, 0.8, 0.2, 0.0),
    "noisy_level": (0.3, 0.8, 0.0, 1.0, 0.8, 0.0),
    "pure_noise": (0.6, 0.0, 0.0, 1.0, 1.0, 0.0),
    "skewed_lab": (0.3, 0.5, 0.8, 2.0, 0.3, 0.0),
}
_MINUTES_PER_YEAR = 525_960


def make(design: str, seed: int) -> Study:
    """A study of the design: `visits` (instances 2 to 12 years apart) or `gp` (irregular labs)."""
    draw = np.random.default_rng(seed)
    person, years = _visits(draw) if design == "visits" else _labs(draw)
    covariates = np.stack(
        [np.ones(N_PERSONS), draw.normal(size=N_PERSONS), draw.random(N_PERSONS) < 0.5], axis=1
    ).astype(np.float64)
    seen = 0.85 if design == "visits" else 0.5
    panel = {}
    for concept, name in enumerate(CONCEPTS):
        value = _process(draw, name, person, years, covariates[:, 1])
        kept = draw.random(len(value)) < seen
        minute = np.round(years * _MINUTES_PER_YEAR).astype(np.int64)
        panel[concept] = Cells(person[kept], minute[kept], value[kept])
    part = np.searchsorted(SHARES, draw.random(N_PERSONS), "right").astype(np.int64)
    return Study(tuple(CONCEPTS), panel, covariates, part)


def _visits(draw: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """One to four visits a person, the next one 2 to 12 years after the one before."""
    n = draw.integers(1, 5, N_PERSONS)
    person = np.repeat(np.arange(N_PERSONS), n)
    gap = draw.uniform(2, 12, len(person))
    return person, _running(person, gap)


def _labs(draw: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Contacts in bursts: most within weeks of the last one, some after years; the ill come often."""
    n = 1 + draw.poisson(draw.gamma(1.5, 6.0, N_PERSONS))
    person = np.repeat(np.arange(N_PERSONS), n)
    is_near = draw.random(len(person)) < 0.5
    gap = np.where(is_near, draw.exponential(0.1, len(person)), draw.exponential(1.5, len(person)))
    return person, _running(person, gap + 0.003)


def _running(
    person: npt.NDArray[np.int64], gap: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Years since each person's first contact."""
    total = np.cumsum(gap)
    first = np.concatenate(([True], person[1:] != person[:-1]))
    start = np.repeat(total[first], np.diff(np.append(np.flatnonzero(first), len(person))))
    since: npt.NDArray[np.float64] = total - start
    return since


def _process(
    draw: np.random.Generator,
    name: str,
    person: npt.NDArray[np.int64],
    years: npt.NDArray[np.float64],
    covariate: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    effect, level_sd, drift_sd, half_life, noise_sd, step_odds = CONCEPTS[name]
    value = (effect * covariate + level_sd * draw.normal(size=N_PERSONS))[person]
    drift = np.zeros(len(person))
    step = np.zeros(len(person))
    is_first = np.concatenate(([True], person[1:] != person[:-1]))
    gap = np.where(is_first, 0.0, np.diff(years, prepend=0.0))
    share = 0.5 ** (gap / half_life)
    shock = draw.normal(size=len(person))
    jump = np.where(
        draw.random(len(person)) < 1 - np.exp(-step_odds * gap), draw.normal(size=len(person)), 0.0
    )
    for n in range(len(person)):  # a Markov chain; generated once, not a hot path
        if is_first[n]:
            drift[n] = shock[n]
        else:
            drift[n] = share[n] * drift[n - 1] + np.sqrt(1 - share[n] ** 2) * shock[n]
            step[n] = step[n - 1] + jump[n]
    value = value + drift_sd * drift + step + noise_sd * draw.normal(size=len(person))
    return np.exp(value * 0.5) if name == "skewed_lab" else value
