"""A project: a purpose with its people, declared in project.yaml, with a file of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from biobraid.core.errors import DisclosureError, Fault, SettingsError, near_misses
from biobraid.core.files import write_text
from biobraid.core.home import Home, validation_faults
from biobraid.core.schemas import MODALITIES

INTERNAL = "internal"  # folder of unscoped releases; never a project
NAME = re.compile(r"^[a-z][a-z0-9_]*$")
PROJECT_FILE = "project.yaml"
DATABASE_FILE = "project.duckdb"

_DDL = (
    "CREATE SCHEMA IF NOT EXISTS cohort",
    """CREATE TABLE IF NOT EXISTS cohort.attrition (
         cohort VARCHAR, step INTEGER, title VARCHAR, n_persons BIGINT, n_dropped BIGINT)""",
    """CREATE TABLE IF NOT EXISTS cohort.definition (
         cohort VARCHAR, release VARCHAR, sql VARCHAR, sha256 VARCHAR)""",
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatePolicy(_Strict):
    """What a project sees of dates: one shift per person, years only, or the dates themselves."""

    kind: Literal["shift", "year", "exact"] = "shift"
    window_days: int = Field(default=364, ge=1, le=3650)  # a shift is 1 to window_days days back
    multiple_of: Literal[1, 7] = 1  # 7 keeps the day of the week
    # What is cut so that no end of observation shows the shift: sources of health records,
    # all sources with a public first or last day, or none.
    truncate: Literal["records", "all", "none"] = "records"

    @model_validator(mode="after")
    def _window_holds_a_shift(self) -> DatePolicy:
        if self.window_days < self.multiple_of:
            raise ValueError("window_days is smaller than multiple_of")
        return self


class Project(_Strict):
    """project.yaml."""

    id: str = Field(pattern=NAME.pattern)
    title: str = ""
    purpose: str = ""
    modalities: list[str] = Field(default=list(MODALITIES), min_length=1)
    date_policy: DatePolicy = DatePolicy()
    expiry: date | None = None  # last day on which the project may get data
    min_cell: int | None = Field(default=None, ge=1)  # default: the home's
    key_version: int = Field(default=1, ge=1)  # raised by a rotation: new ids and shifts
    code_lists: str = "codelists"  # folder of CSV files, below the project's folder

    @field_validator("id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == INTERNAL:
            raise ValueError(f"'{INTERNAL}' is reserved for releases without a project")
        return value

    @field_validator("modalities")
    @classmethod
    def _known_modalities(cls, value: list[str]) -> list[str]:
        for modality in value:
            if modality not in MODALITIES:
                near = near_misses(modality, MODALITIES)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"'{modality}' is not one of {', '.join(MODALITIES)}{hint}")
        return value

    @field_validator("code_lists")
    @classmethod
    def _inside_the_project(cls, value: str) -> str:
        if Path(value).is_absolute() or ".." in Path(value).parts:
            raise ValueError("must be a folder below the project's own")
        return value


@dataclass(frozen=True)
class OpenProject:
    """A project of one home: its declaration and its paths."""

    home: Home
    settings: Project

    @property
    def folder(self) -> Path:
        """projects/<id>/."""
        return self.home.projects / self.settings.id

    @property
    def database(self) -> Path:
        """The project's own writable file, attached beside a release."""
        return self.folder / DATABASE_FILE

    @property
    def code_lists(self) -> Path:
        """Folder of the project's code lists."""
        return self.folder / self.settings.code_lists

    @property
    def min_cell(self) -> int:
        """Smallest count of persons that may be shown; never below the home's."""
        return max(self.home.settings.min_cell, self.settings.min_cell or 1)


def create_project(
    home: Home,
    name: str,
    *,
    title: str = "",
    purpose: str = "",
    modalities: list[str] | None = None,
    date_policy: DatePolicy | None = None,
    expiry: date | None = None,
) -> OpenProject:
    """Write projects/<name>/ with project.yaml and an empty project.duckdb.

    An existing project is refused, unless a killed command left it without project.yaml.
    """
    where = f"projects/{name}"
    try:
        made = Project(
            id=name,
            title=title or name,
            purpose=purpose,
            modalities=list(MODALITIES) if modalities is None else modalities,
            date_policy=date_policy or DatePolicy(),
            expiry=expiry,
        )
    except ValidationError as error:
        raise SettingsError(validation_faults(where, error)) from None
    folder = home.projects / name
    if (folder / PROJECT_FILE).exists():
        raise SettingsError(Fault(where, "the project exists", todo=f"Edit {where}/{PROJECT_FILE}"))
    folder.mkdir(parents=True, exist_ok=True)
    project = OpenProject(home, made)
    project.code_lists.mkdir(exist_ok=True)
    prepare_database(project.database)
    text = yaml.safe_dump(made.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(folder / PROJECT_FILE, text)
    return project


def open_project(home: Home, name: str) -> OpenProject:
    """The project called `name`; all faults of its project.yaml at once."""
    where = f"projects/{name}/{PROJECT_FILE}"
    path = home.projects / name / PROJECT_FILE
    if not NAME.match(name) or not path.is_file():
        raise SettingsError(
            Fault(
                f"projects/{name}",
                "there is no such project",
                todo=f"Make it with: biobraid project create {name}",
                suggestions=near_misses(name, project_names(home)),
            )
        )
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings = Project.model_validate(loaded)
    except yaml.YAMLError:
        raise SettingsError(Fault(where, "is not YAML")) from None
    except ValidationError as error:
        raise SettingsError(validation_faults(where, error)) from None
    if settings.id != name:
        raise SettingsError(Fault(where, f"id '{settings.id}' differs from the folder '{name}'"))
    project = OpenProject(home, settings)
    if not project.database.exists():
        prepare_database(project.database)
    return project


def project_names(home: Home) -> list[str]:
    """Names of the home's projects, sorted."""
    if not home.projects.is_dir():
        return []
    return sorted(p.name for p in home.projects.iterdir() if (p / PROJECT_FILE).is_file())


def refuse_expired(project: Project, today: date) -> None:
    """DisclosureError once the project's last day has passed."""
    if project.expiry is not None and today > project.expiry:
        raise DisclosureError(
            Fault(
                f"projects/{project.id}",
                f"the project expired on {project.expiry.isoformat()}",
                "a project that still runs",
                f"Have it extended, then change expiry in projects/{project.id}/{PROJECT_FILE}.",
            )
        )


def prepare_database(path: Path) -> None:
    """Make the project's file with the tables that every project has."""
    with duckdb.connect(str(path)) as con:
        for statement in _DDL:
            con.execute(statement)
