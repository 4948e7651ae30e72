"""Reading a study's mapping.csv, with everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.dataset as ds

from biobraid.core.errors import Fault, MappingError, near_misses
from biobraid.core.home import Home
from biobraid.core.keys import concept_key
from biobraid.core.omop.domains import cdm_table_of_domain
from biobraid.core.study import Study
from biobraid.ingest.csv_rows import CsvRows, read_csv_rows
from biobraid.ingest.dictionaries.rows import VariableRow
from biobraid.ingest.mappings.row_faults import (
    Checks,
    age_factor,
    concept_faults,
    concept_ids_of,
    overrides_domain,
    row_warnings,
    scale_of,
    word_faults,
)
from biobraid.ingest.shipped.read import shipped_mapping, shipped_name
from biobraid.ingest.vocabulary import Vocabulary, vocabulary_in_force

REQUIRED_COLUMNS = ("source", "variable", "source_code", "target_concept_id", "target_domain_id")
MAPPING_COLUMNS = (
    "unit_concept_id",
    "value_as_concept_id",
    "rule",
    "rule_arg",
    "absent_reason",
    "status",
    "comment",
)
# Code systems of events that no loaded vocabulary need know.
CODE_SYSTEMS = (
    "ICD10", "ICD10CM", "ICD9", "ICD9CM", "OPCS4", "OPCS3", "Read", "ReadV2", "CTV3", "dm+d",
    "BNF", "SNOMED", "LOINC", "RxNorm", "ATC", "NDC", "CPT4", "HCPCS", "CVX", "UCUM", "DICOM",
)  # fmt: skip
# A code system of the study's own: study:source, as connectors write it.
_LOCAL_SYSTEM = re.compile(r"[a-z][a-z0-9_]*:.+")
Line = tuple[int, dict[str, str]]
Key = tuple[str, str, str]  # source, variable, code


@dataclass(frozen=True)
class Mapping:
    """A row of vocab.mapping without study; field for field as there."""

    source: str
    variable: str
    source_code: str | None
    target_ordinal: int
    target_concept_id: int
    target_domain_id: str
    unit_concept_id: int | None
    value_as_concept_id: int | None
    rule: str
    rule_arg: str | None
    scale_factor: float
    scale_offset: float
    id_key: int
    source_concept_id: int
    status: str
    comment: str | None


@dataclass(frozen=True)
class AbsentCode:
    """A code that means "absent", and why; a row of vocab.variable_code in the making."""

    source: str
    variable: str
    code: str
    absent_reason: str


@dataclass
class StudyMapping:
    """What a study's mapping.csv says, per source, and what is wrong with it."""

    mappings: list[Mapping] = field(default_factory=list)
    absent: list[AbsentCode] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    stub_concepts: set[int] = field(default_factory=set)


def load_mapping(home: Home, study: Study, variables: Sequence[VariableRow]) -> StudyMapping:
    """The study's mapping; MappingError with all its faults. No mapping.csv: nothing mapped."""
    found = examine_mapping(home, study, variables)
    if found.faults:
        raise MappingError(found.faults)
    return found


def examine_mapping(home: Home, study: Study, variables: Sequence[VariableRow]) -> StudyMapping:
    """Like `load_mapping`, but faults are given along with the rows that have none."""
    path = home.studies / study.id / "mapping.csv"
    shipped = {
        name: found
        for name in sorted({source.connector for source in study.sources.values()})
        if (found := shipped_mapping(name)).rows or found.faults
    }
    if not path.is_file() and not shipped:
        return StudyMapping()
    where = f"studies/{study.id}/mapping.csv"
    read = (
        read_csv_rows(path, where, REQUIRED_COLUMNS, MAPPING_COLUMNS)
        if path.is_file()
        else CsvRows()
    )
    out = StudyMapping(faults=[f for csv in (*shipped.values(), read) for f in csv.faults])
    every_row = [line for csv in (*shipped.values(), read) for line in csv.rows]
    checks = _checks(vocabulary_in_force(home), study, every_row)
    by_key: dict[Key, list[dict[str, str]]] = {}
    for name, csv_rows in shipped.items():
        place = shipped_name(name, "mapping.csv")
        users = [s for s, source in study.sources.items() if source.connector == name]
        by_key |= _by_key(list(_good_rows(csv_rows.rows, place, variables, checks, out)), users)
    good = list(_good_rows(read.rows, where, variables, checks, out))
    out.faults += _duplicates(good, where)
    by_key |= _by_key(good, study.sources)
    systems = {(v, c) for _, v, c in by_key if c}
    source_concepts = checks.vocabulary.look_up_codes(systems)
    for (source, variable, code), rows in sorted(by_key.items()):
        targets = [row for row in rows if not row["absent_reason"]]
        made = _targets(source, variable, code, targets, checks)
        concept = source_concepts.get((variable, code), 0)
        out.mappings += [Mapping(**row, source_concept_id=concept) for row in made]
        for row in rows:
            if row["absent_reason"]:
                out.absent.append(AbsentCode(source, variable, code, row["absent_reason"]))
    return out


def _checks(vocabulary: Vocabulary, study: Study, rows: Sequence[Line]) -> Checks:
    named = {i for _, row in rows for i in concept_ids_of(row).values()}
    units = vocabulary.concepts.to_table(
        columns=["concept_code", "concept_id"],
        filter=(ds.field("vocabulary_id") == "UCUM") & (ds.field("standard_concept") == "S"),
    ).to_pydict()
    unit_ids = dict(zip(units["concept_code"], units["concept_id"], strict=True))
    concepts = vocabulary.look_up(named)
    dubious = {
        c.concept_id
        for c in concepts.values()
        if not c.is_stub and (c.standard_concept != "S" or c.invalid_reason)
    }
    replacements = vocabulary.replacements(dubious)
    return Checks(vocabulary, concepts, study.sources, unit_ids, replacements)


def _good_rows(
    rows: Sequence[Line],
    where: str,
    variables: Sequence[VariableRow],
    checks: Checks,
    out: StudyMapping,
) -> Iterator[Line]:
    """Rows without a fault; faults, warnings and stubs go to `out`."""
    by_name = {variable.variable: variable for variable in variables}
    for line, row in rows:
        place = f"{where}, row {line}"
        faults = word_faults(row, place, checks) + concept_faults(row, place, checks)
        out.faults += faults
        if faults:
            continue
        out.warnings += _unknown_variable(row["variable"], place, by_name, checks.vocabulary)
        out.warnings += row_warnings(row, place, by_name.get(row["variable"]), checks)
        for concept_id in concept_ids_of(row).values():
            concept = checks.concepts.get(concept_id)
            if concept is not None and concept.is_stub:
                out.stub_concepts.add(concept_id)
        yield line, row


def _unknown_variable(
    name: str, place: str, known: dict[str, VariableRow], vocabulary: Vocabulary
) -> list[Fault]:
    is_system = name in CODE_SYSTEMS or name in vocabulary.vocabularies
    if not known or name in known or is_system or _LOCAL_SYSTEM.fullmatch(name):
        return []
    near = near_misses(name, [*known, *CODE_SYSTEMS])
    found = f"'{name}' is no variable of the dictionary and no code system"
    return [Fault(place, found, suggestions=near)]


def _duplicates(rows: Sequence[Line], where: str) -> list[Fault]:
    first: dict[tuple[str, ...], int] = {}
    faults = []
    told = ("status", "comment")
    for line, row in rows:
        key = tuple(value for name, value in sorted(row.items()) if name not in told)
        if key in first:
            faults.append(Fault(f"{where}, row {line}", f"repeats row {first[key]}"))
        first.setdefault(key, line)
    by_code: dict[tuple[str, str, str], set[bool]] = {}
    for line, row in rows:
        code = (row["source"] or "*", row["variable"], row["source_code"])
        is_absent = by_code.setdefault(code, set())
        is_absent.add(bool(row["absent_reason"]))
        if len(is_absent) == 2:
            found = f"code '{code[2]}' of {code[1]} is both absent and mapped"
            faults.append(Fault(f"{where}, row {line}", found, "one of the two"))
            is_absent.clear()
    return faults


def _by_key(rows: Sequence[Line], sources: Iterable[str]) -> dict[Key, list[dict[str, str]]]:
    """Rows by (source, variable, code); a source's own rows win over those for `*`."""
    own: dict[Key, list[dict[str, str]]] = {}
    for_all: dict[Key, list[dict[str, str]]] = {}
    for _, row in rows:
        is_for_all = row["source"] in ("", "*")
        for source in sources if is_for_all else (row["source"],):
            key = (source, row["variable"], row["source_code"])
            (for_all if is_for_all else own).setdefault(key, []).append(row)
    return for_all | own


def _targets(
    source: str, variable: str, code: str, rows: Sequence[dict[str, str]], checks: Checks
) -> Iterator[dict[str, Any]]:
    """Fields of Mapping for the facts one key makes, in the file's order."""
    times: dict[tuple[str, int], int] = {}
    for ordinal, row in enumerate(rows, start=1):
        ids = concept_ids_of(row)
        concept_id = ids.get("target_concept_id", 0)
        domain = _domain(row, concept_id, checks)
        table = cdm_table_of_domain(domain)
        nth = times[(table, concept_id)] = times.get((table, concept_id), 0) + 1
        rule, rule_arg = row["rule"] or "direct", row["rule_arg"] or None
        scale = scale_of(row["rule_arg"]) if rule == "scale" else None
        years = age_factor(row["rule_arg"]) if domain == "Person" else None
        if years is not None:  # models know one age, in years
            rule, rule_arg, scale = "scale", "age", (years, 0.0)
        ignored = row["status"] == "IGNORED" and not row["target_concept_id"]
        yield {
            "source": source,
            "variable": variable,
            "source_code": code or None,
            "target_ordinal": ordinal,
            "target_concept_id": concept_id,
            "target_domain_id": domain,
            "unit_concept_id": ids.get("unit_concept_id"),
            "value_as_concept_id": ids.get("value_as_concept_id"),
            "rule": "ignore" if ignored else rule,
            "rule_arg": rule_arg,
            "scale_factor": scale[0] if scale else 1.0,
            "scale_offset": scale[1] if scale else 0.0,
            "id_key": _id_key(table, concept_id, nth),
            "status": row["status"] or "UNCHECKED",
            "comment": row["comment"] or None,
        }


def _domain(row: dict[str, str], concept_id: int, checks: Checks) -> str:
    """The concept's own domain where it is sure, else the one given."""
    given = row["target_domain_id"]
    concept = checks.concepts.get(concept_id)
    if concept is None or concept_id == 0:
        return given or "Observation"
    return concept.domain_id if not given or overrides_domain(concept, given) else given


def _id_key(table: str, concept_id: int, nth: int) -> int:
    """Key of a target, another for each time that a code has the same target again."""
    if nth == 1:
        return concept_key(table, concept_id) if concept_id else 0
    return concept_key(f"{table}#{nth}", concept_id)
