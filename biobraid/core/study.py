"""study.yaml: a contributing cohort at one release, declared without code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import available_timezones

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.home import Home, validation_faults
from biobraid.core.schemas import IDENTITY_TYPES, MODALITIES

PACKED_GENOTYPES = ("plink", "pgen", "bgen", "vcf")  # connectors of values of many people in a row
REFERENCED = ("bgen", "pgen")  # connectors that can read values through an index
Delivery = Literal["full", "append", "delta", "columns"]
DateOrder = Literal["ymd", "dmy", "mdy"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FreeText(_Strict):
    """What happens to one free-text variable; undeclared ones are dropped and counted."""

    variable: str
    rule: Literal["allow", "vault", "drop"]
    reason: str = Field(min_length=3)


class Covers(_Strict):
    """Span of time a source could have recorded, as ISO dates; None where unknown."""

    from_: str | None = Field(default=None, alias="from", pattern=r"^\d{4}-\d{2}-\d{2}$")
    to: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")


class Censoring(_Strict):
    """Last day a source could have recorded anything about the persons of one region.

    region: the code of a person's registration (data provider, country). The registration
    decides; for sources without registrations of their origin, the person's last one in the
    study. Other persons are censored where the source's `covers` ends.
    """

    source: str
    region: str
    to: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


class Dictionary(_Strict):
    """Where a dictionary stands, if it is not dictionary.csv."""

    format: Literal["csv", "ukb-showcase", "redcap", "dbgap", "nda", "codes"] = "csv"
    fields: list[str] = []  # files below the study pack or the delivery folder
    codings: list[str] = []
    missing_codes: list[str] = []  # per-encoding missing codes
    # Format codes: a list of the codes of one variable or code system, by its columns.
    variable: str | None = None
    code: str | None = None
    meaning: str | None = None

    @model_validator(mode="after")
    def _names_its_columns(self) -> Self:
        given = [name for name in ("variable", "code", "meaning") if getattr(self, name)]
        if self.format == "codes" and len(given) < 3:
            raise ValueError("format codes needs `variable`, `code` and `meaning`")
        if self.format != "codes" and given:
            raise ValueError(f"`{given[0]}` belongs to format codes")
        return self


class Source(_Strict):
    """One set of files of one kind inside a study."""

    connector: str
    files: list[str] = Field(min_length=1)  # globs below the study's delivery folder
    shares_files: list[str] = []  # sources that take other facts from the same files
    person_id: str | None = None
    modality: str = "questionnaire"
    origin: Literal[
        "hospital", "primary-care", "register", "survey", "pharmacy", "claims", "research", "device"
    ] = "research"
    delivery: Delivery = "full"
    # reference: files are indexed where they lie and never copied
    storage: Literal["landing", "reference"] = "landing"
    mints_persons: bool = True
    duplicate_free: bool = True  # one record a person: the source's own ids tell persons apart
    time_zone: str | None = None  # default: the study's
    date_order: DateOrder = "ymd"
    record_key: list[str] = []  # columns that name a record; empty: the whole row
    version: str | None = None  # column that orders versions of one record
    deleted: dict[str, str] = {}  # column: value that marks a deletion record
    identity: dict[str, str] = {}  # column: identity type; goes to the vault only
    covers: Covers = Covers()
    free_text: list[FreeText] = []
    dictionary: Dictionary | None = None  # this source's own, beside the study's
    options: dict[str, Any] = {}  # the connector's own, checked by the connector

    @field_validator("modality")
    @classmethod
    def _known_modality(cls, value: str) -> str:
        if value not in MODALITIES:
            raise ValueError(f"'{value}' is not one of {', '.join(MODALITIES)}")
        return value

    @model_validator(mode="after")
    def _is_genotype(self) -> Self:
        # Whoever withdraws their genotypes is masked within the packed values of such a source.
        if self.connector in PACKED_GENOTYPES and self.modality != "genotype":
            raise ValueError(f"connector {self.connector} needs `modality: genotype`")
        return self

    @model_validator(mode="after")
    def _can_be_referenced(self) -> Self:
        if self.storage == "reference" and self.connector not in REFERENCED:
            raise ValueError(f"storage: reference is only for {', '.join(REFERENCED)}")
        if self.storage == "reference" and self.options.get("regions"):
            raise ValueError("options.regions belongs to storage: landing")
        return self

    @field_validator("identity")
    @classmethod
    def _known_identity(cls, value: dict[str, str]) -> dict[str, str]:
        for kind in value.values():
            if kind.partition(":")[0] not in IDENTITY_TYPES:
                near = near_misses(kind, IDENTITY_TYPES)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"'{kind}' is not an identity type{hint}")
        return value


class Withdrawals(_Strict):
    """Files that list withdrawn native ids, one a line, without a header."""

    files: list[str]
    level: Literal["no_contact", "no_access", "no_use"]


class Consent(_Strict):
    """What holds for a person without a consent record."""

    default: Literal["given", "required"] = "given"


class Study(_Strict):
    """study.yaml."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    release: str
    licence: str
    time_zone: str
    country: str = "gb"  # country pack: how postcodes, phones and national ids are written
    namespace: str | None = None  # of the native person ids; default: the study's id
    birth_precision: Literal["year", "month", "day"] = "year"
    consent: Consent = Consent()
    withdrawals: Withdrawals | None = None
    dictionary: Dictionary = Dictionary()
    sources: dict[str, Source] = Field(min_length=1)
    censoring: list[Censoring] = []

    @field_validator("censoring")
    @classmethod
    def _known_sources(cls, value: list[Censoring], info: ValidationInfo) -> list[Censoring]:
        sources = info.data.get("sources", {})
        for rule in value:
            if sources and rule.source not in sources:
                near = near_misses(rule.source, sources)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"'{rule.source}' is not a source of the study{hint}")
        pairs = [(rule.source, rule.region) for rule in value]
        twice = sorted({pair for pair in pairs if pairs.count(pair) > 1})
        if twice:
            raise ValueError(f"source '{twice[0][0]}' has two dates for region '{twice[0][1]}'")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            near = near_misses(value, available_timezones())
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ValueError(f"'{value}' is not an IANA time zone{hint}")
        return value

    @field_validator("sources")
    @classmethod
    def _known_sharers(cls, sources: dict[str, Source]) -> dict[str, Source]:
        for name, source in sources.items():
            for other in source.shares_files:
                if other not in sources or other == name:
                    near = near_misses(other, [s for s in sources if s != name])
                    hint = f"; did you mean {near[0]}?" if near else ""
                    raise ValueError(f"{name} shares files with '{other}', no other source{hint}")
        return sources

    @property
    def dictionaries(self) -> dict[str | None, Dictionary]:
        """The study's dictionary (under None) and those of single sources, by source."""
        found: dict[str | None, Dictionary] = {None: self.dictionary}
        for name, source in self.sources.items():
            if source.dictionary is not None:
                found[name] = source.dictionary
        return found

    @property
    def person_namespace(self) -> str:
        """Namespace under which native person ids are hashed."""
        return self.namespace or self.id


def read_study(pack: Path) -> Study:
    """The study declared in `pack`/study.yaml; all faults at once."""
    path = pack / "study.yaml"
    where = f"studies/{pack.name}/study.yaml"
    if not path.is_file():
        raise SettingsError(Fault(where, "the file is missing", "a study.yaml in each study pack"))
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(Fault(where + line, "is not YAML")) from None
    try:
        study = Study.model_validate(loaded)
    except ValidationError as error:
        raise SettingsError(validation_faults(where, error)) from None
    if study.id != pack.name:
        raise SettingsError(Fault(where, f"id '{study.id}' differs from the folder '{pack.name}'"))
    return study


def study_packs(home: Home) -> list[Path]:
    """Folders of the home's study packs, sorted by name."""
    if not home.studies.is_dir():
        return []
    return sorted(p for p in home.studies.iterdir() if (p / "study.yaml").is_file())


def delivery_folder(home: Home, study_id: str) -> Path:
    """Folder with the delivered files of a study."""
    return home.deliveries / study_id
