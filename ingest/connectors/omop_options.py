"""Options of the `omop` connector, as study.yaml writes them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from biobraid.ingest.tabular.dialect import Encoding


class OmopOptions(BaseModel):
    """What a delivery in the OMOP Common Data Model says about its own form.

    table: CDM table that every file of the source holds; otherwise the file's name says it.
    database: sources of a study with the same word share their record ids, so that a visit of
    one source is found from the events of another; default: the source by itself.
    columns: name in the file -> CDM column, beyond the renames of CDM 5.3 and 5.4.
    eras: whether delivered condition, drug and dose eras land (keep) or are left to be derived
    from the events (derive).
    event_fields: concept of an event-id column -> table it leads to (1147833: survey_conduct).
    delimiter: of text files; default: the one that gives the header known columns.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str | None = None
    database: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]*$")
    columns: dict[str, str] = {}
    eras: Literal["derive", "keep"] = "derive"
    event_fields: dict[int, str] = {}
    db_schema: str | None = None  # of a DuckDB file that holds a table in several schemas
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str | None = Field(default='"', min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    null_values: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _known_tables(self) -> Self:
        from biobraid.ingest.connectors.omop_tables import EVERY_TABLE

        for table in (self.table, *self.event_fields.values()):
            if table is not None and table not in EVERY_TABLE:
                raise ValueError(f"'{table}' is not a table of the CDM")
        return self
