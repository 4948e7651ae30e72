"""Rows of an index of images as raw.asset, raw.event and raw.value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.schemas import RAW_ASSET
from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.dicom_series import kind_of
from biobraid.ingest.connectors.dicom_terms import CODED, NOT_DEFINED, SEXES, defined_term
from biobraid.ingest.connectors.imaging_index_rows import IndexRows, iso_date
from biobraid.ingest.connectors.imaging_rows import (
    Asset,
    StudyFact,
    Told,
    birth_as_landed,
    identity_chunks,
    procedure_chunks,
    time_columns,
    value_chunks,
)
from biobraid.ingest.connectors.ukb_persons import constant
from biobraid.ingest.hashing import mix, positive, value_hash
from biobraid.ingest.tabular.block import reject_table

_NONE = pa.scalar(None, pa.string())
_TYPES = {f.name: f.type for f in RAW_ASSET.arrow}
_WORDS = ("manufacturer", "device_model")
_NUMBERS = ("n_instances", "n_rows", "n_columns", "slice_thickness_mm", "field_strength_t")
_UID = r"^[0-9][0-9.]{0,63}$"
_NUMBER = r"^[+-]?\d{1,12}(\.\d*)?([eE][+-]?\d{1,2})?$"
AGE_BESIDE_BIRTH = "age-beside-birth-date"  # rule: the birth date says it better
_TOO_MUCH = 2e9  # instances, pixels, mm, MB
_AGE = r"^(?P<n>\d{1,3})(?P<u>[DWMY])?$"
_DAYS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}


def asset_rows(rows: IndexRows, told: Told) -> Iterator[Chunk]:
    """The chunks of one block; rejected cells stand in raw.reject."""
    times = rows.times()
    studies = rows.studies
    columns = {
        "row_id": positive(mix(_unsigned(rows.assets), np.uint64(_mark(rows)))),
        "record_id": studies,
        "source_person_key": rows.persons,
        "asset_id": rows.assets,
        "file_format": constant("index", rows.n),
        "study_uid": rows.study_uids(),
        "series_uid": rows.series_uids(),
        **_codes(rows),
        **_words(rows),
    }
    columns["kind"] = _kinds(rows, columns.get("sop_class"))
    numbers, rejects = _numbers(rows)
    columns |= numbers
    yield Chunk("raw.asset", pa.table({**columns, **time_columns(rows.job, times)}))
    for role in ("date", "other_date", "time"):
        rows.landed.add(rows.roles.get(role, ""))
    yield from rejects
    yield from rows.unread_dates(("date", "other_date", "birth_date"))
    yield from _unread_ages(rows)
    yield from procedure_chunks(rows.job, _first_of_each(rows, columns, times), told)
    yield from value_chunks(rows.job, _persons_facts(rows, studies, times), told)
    yield from _vault(rows, told)


def _mark(rows: IndexRows) -> int:
    return value_hash(rows.job.keys, "image-index", rows.job.source_id)


def _unsigned(ids: pa.Int64Array) -> np.ndarray:
    found: np.ndarray = ids.to_numpy(zero_copy_only=False).astype(np.uint64)
    return found


def _codes(rows: IndexRows) -> dict[str, pa.Array]:
    found = {}
    for role in CODED:
        values = rows.role(role)
        if values is None:
            continue
        encoded = values.dictionary_encode()
        terms = [defined_term(role, word) for word in encoded.dictionary.to_pylist()]
        found[role] = pa.array(terms, pa.string()).take(encoded.indices)
        rows.landed.add(rows.roles[role])
        rows.withheld[NOT_DEFINED] += found[role].null_count - values.null_count
    if (classes := rows.role("sop_class")) is not None:
        found["sop_class"] = pc.if_else(pc.match_substring_regex(classes, _UID), classes, _NONE)
        rows.landed.add(rows.roles["sop_class"])
        rows.withheld[NOT_DEFINED] += found["sop_class"].null_count - classes.null_count
    if "modality" not in found and rows.options.modality:
        found["modality"] = constant(rows.options.modality, rows.n)
    return found


def _words(rows: IndexRows) -> dict[str, pa.Array]:
    found = {}
    for role in _WORDS:
        values = rows.role(role)
        if values is not None:
            found[role] = pc.utf8_slice_codeunits(values, 0, 64)
            rows.landed.add(rows.roles[role])
    return found


def _kinds(rows: IndexRows, sop_class: pa.Array | None) -> pa.Array:
    if sop_class is None:
        return constant("image_series", rows.n)
    encoded = sop_class.dictionary_encode()
    kinds = pa.array([kind_of(word) for word in encoded.dictionary.to_pylist()], pa.string())
    return pc.fill_null(kinds.take(encoded.indices), "image_series")


def _numbers(rows: IndexRows) -> tuple[dict[str, pa.Array], list[Chunk]]:
    found, rejects = {}, []
    for role in (*_NUMBERS, "size_mb"):
        values = rows.role(role)
        if values is None:
            continue
        is_number = pc.fill_null(pc.match_substring_regex(values, _NUMBER), False)
        number = pc.cast(pc.if_else(is_number, values, _NONE), pa.float64())
        is_number = pc.fill_null(pc.less(pc.abs(number), _TOO_MUCH), False)
        number = pc.if_else(is_number, number, pa.scalar(None, pa.float64()))
        bad = pc.and_(pc.invert(is_number), values.is_valid()).to_numpy(zero_copy_only=False)
        if bad.any():
            cells = reject_table(rows.row_numbers[bad], "invalid-value", "a number", role)
            rejects.append(Chunk("raw.reject", cells))
        if role == "size_mb":
            found["n_bytes"] = pc.cast(pc.round(pc.multiply(number, 1e6)), pa.int64())
        else:
            is_whole = pa.types.is_integer(_TYPES[role])
            found[role] = pc.cast(pc.round(number) if is_whole else number, _TYPES[role])
        rows.landed.add(rows.roles[role])
    return found, rejects


def _first_of_each(
    rows: IndexRows, columns: dict[str, pa.Array], times: list[str | None]
) -> list[Asset]:
    """The earliest row of each study and modality."""
    modality = columns.get("modality", pa.nulls(rows.n, pa.string())).cast(pa.string())
    table = pa.table(
        {
            "study": columns["record_id"],
            "modality": modality,
            "time": pa.array([t or "9999" for t in times], pa.string()),
            "place": pa.array(np.arange(rows.n)),
        }
    ).sort_by([("study", "ascending"), ("time", "ascending"), ("place", "ascending")])
    first = table.group_by(["study", "modality"], use_threads=False).aggregate([("place", "first")])
    persons = rows.persons.cast(pa.string())
    return [
        Asset(0, study, persons[at].as_py(), "", "", "index", times[at], modality=code)
        for study, code, at in zip(*(first.column(n).to_pylist() for n in first.column_names),
                                   strict=True)
    ]  # fmt: skip


def _persons_facts(
    rows: IndexRows, studies: pa.Int64Array, times: list[str | None]
) -> Iterator[StudyFact]:
    """Sex and birth, else age: of each study the first row that states it."""
    given: dict[str, pa.StringArray] = {}
    if (sex := rows.role("sex")) is not None:
        upper = pc.utf8_upper(sex)
        declared = rows.job.variables.get("PatientSex")
        known = pa.array([*SEXES, *(declared.codes if declared else ())], pa.string())
        given["PatientSex"] = pc.if_else(pc.is_in(upper, pc.utf8_upper(known)), upper, _NONE)
        rows.landed.add(rows.roles["sex"])
        rows.withheld[NOT_DEFINED] += given["PatientSex"].null_count - sex.null_count
    if (born := rows.role("birth_date")) is not None:
        given["PatientBirthDate"] = iso_date(born)
        rows.landed.add(rows.roles["birth_date"])
    if (age := rows.role("age")) is not None:
        rows.landed.add(rows.roles["age"])
        given["PatientAge"] = _years(age)
        if born is not None:
            dated = studies.filter(given["PatientBirthDate"].is_valid())
            is_beside = pc.and_(pc.is_in(studies, dated), given["PatientAge"].is_valid())
            given["PatientAge"] = pc.if_else(is_beside, _NONE, given["PatientAge"])
            rows.withheld[AGE_BESIDE_BIRTH] += pc.sum(is_beside).as_py() or 0
    persons = rows.persons.cast(pa.string())
    for variable, values in given.items():
        table = pa.table({"study": studies, "place": pa.array(np.arange(rows.n))})
        stated = table.filter(values.is_valid())
        first = stated.group_by("study", use_threads=False).aggregate([("place", "min")])
        for study, at in zip(*(first[n].to_pylist() for n in ("study", "place_min")), strict=True):
            is_birth = variable == "PatientBirthDate"
            value = values[at].as_py()
            value = birth_as_landed(rows.job, value) if is_birth else value
            yield StudyFact(study, persons[at].as_py(), variable, value, times[at])


def _unread_ages(rows: IndexRows) -> Iterator[Chunk]:
    """Rejected cells: what stands in the column of ages and is none."""
    if (ages := rows.role("age")) is not None:
        unread = pc.and_(ages.is_valid(), _years(ages).is_null())
        bad = unread.to_numpy(zero_copy_only=False)
        if bad.any():
            expected = "nnnD, nnnW, nnnM, nnnY or whole years"
            cells = reject_table(rows.row_numbers[bad], "invalid-value", expected, "age")
            yield Chunk("raw.reject", cells)


def _years(ages: pa.StringArray) -> pa.StringArray:
    """DICOM ages (061Y, 018M) or plain numbers, in years."""
    parts = pc.extract_regex(pc.utf8_upper(ages), _AGE)
    number = pc.cast(pc.struct_field(parts, "n"), pa.float64())
    unit = pc.struct_field(parts, "u")
    per = pa.array(list(_DAYS.values())).take(pc.index_in(unit, pa.array(list(_DAYS))))
    years = pc.multiply(number, pc.fill_null(per, 1.0))
    return pc.cast(pc.round(years, 2), pa.string())


def _vault(rows: IndexRows, told: Told) -> Iterator[Chunk]:
    """Where the files lie, with the asset; sex and birth of the persons."""
    persons = rows.persons.cast(pa.string()).to_pylist()
    if (location := rows.role("location")) is not None:
        rows.to_vault.add(rows.roles["location"])
        pairs = zip(persons, location.to_pylist(), rows.assets.to_pylist(), strict=True)
        found = [(p, "asset_location", where, a) for p, where, a in pairs if where]
        yield from identity_chunks(found, told)
    for role, kind in (("sex", "sex"), ("birth_date", "birth_date")):
        if (values := rows.role(role)) is not None:
            pairs_of = zip(persons, values.to_pylist(), strict=True)
            yield from identity_chunks([(p, kind, v, None) for p, v in pairs_of if v], told)
