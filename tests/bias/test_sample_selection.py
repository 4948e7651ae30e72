"""The sample biobank's planted selection is found again from the shipped margins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biobraid.ingest.sample.people import people
from biobraid.ingest.sample.planted import EFFECTS
from biobraid.quality.bias.frame import frame_of
from biobraid.quality.bias.margins import demo_margins, read_margins
from biobraid.quality.bias.participation import modality_participation
from biobraid.quality.bias.raking import rake
from scripts.demo_margins import BANDS, RATE_DEPRIVATION, name

N = 40_000


@pytest.fixture(scope="module")
def sample() -> dict[str, np.ndarray]:
    """Sex, band of deprivation and GP records of many true persons of ukdemo."""
    block = people(7, np.arange(1000, 1000 + N))
    part = block.part
    band = np.searchsorted([b[1] for b in BANDS[:-1]], block.traits.townsend, side="right")
    here = part.in_ukdemo
    return {
        "sex": np.where(block.traits.male, "male", "female")[here],
        "band": band[here],
        "gp": part.gp_linked[here],
        "townsend": block.traits.townsend[here],
    }


def test_raking_to_the_shipped_margins_finds_the_planted_rates(
    sample: dict[str, np.ndarray],
) -> None:
    bands = [name(b) for b in BANDS]
    frame = frame_of(
        {("sex", "omop-gender"): sample["sex"].tolist(),
         ("deprivation", "townsend"): [bands[i] for i in sample["band"]]},
        {},
    )  # fmt: skip
    found = rake(frame, read_margins(demo_margins()))
    assert found.weights is not None and found.converged
    rate = np.array(RATE_DEPRIVATION)[sample["band"]] * np.where(sample["sex"] == "male", 0.9, 1.1)
    planted = (1 / rate) / (1 / rate).mean()
    assert found.weights == pytest.approx(planted, rel=0.06)


def test_who_has_gp_records_shows_the_planted_odds(sample: dict[str, np.ndarray]) -> None:
    fifth = np.digitize(sample["townsend"], np.quantile(sample["townsend"], [0.2, 0.4, 0.6, 0.8]))
    frame = frame_of(
        {("sex", "s"): sample["sex"].tolist(), ("deprivation", "s"): fifth.astype(str).tolist()},
        {"gp": sample["gp"]},
    )
    _, odds = modality_participation(frame)
    male = next(r for r in odds if r.level == "male" or (r.level == "female" and not r.is_baseline))
    assert male.odds_ratio and male.or_lo and male.or_hi
    planted = math.exp(EFFECTS["gp_log_odds_male"])
    planted = planted if male.level == "male" else 1 / planted
    assert male.or_lo < planted < male.or_hi
    by_fifth = [r.odds_ratio for r in odds if r.attribute == "deprivation"]
    assert by_fifth == sorted(by_fifth, key=lambda x: x or 0)  # the worse off, the more often
