"""True values of a person: what a perfect questionnaire and a perfect laboratory would find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.ingest.sample.draws import Draws, Flags, Floats, Ints, logistic
from biobraid.ingest.sample.genotypes.draw import genetic_cholesterol
from biobraid.ingest.sample.planted import EFFECTS


@dataclass(frozen=True)
class Traits:
    """True values, one element per person; what a perfect questionnaire would find."""

    male: Flags
    age: Floats  # at the first visit, years
    townsend: Floats
    ethnicity: Ints  # position in ETHNICITIES
    education: Ints  # 0 none .. 4 degree
    income: Ints  # 1..5
    smoking: Ints  # 0 never, 1 previous, 2 current
    alcohol: Ints  # UK Biobank's 1 daily .. 6 never
    vegetables: Ints  # tablespoons a day; 0 is less than one
    height_cm: Floats
    bmi: Floats
    cholesterol: Floats  # mmol/L
    glucose: Floats  # mmol/L
    hba1c: Floats  # mmol/mol
    systolic: Floats
    diastolic: Floats
    crp: Floats  # mg/L
    diabetic: Flags  # ever
    refuses_alcohol: Flags


# Label, UK Biobank code, riverside code, weight.
ETHNICITIES = (
    ("British", "1001", "W", 0.86), ("Irish", "1002", "W", 0.025),
    ("Any other white background", "1003", "W", 0.035), ("White and Asian", "2003", "M", 0.005),
    ("Indian", "3001", "A", 0.015), ("Pakistani", "3002", "A", 0.008),
    ("Caribbean", "4001", "B", 0.012), ("African", "4002", "B", 0.01),
    ("Chinese", "5", "A", 0.006), ("Other ethnic group", "6", "O", 0.009),
    ("Do not know", "-1", "9", 0.005), ("Prefer not to answer", "-3", "9", 0.01),
)  # fmt: skip


def true_traits(draws: Draws, male: Flags, age: Floats) -> Traits:
    """True values with the planted effects; age in years at the first visit."""
    townsend = np.clip(-1.3 + 3.0 * draws.normal("townsend"), -6.3, 11.0)
    height = np.where(male, 175.6, 162.4) + 6.5 * draws.normal("height")
    bmi = np.clip(27.0 + 0.12 * townsend + 4.4 * draws.normal("bmi"), 15.5, 58.0)
    u = draws.uniform("smoking")
    current = logistic(-2.3 + 0.12 * townsend + 0.2 * male)
    previous = 0.30 + 0.06 * male
    smoking = np.where(u < current, 2, np.where(u < current + previous, 1, 0))
    alcohol = 1 + draws.choose("alcohol", (0.20, 0.23, 0.26, 0.11, 0.12, 0.08))
    refusal = np.where(
        alcohol == 1,
        EFFECTS["alcohol_refusal_daily_drinker"],
        EFFECTS["alcohol_refusal_others"],
    )
    education = np.clip(np.rint(2.3 - 0.18 * townsend + 1.2 * draws.normal("education")), 0, 4)
    income = np.clip(
        np.rint(2.2 - 0.15 * townsend + 0.3 * education + draws.normal("income")), 1, 5
    )
    diabetic = draws.chance("t2dm", _diabetes_risk(bmi, age))
    hba1c = (
        35.5
        + EFFECTS["hba1c_per_bmi"] * (bmi - 27.0)
        + EFFECTS["hba1c_per_year_of_age"] * (age - 57.0)
        + EFFECTS["hba1c_diabetes"] * diabetic
        + 3.5 * draws.normal("hba1c")
    )
    systolic = 136.0 + 0.6 * (age - 57.0) + 0.7 * (bmi - 27.0) + 16.0 * draws.normal("sbp")
    cholesterol = 5.7 + 1.0 * draws.normal("chol") + genetic_cholesterol(draws, male)
    return Traits(
        male=male,
        age=age,
        townsend=townsend,
        ethnicity=draws.choose("ethnicity", [e[3] for e in ETHNICITIES]),
        education=education.astype(np.int64),
        income=income.astype(np.int64),
        smoking=smoking.astype(np.int64),
        alcohol=alcohol,
        vegetables=np.clip(np.rint(2.5 + 1.8 * draws.normal("veg")), 0, 15).astype(np.int64),
        height_cm=height,
        bmi=bmi,
        cholesterol=np.clip(cholesterol, 2.2, 12.0),
        glucose=np.clip(4.9 + 0.6 * draws.normal("glu") + 2.6 * diabetic, 2.9, 22.0),
        hba1c=np.clip(hba1c, 18.0, 130.0),
        systolic=np.clip(systolic, 85.0, 230.0),
        diastolic=np.clip(0.42 * systolic + 25.0 + 7.0 * draws.normal("dbp"), 45.0, 140.0),
        crp=np.exp(0.3 + 1.05 * draws.normal("crp")),
        diabetic=diabetic,
        refuses_alcohol=draws.chance("refuses", refusal),
    )


def _diabetes_risk(bmi: Floats, age: Floats) -> Floats:
    return logistic(
        -3.1
        + EFFECTS["t2dm_log_odds_per_bmi"] * (bmi - 27.0)
        + EFFECTS["t2dm_log_odds_per_year_of_age"] * (age - 57.0)
    )
