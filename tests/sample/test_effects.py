"""Effects are in the people as planted: recovered from many, each within a margin that excludes 0."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from biobraid.ingest.sample import EFFECTS
from biobraid.ingest.sample.imaging.scans import WHITE, scans
from biobraid.ingest.sample.people import People, people

Floats = npt.NDArray[np.float64]
PERSONS = 100_000  # made in memory in a few seconds; no file is written
MARGIN = 0.5  # of the effect: at most this far off, and so never at nothing


def logit(outcome: Floats, *predictors: Floats) -> tuple[Floats, Floats]:
    """Coefficients of a logistic regression and their standard errors, intercept first."""
    x = np.column_stack([np.ones(len(outcome)), *predictors])
    beta = np.zeros(x.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ beta))
        information = (x.T * (p * (1 - p))) @ x
        beta += np.linalg.solve(information, x.T @ (outcome - p))
    return beta, np.sqrt(np.diag(np.linalg.inv(information)))


def assert_recovered(name: str, found: float, standard_error: float) -> None:
    """The effect is what was planted, and the test is one that would miss it if it were not."""
    margin = MARGIN * abs(EFFECTS[name])
    assert 3 * standard_error < margin, f"{name}: too few people to tell"
    assert found == pytest.approx(EFFECTS[name], abs=margin), name


@pytest.fixture(scope="module")
def many() -> People:
    return people(7, np.arange(1, PERSONS + 1))


@pytest.mark.parametrize("what", ["imaging", "gp"])
def test_who_takes_part_depends_on_age_sex_and_deprivation(many: People, what: str) -> None:
    part, traits = many.part, many.traits
    pool = part.in_ukdemo & (np.isnat(part.death) if what == "imaging" else True)
    came = ~np.isnat(part.visits[2]) if what == "imaging" else part.gp_linked
    predictors = [traits.age - 57, traits.townsend, traits.male.astype(float)]
    beta, error = logit(came[pool].astype(float), *(p[pool] for p in predictors))
    for place, name in enumerate(("per_year_of_age", "per_townsend", "male"), start=1):
        assert_recovered(f"{what}_log_odds_{name}", beta[place], error[place])


def test_current_smokers_have_more_infarctions(many: People) -> None:
    traits = many.traits
    beta, error = logit(
        many.illness.has("mi").astype(float),
        (traits.smoking == 2).astype(float),
        (traits.smoking == 1).astype(float),
        traits.age - 57,
        traits.male.astype(float),
    )
    for place, name in ((1, "current_smoker"), (3, "per_year_of_age"), (4, "male")):
        assert_recovered(f"mi_log_odds_{name}", beta[place], error[place])


def test_diabetes_rises_with_body_mass_and_age(many: People) -> None:
    beta, error = logit(
        many.illness.has("t2dm").astype(float), many.traits.bmi - 27, many.traits.age - 57
    )
    for place, name in enumerate(("per_bmi", "per_year_of_age"), start=1):
        assert_recovered(f"t2dm_log_odds_{name}", beta[place], error[place])


def test_an_effect_that_is_not_there_is_not_recovered(many: People) -> None:
    """Participants drawn anew, by nothing at all: every one of the assertions fails."""
    came = np.random.default_rng(1).permutation(many.part.gp_linked).astype(float)
    beta, error = logit(came, many.traits.age - 57, many.traits.townsend, many.traits.male * 1.0)
    for place, name in enumerate(("per_year_of_age", "per_townsend", "male"), start=1):
        with pytest.raises(AssertionError) as caught:
            assert_recovered(f"gp_log_odds_{name}", beta[place], error[place])
        assert "too few" not in str(caught.value)


def test_the_younger_healthier_and_whiter_are_scanned(many: People) -> None:
    found, traits = scans(many), many.traits
    pool = ~np.isnat(many.part.visits[2])
    ill = many.illness.has("mi") | traits.diabetic
    not_white = ~WHITE[traits.ethnicity]
    beta, error = logit(
        (~np.isnat(found.day))[pool].astype(float),
        (traits.age - 57)[pool],
        ill[pool].astype(float),
        not_white[pool].astype(float),
    )
    for place, name in enumerate(("per_year_of_age", "mi_or_diabetes", "not_white"), start=1):
        assert_recovered(f"scan_log_odds_{name}", beta[place], error[place])


def test_grey_matter_shrinks_with_age(many: People) -> None:
    found = scans(many)
    scanned = ~np.isnat(found.day)
    age = (found.day - many.identity.birth)[scanned].astype(float) / 365.25
    x = np.column_stack([np.ones(len(age)), age - 65, many.traits.male[scanned]])
    beta, *_ = np.linalg.lstsq(x, found.grey_matter_ml[scanned], rcond=None)
    assert beta[1] == pytest.approx(EFFECTS["grey_matter_ml_per_year_of_age"], abs=0.3)
    assert beta[2] == pytest.approx(EFFECTS["grey_matter_ml_male"], abs=5)
