"""The plan of an imputation: which variables, how, for whom, and how honestly it is judged.

title: Blood tests before an event
variables:
  - name: hba1c
    table: measurement             # or observation
    concept_id: 3004410            # or a list (a concept set); or code_list: FILE.csv
    unit_concept_id: 8554
    range: {from: 2, to: 20}       # values outside are neither used nor overwritten
    method: auto                   # auto, decay, carry_forward or covariate_mean
    max_age_days: 1095             # nothing older is used; the cell stays empty
direction: past                    # past, or both: then cells are flagged uses_future
cross: true                        # use what other variables of the same instant say
resolution: day                    # day, hour or minute: instants are cut to it
grid: {at: measured}               # or {every_days: 365}
split: {train: 0.6, tuning: 0.2}   # shares of persons; the rest judges
seed: 1
m: 0                               # draws besides the best value (imputation_no 1 to m)
level: 0.9                         # of the intervals

A plan with `method: forests` imputes a table with a row per person m times instead, for pooling:

method: forests
assumes: mcar                      # why values are missing; see docs/how-to/imputation.md
attributes: [sex, ethnicity]       # of mart.person_attribute, beside the age at entry
m: 5
iterations: 4
variables: [{name: bmi, concept_id: 3038553, pick: latest}]   # latest, first or mean
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import validation_faults

Method = Literal["auto", "decay", "carry_forward", "covariate_mean"]
Pick = Literal["latest", "first", "mean"]
Missing = Literal["mcar", "mar", "mnar"]  # at random; by what was observed; by the value itself
_NAME = r"^[a-z][a-z0-9_]{0,62}$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Range(_Strict):
    """Values that are plausible; both ends belong to it, a missing one is open."""

    from_: float | None = Field(default=None, alias="from")
    to: float | None = None


class Grid(_Strict):
    """Instants at which every variable should have a value."""

    at: Literal["measured"] | None = None  # wherever any variable of the plan was measured
    every_days: Annotated[float, Field(gt=0)] | None = None  # from the start of each follow-up

    @model_validator(mode="after")
    def _one_kind(self) -> Grid:
        if (self.at is None) == (self.every_days is None):
            raise ValueError("give one of at: measured and every_days")
        return self


class Split(_Strict):
    """Shares of persons that fit and that tune; the rest judges."""

    train: float = Field(default=0.6, gt=0, lt=1)
    tuning: float = Field(default=0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def _leaves_some(self) -> Split:
        if self.train + self.tuning >= 1:
            raise ValueError("train and tuning together must leave persons to judge on")
        return self


class Variable(_Strict):
    """One numeric variable: the values of one concept or of a set of concepts in one unit."""

    name: str = Field(pattern=_NAME)
    table: Literal["measurement", "observation"] = "measurement"
    concept_id: list[int] = []
    code_list: str | None = None  # CSV beside the plan, with a column concept_id
    unit_concept_id: int | None = None
    range: Range = Range()
    method: Method = "auto"
    max_age_days: float | None = Field(default=None, gt=0)
    pick: Pick = "latest"  # with forests: a person's one value

    @field_validator("concept_id", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, int) else value

    @model_validator(mode="after")
    def _has_concepts(self) -> Variable:
        if bool(self.concept_id) == bool(self.code_list):
            raise ValueError("give one of concept_id and code_list")
        return self


class ImputationPlan(_Strict):
    """A whole plan; its variables are numbered in order."""

    name: str = "plan"
    title: str = ""
    method: Literal["decay", "forests"] = "decay"
    variables: list[Variable] = Field(min_length=1, max_length=2000)
    direction: Literal["past", "both"] = "past"
    cross: bool = True
    resolution: Literal["day", "hour", "minute"] = "day"
    grid: Grid = Grid(at="measured")
    split: Split = Split()
    seed: int = 1
    m: int = Field(default=0, ge=0, le=100)
    level: float = Field(default=0.9, gt=0.5, lt=1)
    assumes: Missing | None = None
    attributes: list[str] = []
    iterations: int = Field(default=4, ge=1, le=50)

    @model_validator(mode="after")
    def _fits_its_method(self) -> ImputationPlan:
        if self.method == "decay":
            told = [
                n for n in ("assumes", "attributes", "iterations") if n in self.model_fields_set
            ]
            if told:
                raise ValueError(f"{', '.join(told)}: only with method: forests")
            if self.assumes is not None and not self.m:
                raise ValueError("assumes: only with draws to be pooled (m)")
            return self
        alien = [n for n in ("direction", "cross", "grid", "level") if n in self.model_fields_set]
        if alien:
            raise ValueError(f"{', '.join(alien)}: not with method: forests")
        if self.m < 2:
            raise ValueError("method: forests needs m of 2 or more, to be pooled")
        if self.assumes is None:
            raise ValueError("method: forests must say what it assumes: mcar, mar or mnar")
        of_decay = [
            v.name for v in self.variables if v.method != "auto" or v.max_age_days is not None
        ]
        if of_decay:
            raise ValueError(f"{', '.join(of_decay)}: method and max_age_days are of decay plans")
        return self

    @field_validator("variables")
    @classmethod
    def _names_differ(cls, value: list[Variable]) -> list[Variable]:
        names = [v.name for v in value]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return value

    @property
    def digest(self) -> str:
        """Hash of what the plan says, not of how the file is laid out."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_plan(path: Path) -> ImputationPlan:
    """The plan in a YAML file, named like the file, code lists read; all faults at once."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingsError(Fault(path.name, "is not YAML")) from None
    if not isinstance(given, dict):
        raise SettingsError(Fault(path.name, "is empty or not a mapping", "an imputation plan"))
    try:
        plan = ImputationPlan.model_validate({"name": _plan_name(path), **given})
    except ValidationError as error:
        raise SettingsError(validation_faults(path.name, error)) from None
    return plan.model_copy(
        update={"variables": [_with_concepts(v, path.parent) for v in plan.variables]}
    )


def _plan_name(path: Path) -> str:
    return re.sub(r"[^a-z0-9_]", "_", path.stem.lower())


def _with_concepts(variable: Variable, folder: Path) -> Variable:
    """The variable with the concepts of its code list."""
    if variable.code_list is None:
        return variable
    path = folder / variable.code_list
    where = f"{variable.code_list} (variable {variable.name})"
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
        concepts = sorted({int(row["concept_id"]) for row in rows})
    except FileNotFoundError:
        raise SettingsError(
            Fault(where, "there is no such file", "a CSV beside the plan")
        ) from None
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, csv.Error):
        raise SettingsError(
            Fault(where, "is not a list of concepts", "a CSV with a column concept_id of numbers")
        ) from None
    if not concepts:
        raise SettingsError(Fault(where, "lists no concept", "at least one row"))
    return variable.model_copy(update={"concept_id": concepts, "code_list": None})
