"""Options of the `ukb` connector, as study.yaml writes them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from biobraid.ingest.tabular.dialect import Encoding

ScriptCode = Literal["dmd_code", "bnf_code", "read_2"]


class UkbOptions(BaseModel):
    """What may be declared; everything has UK Biobank's usual value.

    table: main, or the name of a record table; auto tells it by the header. delimiter: auto
    takes tab or comma, whichever the header is written with. quote: auto is '"' but for
    tab-separated record tables, where quotes are text. null_values: auto is NA in main tables.
    visit_source, death_source: the source that holds hesin or death (default: the source so
    named, else the source itself). script_codes: which code of a prescription lands, by
    preference. code_types: COVID-19 tables' code_type -> vocabulary ('' for a local code).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str = "auto"
    delimiter: Literal["auto", "tab", "comma"] = "auto"
    quote: Literal["auto", "none", '"'] = "auto"
    encoding: Encoding = "utf-8"
    null_values: list[str] | None = None
    visit_source: str | None = None
    death_source: str | None = None
    script_codes: list[ScriptCode] = Field(default=["dmd_code", "bnf_code", "read_2"], min_length=1)
    # Code lists of UK Biobank's COVID-19 primary care data: TPP uses 0 and 1, EMIS 2 and 3.
    code_types: dict[str, str] = {"0": "CTV3", "1": "", "2": "SNOMED", "3": ""}
