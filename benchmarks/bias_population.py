"""A simulated population whose selection is known: 12 attributes, 6 modalities, one outcome.

Participation is log-linear in the attributes with one interaction (age x sex); imaging and
wearables select in the same direction, so their intersection is planted to be worse than either.
`control` is a modality drawn at random. Every person stands for the probabilities of being
chosen, from which the truth of every set is computed without drawing anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Attribute, Frame, mask_of, sets_of
from biobraid.quality.bias.intersection import Layout, distances

ATTRIBUTES: dict[str, tuple[float, ...]] = {
    "age_band": (0.26, 0.25, 0.22, 0.16, 0.11),
    "sex": (0.49, 0.51),
    "ethnicity": (0.84, 0.06, 0.04, 0.03, 0.03),
    "deprivation": (0.2, 0.2, 0.2, 0.2, 0.2),
    "education": (0.30, 0.28, 0.22, 0.20),
    "income": (0.22, 0.26, 0.24, 0.18, 0.10),
    "region": (0.15, 0.13, 0.12, 0.12, 0.11, 0.1, 0.1, 0.09, 0.08),
    "employment": (0.58, 0.27, 0.08, 0.07),
    "housing": (0.66, 0.18, 0.16),
    "smoking": (0.52, 0.30, 0.18),
    "urban": (0.8, 0.2),
    "household": (0.28, 0.36, 0.22, 0.14),
}
NAMES = tuple(ATTRIBUTES)
MODALITIES = ("imaging", "wearable", "diet", "gp", "omics", "control")
PAIR = ("age_band", "sex")


@dataclass(frozen=True)
class Scenario:
    """How strong the planted selection is."""

    slope: float  # of participation along deprivation, education, income, smoking, housing
    interaction: float  # men of the youngest band take part less by this log factor
    joint: float  # of imaging and wearable, in the same direction
    base: dict[str, float]  # log odds of each modality
    outcome: float  # log odds of the outcome at the best-off
    exposure: float  # log odds ratio of current smoking


SCENARIOS = {
    "prototype": Scenario(
        0.28, 0.35, 0.18,
        {"imaging": -1.5, "wearable": -1.3, "diet": -0.6, "gp": -0.2, "omics": -2.2, "control": -2.2},
        -3.2, 0.88,
    ),
    "steep": Scenario(
        0.20, 0.20, 0.28,
        {"imaging": -1.2, "wearable": -1.0, "diet": -0.4, "gp": 0.1, "omics": -1.8, "control": -1.6},
        -2.6, 0.60,
    ),
}  # fmt: skip


def attributes() -> tuple[Attribute, ...]:
    """The attributes with levels '0', '1', ...: 0 is the best-off where that has a meaning."""
    return tuple(
        Attribute(name, "simulated", tuple(str(i) for i in range(len(shares))))
        for name, shares in ATTRIBUTES.items()
    )


@dataclass(frozen=True)
class Block:
    """Some people of the population: levels, and chances of what may happen to them."""

    codes: np.ndarray  # person x attribute
    take_part: np.ndarray  # relative rate of taking part
    has: np.ndarray  # person x modality, probability
    outcome: np.ndarray  # probability

    def column(self, name: str) -> np.ndarray:
        """Levels of one attribute."""
        out: np.ndarray = self.codes[:, NAMES.index(name)]
        return out


def block(scenario: Scenario, rng: np.random.Generator, n: int) -> Block:
    """n people: attributes correlated through one latent factor, then all their chances."""
    latent = rng.standard_normal(n)
    codes = np.empty((n, len(NAMES)), np.int16)
    for place, (name, shares) in enumerate(ATTRIBUTES.items()):
        pull = {"deprivation": 0.6, "education": 0.5, "income": 0.6, "housing": 0.4, "smoking": 0.3,
                "employment": 0.2}.get(name, 0.0)  # fmt: skip
        mixed = pull * latent + np.sqrt(1 - pull**2) * rng.standard_normal(n)
        cuts = _normal_quantile(np.cumsum(shares)[:-1])
        codes[:, place] = np.searchsorted(cuts, mixed)
    get = {name: codes[:, i].astype(np.float64) for i, name in enumerate(NAMES)}
    well = (get["deprivation"] - 2) / 2 + (get["income"] - 2) / 2 + (get["education"] - 1.5) / 1.5
    well = well + get["housing"] - 0.5 + (get["smoking"] - 0.6)
    young_man = (get["age_band"] == 0) & (get["sex"] == 0)
    log_rate = (
        -scenario.slope * well - scenario.interaction * young_man + 0.12 * get["age_band"]
        - 0.15 * get["ethnicity"] + 0.10 * (get["sex"] == 1) + 0.05 * get["urban"]
    )  # fmt: skip
    odds = {
        "imaging": -scenario.joint * well - 0.12 * get["age_band"],
        "wearable": -scenario.joint * well + 0.10 * get["urban"],
        "diet": -0.6 * scenario.joint * well + 0.15 * get["sex"],
        "gp": 0.05 * get["region"] - 0.2,
        "omics": -0.03 * get["age_band"],
        "control": np.zeros(n),
    }
    has = np.stack([_logistic(scenario.base[m] + odds[m]) for m in MODALITIES], axis=1)
    risk = (
        scenario.outcome + 0.30 * well + scenario.exposure * (get["smoking"] == 2)
        + 0.22 * get["age_band"] + 0.15 * (get["sex"] == 0) + 0.5
    )  # fmt: skip
    return Block(codes, np.exp(log_rate), has, _logistic(risk))


def blocks(scenario: Scenario, seed: int, n: int, size: int = 400_000) -> Iterator[Block]:
    """A population of n in blocks; the same blocks for the same seed."""
    for start in range(0, n, size):
        yield block(scenario, np.random.default_rng([seed, start]), min(size, n - start))


@dataclass
class Truth:
    """Sums over the population of who is expected in which set."""

    margin: list[np.ndarray]
    pair: np.ndarray
    in_set: np.ndarray  # set (0: the cohort) x flat level
    outcome: float = 0.0
    n: int = 0

    def add(self, people: Block, masks: list[int]) -> None:
        """Add a block."""
        self.n += len(people.codes)
        self.outcome += float(people.outcome.sum())
        hot = np.zeros((len(people.codes), self.in_set.shape[1]), np.float32)
        start, every = 0, np.arange(len(people.codes))
        for place, shares in enumerate(ATTRIBUTES.values()):
            column = people.codes[:, place]
            self.margin[place] += np.bincount(column, minlength=len(shares))
            hot[every, start + column] = 1
            start += len(shares)
        first, second = (people.column(name).astype(np.int64) for name in PAIR)
        width = len(ATTRIBUTES[PAIR[1]])
        self.pair += np.bincount(first * width + second, minlength=len(self.pair))
        chance = np.empty((len(people.codes), len(masks) + 1), np.float32)
        chance[:, 0] = people.take_part
        for column, mask in enumerate(masks, start=1):
            bits = [m for m in range(len(MODALITIES)) if mask >> m & 1]
            chance[:, column] = people.take_part * people.has[:, bits].prod(axis=1)
        self.in_set += chance.T @ hot


def empty_truth() -> Truth:
    """Nobody yet."""
    sizes = [len(s) for s in ATTRIBUTES.values()]
    pair = len(ATTRIBUTES[PAIR[0]]) * len(ATTRIBUTES[PAIR[1]])
    return Truth([np.zeros(s) for s in sizes], np.zeros(pair),
                 np.zeros((1 << len(MODALITIES), sum(sizes))))  # fmt: skip


def masks() -> list[int]:
    """All sets as bits, in the order of sets_of."""
    return [mask_of(MODALITIES, members) for members in sets_of(MODALITIES)]


def true_factors(truth: Truth, layout: Layout) -> dict[tuple[str, ...], float]:
    """AF of every set from the expected people, without any sampling noise."""
    d = distances(layout, truth.in_set, n_noises=0)
    by_set = dict(zip(sets_of(MODALITIES), d[1:], strict=True))
    return {
        members: float(value / max(by_set[(m,)] for m in members))
        for members, value in by_set.items()
    }


def draw_people(people: Block, rng: np.random.Generator, n: int, start_id: int = 0) -> tuple[Frame, np.ndarray]:  # fmt: skip
    """n participants drawn with replacement by their rate of taking part, and their outcomes."""
    rows = rng.choice(len(people.codes), n, p=people.take_part / people.take_part.sum())
    has = rng.random((n, len(MODALITIES))) < people.has[rows]
    frame = Frame(attributes(), people.codes[rows], MODALITIES, has, np.arange(n) + start_id)
    return frame, rng.random(n) < people.outcome[rows]


def _logistic(x: np.ndarray) -> np.ndarray:
    out: np.ndarray = 1 / (1 + np.exp(-x))
    return out


def _normal_quantile(p: np.ndarray) -> np.ndarray:
    from statistics import NormalDist

    return np.array([NormalDist().inv_cdf(float(x)) for x in p])
