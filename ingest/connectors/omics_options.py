"""What the omics connectors let study.yaml declare: samples, specimens, controls, features."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from biobraid.core.schemas import ABSENT_REASONS
from biobraid.ingest.tabular.dialect import Encoding

Delimiter = Literal["auto", "comma", "semicolon", "tab"]
DELIMITERS: dict[str, str] = {"comma": ",", "semicolon": ";", "tab": "\t"}
FeatureKind = Literal["protein", "metabolite", "taxon", "transcript", "other"]
# Person ids that are words for "nobody known", with or without the number of a study before
# them (2058:unknown); the missing-value words of the sequence archives (INSDC) are among them.
NOBODY = (
    r"(?i)(\d+:)?(unknown|unspecified|undefined|missing([: ].*)?|none|null|nan|n\.?/?a\.?|blank|"
    r"restricted access|not[ _-](applicable|available|collected|provided|known|recorded)|[.?-]+)"
)
SAMPLE = "sample"  # how options call the sample id, whatever its column is named


def _compile(texts: list[str]) -> list[str]:
    for text in texts:
        try:
            re.compile(text)
        except re.error as error:
            raise ValueError(f"'{text}' is not a regular expression: {error.msg}") from None
    return texts


Expressions = Annotated[list[str], AfterValidator(_compile)]


class Strict(BaseModel):
    """Unknown options are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BesideFile(Strict):
    """Another file of the delivery, in the folder of the file that is read or below it."""

    files: str
    key: str
    delimiter: Delimiter = "auto"
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    comment: str | None = None
    encoding: Encoding = "utf-8"


class SampleTable(BesideFile):
    """The table that says whose a sample is; key: its column of sample ids."""


class FeatureTable(BesideFile):
    """The table that says what a feature is; key: its column of feature names.

    name: column that holds the name the feature is to have, where the key is another one
    (UK Biobank's field id -> biomarker). The other options name columns too.
    """

    name: str | None = None
    label: str | None = None
    symbol: str | None = None
    accession: str | None = None
    taxonomy: str | None = None
    panel: str | None = None
    unit: str | None = None


class SpecimenRule(Strict):
    """What the specimens are: one code for all of them, or a column that holds it.

    system: OMOP vocabulary of the code; default: codes of the study's own, named study:source
    in its mapping.
    """

    code: str | None = None
    column: str | None = None
    system: str | None = None
    text: str | None = None


class OmicsOptions(Strict):
    """Options all omics connectors share.

    sample: column of the sample id, or columns that name a sample together.
    samples: table that says whose the samples are; the source's person_id, `collected` and
    `controls` may then name its columns. person_id: sample where a sample id is a person's.
    collected: column of the day or time the specimen was taken.
    controls: column (or `sample`) -> regular expressions of what is no person's: blanks, plate
    controls, calibrators. Such samples are ignored and counted. They come on top of those the
    format itself marks.
    placeholder_ids: regular expressions of person ids that stand for nobody, beyond the usual
    words for that (NOBODY: unknown, 2058:unknown, not collected, ...).
    absent: cell -> why there is no value (FHIR data-absent-reason). null_values: cells that are
    the same as empty ones.
    """

    sample: str | list[str] | None = None
    samples: SampleTable | None = None
    features: FeatureTable | None = None
    specimen: SpecimenRule = SpecimenRule()
    collected: str | None = None
    two_digit_until: int | None = Field(default=None, ge=1999, le=2200)
    controls: dict[str, Expressions] = {}
    placeholder_ids: Expressions = []
    absent: dict[str, str] = {}
    null_values: list[str] = ["NA", "N/A", "NaN", "nan", "None"]
    kind: FeatureKind | None = None
    unit: str | None = None
    delimiter: Delimiter = "auto"
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    comment: str | None = None
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."

    @field_validator("absent")
    @classmethod
    def _known_reasons(cls, given: dict[str, str]) -> dict[str, str]:
        for reason in given.values():
            if reason not in ABSENT_REASONS:
                raise ValueError(f"'{reason}' is none of {', '.join(ABSENT_REASONS)}")
        return given

    @field_validator("controls", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {k: [v] if isinstance(v, str) else v for k, v in given.items()}


class ColumnOptions(OmicsOptions):
    """Beside the options that all omics connectors share, for rows that are samples:

    feature_columns: regular expressions of columns that are features. ignore: columns that are
    none, whatever else they look like.
    """

    feature_columns: Expressions = []
    ignore: list[str] = []

    def declares(self, column: str) -> bool:
        """True for a column that `feature_columns` says is a feature."""
        return any(re.fullmatch(text, column) for text in self.feature_columns)
