"""What is planted on purpose: who carries which defect, and how strong the true effects are.

Persons are numbered from 0. The first thirty carry the planted defects, so that the smallest
sample (MIN_PERSONS) holds every kind of fault that the largest does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MIN_PERSONS = 30

# Recognisable persons; every identifier of theirs is a canary.
CANARY_BOTH = 2
CANARY_UKDEMO = 5
CANARY_RIVERSIDE = 8
CANARIES = (CANARY_BOTH, CANARY_UKDEMO, CANARY_RIVERSIDE)

RAGGED_SHORT = 10
RAGGED_LONG = 11
DUPLICATE_EID = 12
UNKNOWN_SMOKING = 13
UNKNOWN_ALCOHOL = 14
BAD_DATE_GP = 15  # an event on 31/02, a ragged row in gp_clinical, a sentinel in each GP table
WITHDRAWN_UKDEMO = 16
WITHDRAWN_BOTH = 17
BLANK_EID_AFTER = 18
RIVERSIDE_FIRST = 20  # has a result without an id, and an NHS number that is none
ODD_RESULTS = 21  # a result of the wrong batch, one below the limit of detection
ODD_HOURS = (24, 26)  # samples in the hour that spring skips and in the one autumn repeats
SHARED_NHS = (21, 22)  # two different people who gave one NHS number
TYPO_BOTH = 23  # linkable by NHS number and birth date in spite of a mistyped surname
NO_BIRTH_DATE = 24
RAGGED_RIVERSIDE = 25
UNKNOWN_SMOKER_RIVERSIDE = 26
BAD_DATE_RIVERSIDE = 27
WRONG_NHS = 28  # gave the NHS number of WRONG_NHS_OWNER
WRONG_NHS_OWNER = 13

# In the genotypes of ukdemo's array.
DUPLICATE_SAMPLE_AMONG = (10, 11, 13)  # two of one sex: one tube was run under both ids
SEX_MISMATCH = 14  # the tube holds the DNA of somebody of the other sex
LOW_CALL_RATE = 15

UKDEMO_ONLY = (CANARY_UKDEMO, *range(10, 17), 18)
BOTH = (CANARY_BOTH, WITHDRAWN_BOTH, TYPO_BOTH, RAGGED_RIVERSIDE)
RIVERSIDE_ONLY = (CANARY_RIVERSIDE, 20, 21, 22, 24, 26, 27, 28)
ON_MAP = (CANARY_BOTH, WITHDRAWN_BOTH)
GP_LINKED = (CANARY_UKDEMO, BAD_DATE_GP)

# In the hospitals, the survey and the extract.
TWO_PATIENTS = 10  # northgate registered this person twice, with one NHS number
OTHERS_NHS, OTHERS_NHS_OWNER = 11, 12  # northgate noted another person's NHS number
CUT_LINE = 13  # northgate: a line that breaks off, after this person's observations
OF_NOBODY = 14  # northgate: an observation of a Patient that is not there, a code of no system
IN_ERROR = 15  # both hospitals: an observation entered in error
CHANGED = 18  # both hospitals: a resource updated, one deleted, one taken back by the delta
WRONG_MONTH = 21  # southgate: tested in the month when mg/dL went out as mmol/L
UNKNOWN_EVENT = 23  # mindwell: a row of an event that the project does not have
DANGLING = 24  # valley: a measurement at a visit that is not there
NO_PERSON = 27  # valley: a condition of a person who is not there

PLANTED_AT = {
    "northgate": (CANARY_BOTH, CANARY_RIVERSIDE, 10, 11, 13, 14, 15, 18),
    "southgate": (CANARY_UKDEMO, CANARY_RIVERSIDE, 15, 18, 21, 25),
    "mindwell": (CANARY_BOTH, CANARY_RIVERSIDE, 20, 23, 26),
    "valley": (CANARY_UKDEMO, 12, 22, 24, 27),
}
SHARE_AT = {"northgate": 0.16, "southgate": 0.12, "mindwell": 0.12, "valley": 0.10}

# Shares of persons or rows.
SHARE_UKDEMO_ONLY = 0.70
SHARE_BOTH = 0.075  # a quarter of riverside
SHARE_ON_MAP = 0.10  # of those in both
SHARE_SENTINEL = 0.004  # of the dates of GP records
SHARE_BELOW_LIMIT = 0.15  # of C-reactive protein results
WRONG_UNIT_BATCH = 7  # of the 2021 laboratory batches: glucose ten times too small

EFFECTS: dict[str, float] = {
    "hba1c_per_bmi": 0.45,  # mmol/mol per kg/m2, adjusted for age and diabetes
    "hba1c_per_year_of_age": 0.10,
    "hba1c_diabetes": 16.0,
    "mi_log_odds_current_smoker": 0.80,  # against never
    "mi_log_odds_per_year_of_age": 0.06,
    "mi_log_odds_male": 0.70,
    "t2dm_log_odds_per_bmi": 0.13,
    "t2dm_log_odds_per_year_of_age": 0.04,
    "imaging_log_odds_per_year_of_age": -0.04,
    "imaging_log_odds_per_townsend": -0.14,
    "imaging_log_odds_male": 0.15,
    # Who of those who came to the imaging visit was scanned.
    "scan_log_odds_per_year_of_age": -0.06,
    "scan_log_odds_mi_or_diabetes": -0.9,
    "scan_log_odds_not_white": -0.8,
    "grey_matter_ml_per_year_of_age": -2.4,  # at the scan
    "grey_matter_ml_male": 40.0,
    "gp_log_odds_per_year_of_age": 0.02,
    "gp_log_odds_per_townsend": 0.08,
    "gp_log_odds_male": -0.10,
    "alcohol_refusal_daily_drinker": 0.12,  # probability of -3 among daily drinkers
    "alcohol_refusal_others": 0.01,
    "leptin_npx_per_bmi": 0.12,  # NPX (log2) per kg/m2
    "cholesterol_mmol_l_per_allele": 0.40,  # of the lead variant (truth/variants.csv)
    "phq9_depression": 6.0,  # points of the total score, against people without depression
}

# defect -> (what one is, what the books must show for it)
DEFECTS: dict[str, tuple[str, str]] = {
    "ragged-row": ("record", "rejected: ragged-row"),
    "duplicate-eid": ("record", "rejected: duplicate-key"),
    "blank-person-id": ("record", "rejected: missing-person-id"),
    "unknown-code": ("cell", "landed; warned of as unknown-code"),
    "impossible-date": ("record", "rejected: invalid-date"),
    "sentinel-date": ("cell", "landed with time_flag"),
    "nonexistent-local-time": ("cell", "landed with time_flag"),
    "ambiguous-local-time": ("cell", "landed with time_flag"),
    "undeclared-column": ("cell", "ignored: undeclared-column"),
    "undeclared-free-text": ("cell", "ignored: free-text-undeclared"),
    "below-detection": ("cell", "landed as delivered"),
    "wrong-unit": ("cell", "landed as delivered; for the quality checks to find"),
    "missing-birth-date": ("cell", "absent"),
    "canary-in-text": ("cell", "never outside the vault"),
    "canary-in-file-name": ("file", "never outside the vault"),
    "mistyped-name": ("cell", "vault only"),
    "wrong-nhs-number": ("cell", "vault only; must not link"),
    "shared-nhs-number": ("cell", "vault only; must not link"),
    "patient-twice": ("record", "landed; two source persons, linked to nobody"),
    "malformed-line": ("record", "rejected: not-json"),
    "reference-to-nobody": ("record", "landed; waits, in nobody's tables"),
    "unknown-code-system": ("record", "landed; warned of, and under concept 0"),
    "entered-in-error": ("record", "ignored; by a delta also the earlier version deleted"),
    "unknown-event": ("record", "rejected: unknown-event"),
    "dangling-visit": ("record", "landed without a visit"),
    "dangling-person": ("record", "landed; waits, in nobody's tables"),
    "control-sample": ("record", "ignored: control-sample"),
    "unknown-sample": ("record", "rejected: unknown-sample"),
    "placeholder-person": ("record", "rejected: placeholder-person-id"),
    "repeated-measurement": ("cell", "rejected: duplicate-measurement"),
    "sex-mismatch": ("sample", "landed; in quarantine: genotype-sex"),
    "duplicate-sample": ("sample", "landed; both in quarantine: genotypes-equal-in-two-persons"),
    "low-call-rate": ("row", "landed; call_rate of omics.sample_qc or omics.variant_qc"),
    "hwe-violation": ("variant", "landed; hwe_p of omics.variant_qc"),
    "invalid-nhs-number": ("cell", "vault only; must not link"),
}


@dataclass
class Planted:
    """What has been planted so far: counts by place, and canaries with their places."""

    counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    expected: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    canaries: list[tuple[str, str, str, str, str, str]] = field(default_factory=list)

    def count(self, defect: str, study: str, file: str, column: str, n: int = 1) -> None:
        """n more of a known defect in a column of a delivered file ('' for the whole row)."""
        if defect not in DEFECTS:
            raise KeyError(defect)
        if n:
            self.counts[(defect, study, file, column)] += n

    def expect(self, study: str, what: str, state: str, n: int = 1) -> None:
        """n more things of a study in a state that a test can find again (expected.csv)."""
        self.expected[(study, what, state)] += n

    def canary(self, kind: str, value: str, study: str, file: str, column: str) -> None:
        """An identifier that must never be found outside the vault, and where it was planted."""
        self.canaries.append((kind, value, _plain(kind, value, study), study, file, column))


def _plain(kind: str, value: str, study: str) -> str:
    """The value in its usual form: ISO dates, NHS numbers without gaps."""
    if kind == "birth_date":
        if value.isdigit():  # DICOM
            return f"{value[:4]}-{value[4:6]}-{value[6:]}"
        if "/" not in value:
            return value
        first, second, year = value.split("/")
        month, day = (first, second) if study == "riverside" else (second, first)
        return f"{year}-{month}-{day}"
    return value.replace(" ", "") if kind == "nhs_number" else value
