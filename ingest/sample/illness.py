"""Diseases of the sample: how often, in whom, from when, and how each coding writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.cells import Dates
from biobraid.ingest.sample.draws import Draws, Flags, logistic
from biobraid.ingest.sample.planted import EFFECTS
from biobraid.ingest.sample.traits import Traits


@dataclass(frozen=True)
class Disease:
    """One disease and its codes; '' where a coding has none here."""

    name: str
    log_odds: float  # at age 57, BMI 27, never smoker, woman
    icd10: str  # as HES writes it, without the dot
    read2: str
    read3: str
    self_report: str  # UK Biobank coding 6
    in_hospital: float  # share of cases that are admitted for it
    operation: str = ""  # OPCS-4
    drug: int = -1  # position in DRUGS
    age: float = 0.04
    bmi: float = 0.0
    male: float = 0.0


DISEASES = (
    Disease("hypertension", -1.1, "I10", "G20..", "XE0Ub", "1065", 0.15, drug=2, bmi=0.07),
    Disease("t2dm", 0.0, "E119", "C10F.", "X40J5", "1223", 0.20, drug=4),
    Disease("mi", -4.2, "I219", "G30..", "X200E", "1075", 0.95, operation="K751", drug=8,
            age=EFFECTS["mi_log_odds_per_year_of_age"], male=EFFECTS["mi_log_odds_male"]),
    Disease("asthma", -2.0, "J459", "H33..", "H33..", "1111", 0.08, drug=6, age=0.0),
    Disease("depression", -2.2, "F329", "E2B..", "X00SO", "1286", 0.05, age=-0.02),
    Disease("atrial_fibrillation", -4.0, "I48", "G5730", "G5730", "1471", 0.45, age=0.09),
    Disease("copd", -3.9, "J449", "H3...", "H3...", "1112", 0.30, drug=6, age=0.06),
    Disease("gout", -3.9, "M109", "C34..", "C34..", "1466", 0.05, male=1.2, bmi=0.06),
    Disease("knee_arthrosis", -2.6, "M179", "N05..", "XE1DV", "1465", 0.35, operation="W401",
            bmi=0.07),
    Disease("hip_arthrosis", -3.3, "M169", "N05..", "XE1DV", "1465", 0.40, operation="W371"),
    Disease("hip_fracture", -5.2, "S720", "S30..", "S30..", "", 1.0, age=0.08),
    Disease("pneumonia", -3.9, "J189", "H26..", "XE0YG", "1398", 0.80, age=0.05),
    Disease("heart_failure", -4.9, "I509", "G58..", "G58..", "1076", 0.70, drug=3, age=0.09),
    Disease("stroke", -4.5, "I64", "G66..", "X00D1", "1081", 0.90, drug=8, age=0.07),
    Disease("colon_cancer", -4.8, "C189", "B13..", "B13..", "", 1.0, operation="H229", age=0.06),
    Disease("breast_cancer", -3.2, "C509", "B34..", "B34..", "", 1.0, age=0.02, male=-6.0),
    Disease("cataract", -3.4, "H269", "F46..", "F46..", "1278", 0.85, operation="C751", age=0.12),
    Disease("hypothyroidism", -3.0, "E039", "C04..", "C04..", "1226", 0.05, drug=5, male=-1.4),
    Disease("gallstones", -3.3, "K802", "J64..", "J64..", "1162", 0.70, operation="J183",
            bmi=0.06, male=-0.7),
    Disease("urinary_infection", -3.4, "N390", "K190.", "K190.", "", 0.30, male=-1.0),
    Disease("anaemia", -3.6, "D649", "D21..", "X20B8", "1446", 0.35),
    Disease("reflux", -2.6, "K219", "J10y4", "X3003", "1138", 0.25, drug=9),
    Disease("coronary_disease", -3.6, "I251", "G3...", "XE2uV", "1074", 0.80, operation="K401",
            drug=0, age=0.08, male=0.9),
)  # fmt: skip
INDEX = {d.name: i for i, d in enumerate(DISEASES)}

# label as prescribed, Read 2, BNF section as TPP writes it, RxNorm ingredient, quantity
DRUGS = (
    ("Simvastatin 20mg tablets", "bxd2.", "02.12.00.00.00", "simvastatin", "28"),
    ("Atorvastatin 10mg tablets", "bxi1.", "02.12.00.00.00", "atorvastatin", "28"),
    ("Amlodipine 5mg tablets", "blb1.", "02.06.02.00.00", "amlodipine", "28"),
    ("Ramipril 5mg capsules", "bi63.", "02.05.05.01.00", "ramipril", "28"),
    ("Metformin 500mg tablets", "f411.", "06.01.02.02.00", "metformin", "84"),
    ("Levothyroxine sodium 100microgram tablets", "fu11.", "06.02.01.00.00", "levothyroxine", "28"),
    ("Salbutamol 100micrograms/dose inhaler", "c13I.", "03.01.01.01.00", "albuterol", "1"),
    ("Lisinopril 10mg tablets", "bi23.", "02.05.05.01.00", "lisinopril", "28"),
    ("Aspirin 75mg dispersible tablets", "bu25.", "02.09.00.00.00", "aspirin", "28"),
    ("Omeprazole 20mg gastro-resistant capsules", "a6b1.", "01.03.05.00.00", "omeprazole", "28"),
    ("Paracetamol 500mg tablets", "di21.", "04.07.01.00.00", "acetaminophen", "100"),
)


@dataclass(frozen=True)
class Illness:
    """Day each disease began, person x disease; NaT where the person never has it."""

    onset: npt.NDArray[np.datetime64]

    def has(self, name: str) -> Flags:
        """Who ever has the disease."""
        out: Flags = ~np.isnat(self.onset[:, INDEX[name]])
        return out

    def before(self, name: str, day: Dates) -> Flags:
        """Who has the disease before a day (false where the day is not a date)."""
        out: Flags = self.onset[:, INDEX[name]] < day
        return out


def illness(draws: Draws, traits: Traits, birth: Dates) -> Illness:
    """Diseases with the planted effects; onset between 45 days after 30th birthday and 2022."""
    columns: list[Any] = []
    for place, disease in enumerate(DISEASES):
        has = _has(draws, traits, disease)
        start = birth + 30 * 365 + 45
        span = (np.datetime64("2022-06-30", "D") - start).astype(np.int64)
        # Later onsets are more likely: the larger of two uniform draws.
        share = np.maximum(draws.uniform("onset", place), draws.uniform("onset2", place))
        day = start + (share * span).astype(np.int64)
        columns.append(np.where(has, day, np.datetime64("NaT", "D")))
    return Illness(np.stack(columns, axis=1))


def _has(draws: Draws, traits: Traits, disease: Disease) -> Flags:
    age = traits.age - 57.0
    if disease.name == "t2dm":  # the same draw that raised glucose and HbA1c
        return traits.diabetic
    log_odds = (
        disease.log_odds
        + disease.age * age
        + disease.bmi * (traits.bmi - 27.0)
        + disease.male * traits.male
        + (EFFECTS["mi_log_odds_current_smoker"] if disease.name == "mi" else 0.3)
        * (traits.smoking == 2)
    )
    return draws.chance(f"ill/{disease.name}", logistic(log_odds))
