"""UK Biobank's record tables: how each is told by its header, and what its records mean.

A fact is a row that a record makes. Dates, ranks, units and the like belong to that fact; a
cell that nothing uses is a fact of its own, ignored by `column-not-used:NAME`.

gp_clinical: what value1 and value2 mean depends on provider and code, so none is chosen. The
first of them lands with the code, each further one as an event of its own with the same code
and the position value2 or value3. value3 is the unit where it is not a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.ukb_options import UkbOptions
from biobraid.ingest.connectors.ukb_record_rows import (
    Emitted,
    Records,
    emit,
    given,
    translated,
)
from biobraid.ingest.connectors.ukb_times import first_of

_LEVELS = {"1": "primary", "2": "secondary", "3": "external-cause"}
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_VISIT_KEY = ("eid", "ins_index")
Emit = Callable[[Records, UkbOptions], list[Emitted]]


@dataclass(frozen=True)
class RecordTable:
    """One kind of record table.

    needs: columns that tell it; one_of: of these at least one. key: names a record besides
    eid (empty: the whole row does). uses: columns that its facts are made of.
    """

    name: str
    needs: tuple[str, ...]
    key: tuple[str, ...]
    uses: tuple[str, ...]
    emit: Emit
    one_of: tuple[str, ...] = ()

    def fits(self, columns: Sequence[str]) -> bool:
        """True if a header with these columns is of this kind."""
        return all(c in columns for c in ("eid", *self.needs)) and (
            not self.one_of or any(c in columns for c in self.one_of)
        )


def _hesin(records: Records, _options: UkbOptions) -> list[Emitted]:
    """A hospital episode as a visit; the admission's dates where the episode has none."""
    start = first_of(records.times("epistart"), records.times("admidate"))
    end = first_of(records.times("epiend"), records.times("disdate"))
    columns = {
        "kind": "visit",
        "origin": "hospital",
        "admitted_from": pc.coalesce(records.text("admisorc_uni"), records.text("admisorc")),
        "discharged_to": pc.coalesce(records.text("disdest_uni"), records.text("disdest")),
        "end_time": end.start_time,
    }
    everyone = np.ones(len(records), dtype=bool)
    return [emit(records, "raw.event", "visit", everyone, columns, start)]


def _hesin_diag(records: Records, options: UkbOptions) -> list[Emitted]:
    """Diagnoses; they have no date of their own and take the visit's."""
    shared = {
        "kind": "condition",
        "origin": "hospital",
        "position": translated(records.text("level"), _LEVELS),
        "visit_record_id": _visit(records, options.visit_source, "hesin"),
    }
    return _coded(records, {"diag_icd10": "ICD10", "diag_icd9": "ICD9CM"}, shared)


def _hesin_oper(records: Records, options: UkbOptions) -> list[Emitted]:
    start = records.times("opdate")
    shared = {
        "kind": "procedure",
        "origin": "hospital",
        "position": translated(records.text("level"), _LEVELS),
        "visit_record_id": _visit(records, options.visit_source, "hesin"),
    }
    systems = {"oper4": "OPCS4", "oper3": "OPCS3"}
    made = []
    for name, system in systems.items():
        code = records.code(name)
        columns = {**shared, "code": code, "code_system": system}
        made.append(emit(records, "raw.event", name, given(code), columns, start))
    return made


def _death(records: Records, _options: UkbOptions) -> list[Emitted]:
    everyone = np.ones(len(records), dtype=bool)
    columns = {"kind": "death", "origin": "register"}
    start = records.times("date_of_death")
    return [emit(records, "raw.event", "death", everyone, columns, start)]


def _death_cause(records: Records, options: UkbOptions) -> list[Emitted]:
    """Causes of death; their date stands in the death record they belong to."""
    shared = {
        "kind": "death",
        "origin": "register",
        "position": translated(records.text("level"), _LEVELS),
        "visit_record_id": _visit(records, options.death_source, "death"),
    }
    return _coded(records, {"cause_icd10": "ICD10"}, shared)


def _gp_clinical(records: Records, _options: UkbOptions) -> list[Emitted]:
    start = records.times("event_dt")
    read_2, read_3 = records.code("read_2"), records.code("read_3")
    values = [records.value(f"value{i}") for i in (1, 2, 3)]
    is_number = pc.fill_null(pc.match_substring_regex(values[2], _NUMBER), False)
    none = pa.scalar(None, pa.string())
    unit = pc.if_else(is_number, none, values[2])
    values[2] = pc.if_else(is_number, values[2], none)
    has_code = given(read_2) | given(read_3)
    first = pc.coalesce(*values)
    shared = {"kind": "observation", "origin": "primary-care", "unit": unit}
    code = {
        "code": pc.coalesce(read_2, read_3),
        "code_system": _either(read_2, "Read", read_3, "CTV3"),
    }
    has_row = has_code | given(first) | given(unit)
    columns = {**shared, **code, "value": first}
    made = [emit(records, "raw.event", "event", has_row, columns, start)]
    is_taken = given(values[0])
    for i in (2, 3):
        extra = values[i - 1]
        more = {**shared, **code, "value": extra, "position": f"value{i}"}
        label = f"value{i}"
        made.append(emit(records, "raw.event", label, is_taken & given(extra), more, start))
        is_taken = is_taken | given(extra)
    both = given(read_2) & given(read_3)
    columns = {**shared, "code": read_3, "code_system": "CTV3"}
    del columns["unit"]
    return [*made, emit(records, "raw.event", "read_3", both, columns, start)]


def _covid_clinical(records: Records, options: UkbOptions) -> list[Emitted]:
    start, code = records.times("event_dt"), records.code("code")
    local = f"{records.job.study.id}:{records.job.source_id}"
    known = {kind: system or local for kind, system in options.code_types.items()}
    system = pc.fill_null(translated(records.text("code_type"), known), local)
    value = records.value("value")
    columns = {
        "kind": "observation",
        "origin": "primary-care",
        "code": code,
        "code_system": pc.if_else(code.is_valid(), system, pa.scalar(None, pa.string())),
        "value": value,
        "unit": records.text("unit"),
    }
    return [emit(records, "raw.event", "event", given(code), columns, start)]


def _gp_scripts(records: Records, options: UkbOptions) -> list[Emitted]:
    """A prescription under its best code; further codes of the same drug are not landed."""
    start = records.times("issue_date")
    systems = {"dmd_code": "dm+d", "bnf_code": "BNF", "read_2": "Read"}
    code = pa.nulls(len(records), pa.string())
    system = pa.nulls(len(records), pa.string())
    for name in options.script_codes:
        found = records.code(name)
        records.ignore("secondary-code", given(code) & given(found))
        is_new = pc.and_(code.is_null(), found.is_valid())
        code = pc.if_else(is_new, found, code)
        system = pc.if_else(is_new, systems[name], system)
    drug = records.text("drug_name")
    columns = {
        "kind": "drug",
        "origin": "primary-care",
        "code": code,
        "code_system": system,
        "code_text": drug,
        "quantity": records.text("quantity"),
    }
    return [emit(records, "raw.event", "drug", given(code) | given(drug), columns, start)]


def _gp_registrations(records: Records, _options: UkbOptions) -> list[Emitted]:
    start, end = records.times("reg_date"), records.times("deduct_date")
    records.ignore("sentinel-date", given(end.time_flag) & ~given(end.start_time))
    has_time = given(start.start_time) | given(start.time_flag) | given(end.start_time)
    columns = {
        "kind": "registration",
        "end_time": end.start_time,
        "code": records.text("data_provider"),  # decides when the person is censored
        "code_system": f"{records.job.study.id}:{records.job.source_id}",
    }
    return [emit(records, "raw.record", "registration", has_time, columns, start)]


def _coded(
    records: Records, systems: Mapping[str, str], shared: Mapping[str, pa.Array | str]
) -> list[Emitted]:
    made = []
    for name, system in systems.items():
        code = records.code(name)
        columns = {**shared, "code": code, "code_system": system}
        made.append(emit(records, "raw.event", name, given(code), columns))
    return made


def _visit(records: Records, source_id: str | None, table: str) -> pa.Int64Array:
    """record_id of the visit or death: declared source, the one named like the table, or own."""
    known = records.job.study.sources
    default = table if table in known else records.job.source_id
    return records.ids_in(source_id or default, table, _VISIT_KEY)


def _either(first: pa.Array, its: str, second: pa.Array, others: str) -> pa.StringArray:
    other = pc.if_else(second.is_valid(), others, pa.scalar(None, pa.string()))
    return pc.if_else(first.is_valid(), its, other)


RECORD_TABLES: tuple[RecordTable, ...] = (
    RecordTable(
        "hesin", ("ins_index",), ("ins_index",),
        ("epistart", "epiend", "admidate", "disdate", "admisorc_uni", "admisorc",
         "disdest_uni", "disdest"),
        _hesin, one_of=("epistart", "admidate"),
    ),
    RecordTable("hesin_diag", ("ins_index", "arr_index"), ("ins_index", "arr_index"),
                ("level", "diag_icd10", "diag_icd9"), _hesin_diag,
                one_of=("diag_icd10", "diag_icd9")),
    RecordTable("hesin_oper", ("ins_index", "arr_index"), ("ins_index", "arr_index"),
                ("level", "opdate", "oper4", "oper3"), _hesin_oper, one_of=("oper4", "oper3")),
    RecordTable("death", ("ins_index", "date_of_death"), ("ins_index",),
                ("date_of_death",), _death),
    RecordTable("death_cause", ("ins_index", "arr_index", "cause_icd10"),
                ("ins_index", "arr_index"), ("level", "cause_icd10"), _death_cause),
    RecordTable("gp_clinical", ("event_dt",), (),
                ("event_dt", "read_2", "read_3", "value1", "value2", "value3"), _gp_clinical,
                one_of=("read_2", "read_3")),
    RecordTable("covid19_gp_clinical", ("event_dt", "code", "value"), (),
                ("event_dt", "code_type", "code", "value", "unit"), _covid_clinical),
    RecordTable("gp_scripts", ("issue_date",), (),
                ("issue_date", "read_2", "bnf_code", "dmd_code", "drug_name", "quantity"),
                _gp_scripts, one_of=("read_2", "bnf_code", "dmd_code", "drug_name")),
    RecordTable("gp_registrations", ("reg_date",), (),
                ("reg_date", "deduct_date", "data_provider"), _gp_registrations),
)  # fmt: skip


def unused(table: RecordTable, columns: Sequence[str]) -> list[str]:
    """Columns that are neither part of the key nor used."""
    return [c for c in columns if c not in ("eid", *table.key, *table.uses)]
