"""The plan of a wide dataset: which variables, from where, picked how.

title: Body mass and diabetes
variables:
  - name: bmi
    label: Body mass index
    table: measurement
    concept_id: 3038553            # or a list; or source_code: "21001"; or codelist: name
    pick: latest                   # latest, earliest, mean or any
    window: {from_days: -365, to_days: 0}   # from cohort_start_date; or {from: 2006-01-01}
    unit_concept_id: 9531
    impute: {plan: labs, variable: bmi}   # fill empty cells from imputed.imputed_value
  - name: sex
    table: person
    column: gender_concept_id
publication: {licence: https://..., creator: A Biobank}   # optional, for croissant.json
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import validation_faults

Pick = Literal["latest", "earliest", "mean", "any"]
Value = Literal["number", "concept", "text", "date"]
SUFFIXES = ("__absent_reason", "__is_imputed", "__age_days")


@dataclass(frozen=True)
class FactTable:
    """Where a table of cdm keeps what a variable is made of; None where it has no such thing."""

    key: str
    concept: str
    source: str
    day: str
    number: str | None = None
    answer: str | None = None
    text: str | None = None
    unit: str | None = None


TABLES: dict[str, FactTable] = {
    "measurement": FactTable(
        "measurement_id", "measurement_concept_id", "measurement_source_value",
        "measurement_date", "value_as_number", "value_as_concept_id", "value_source_value",
        "unit_concept_id",
    ),
    "observation": FactTable(
        "observation_id", "observation_concept_id", "observation_source_value",
        "observation_date", "value_as_number", "value_as_concept_id", "value_as_string",
        "unit_concept_id",
    ),
    "condition_occurrence": FactTable(
        "condition_occurrence_id", "condition_concept_id", "condition_source_value",
        "condition_start_date",
    ),
    "drug_exposure": FactTable(
        "drug_exposure_id", "drug_concept_id", "drug_source_value", "drug_exposure_start_date"
    ),
    "procedure_occurrence": FactTable(
        "procedure_occurrence_id", "procedure_concept_id", "procedure_source_value",
        "procedure_date",
    ),
    "device_exposure": FactTable(
        "device_exposure_id", "device_concept_id", "device_source_value",
        "device_exposure_start_date",
    ),
    "visit_occurrence": FactTable(
        "visit_occurrence_id", "visit_concept_id", "visit_source_value", "visit_start_date"
    ),
}  # fmt: skip
PERSON_COLUMNS = (
    "gender_concept_id", "year_of_birth", "month_of_birth", "race_concept_id",
    "ethnicity_concept_id",
)  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Window(_Strict):
    """Days a value may be dated on; both ends belong to it, and a missing end is open."""

    from_days: int | None = None  # days from cohort_start_date, negative before it
    to_days: int | None = None
    from_: date | None = Field(default=None, alias="from")
    to: date | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Window:
        has_days = self.from_days is not None or self.to_days is not None
        if has_days and (self.from_ is not None or self.to is not None):
            raise ValueError("is either in days from the cohort start or in dates, not both")
        return self


class FromImputed(_Strict):
    """Imputed cells that fill what is empty: of a plan that was run, by `biobraid impute`."""

    plan: str
    variable: str
    imputation_no: int = Field(default=0, ge=0)  # 0 the best value, 1 to m draws
    uses_future: bool = False  # true: accept values that rest on later ones; never for prediction


class Variable(_Strict):
    """One variable of the dataset: four columns."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    label: str = ""
    table: str
    concept_id: list[int] = []
    source_code: str | None = None
    codelist: str | None = None
    column: str | None = None  # table person only
    pick: Pick = "latest"
    value: Value | None = None  # default: number where the table has one, else date
    window: Window = Window()
    unit_concept_id: int | None = None
    impute: FromImputed | None = None

    @field_validator("concept_id", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, int) else value

    @model_validator(mode="after")
    def _hangs_together(self) -> Variable:
        if "__" in self.name:
            raise ValueError("a name may not hold '__', which marks the columns beside the value")
        if self.table == "person":
            if self.column not in PERSON_COLUMNS:
                raise ValueError(f"column must be one of {', '.join(PERSON_COLUMNS)}")
            if self.impute:
                raise ValueError("columns of a person are not imputed")
            return self
        if self.table not in TABLES:
            raise ValueError(f"table must be person or one of {', '.join(TABLES)}")
        if self.column is not None:
            raise ValueError("column is for table person only")
        if sum((bool(self.concept_id), self.source_code is not None, bool(self.codelist))) != 1:
            raise ValueError("give one of concept_id, source_code and codelist")
        return self._check_value()

    def _check_value(self) -> Variable:
        table = TABLES[self.table]
        if self.kind != "date" and self.pick != "any" and table.number is None:
            raise ValueError(f"{self.table} holds no values: pick any, or value: date")
        if self.unit_concept_id is not None and table.unit is None:
            raise ValueError(f"{self.table} has no units")
        if self.pick == "mean" and self.kind != "number":
            raise ValueError("a mean needs value: number")
        if self.impute and (self.kind != "number" or self.pick not in ("latest", "earliest")):
            raise ValueError("impute needs value: number and pick latest or earliest")
        return self

    @property
    def kind(self) -> Value | Literal["boolean"]:
        """What the variable's column holds."""
        if self.table == "person":
            return "number" if self.column in ("year_of_birth", "month_of_birth") else "concept"
        if self.pick == "any":
            return "boolean"
        if self.value is not None:
            return self.value
        return "number" if TABLES[self.table].number else "date"

    @property
    def columns(self) -> tuple[str, ...]:
        """The variable's columns in the dataset."""
        return (self.name, *(self.name + s for s in SUFFIXES))


class Publication(_Strict):
    """What only the publisher of a dataset knows, for its croissant.json."""

    licence: str = ""  # a URL, or words
    creator: str = ""
    url: str = ""
    published_on: date | None = None
    citation: str = ""  # BibTeX


class WidePlan(_Strict):
    """A wide dataset's variables."""

    title: str = ""
    purpose: str = ""
    publication: Publication | None = None
    variables: list[Variable] = Field(min_length=1)

    @field_validator("variables")
    @classmethod
    def _names_differ(cls, value: list[Variable]) -> list[Variable]:
        names = [v.name for v in value]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        taken = {"person_id", "cohort_start_date", "cohort_end_date"} & set(names)
        if taken:
            raise ValueError(f"named like the cohort's own column: {', '.join(sorted(taken))}")
        return value

    @property
    def code_lists(self) -> list[str]:
        """Code lists the variables refer to."""
        return sorted({v.codelist for v in self.variables if v.codelist})


def read_plan(path: Path) -> WidePlan:
    """The plan in a YAML file; all faults at once."""
    if not path.is_file():
        raise SettingsError(Fault(path.name, "the file is missing", "a dataset's plan (YAML)"))
    try:
        return WidePlan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError:
        raise SettingsError(Fault(path.name, "is not YAML")) from None
    except ValidationError as error:
        raise SettingsError(validation_faults(path.name, error)) from None
