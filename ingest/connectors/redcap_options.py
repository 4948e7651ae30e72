"""Options of the `redcap` connector, as study.yaml writes them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from biobraid.ingest.tabular import Dialect
from biobraid.ingest.tabular.dialect import Encoding


class RedcapOptions(BaseModel):
    """How an export is written, and what dates its answers.

    dates: field that dates what an instrument, an event or (`*`) anything else holds; the
    instrument's wins over the event's. `EVENT.FIELD` takes it from another event of the record.
    Where it is blank or none is given, the survey's timestamp counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str = ","
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."  # of all numbers; comma-decimal fields need no option
    dates: dict[str, str] = {}
    branching_reason: Literal["not-asked", "not-applicable"] = "not-asked"
    data_access_group: Literal["value", "detail", "ignore"] = "value"
    survey_identifier: Literal["vault", "drop"] = "vault"

    @field_validator("delimiter", mode="before")
    @classmethod
    def _tab(cls, given: Any) -> Any:
        return "\t" if given in ("tab", "\\t") else given

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, given: str) -> str:
        Dialect(delimiter=given)
        return given

    def dialect(self) -> Dialect:
        """How the text is written."""
        return Dialect(delimiter=self.delimiter, encoding=self.encoding, decimal=self.decimal)
