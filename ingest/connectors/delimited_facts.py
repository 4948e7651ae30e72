"""Cells of a delimited file on their way: landed, to the vault, or ignored by a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_plan import IGNORED_BY, TO_VAULT, Role
from biobraid.ingest.hashing import U64, mix, person_keys, positive, value_hash
from biobraid.ingest.times import normalise_times

Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
_BIRTH_LENGTH = {"year": 4, "month": 7, "day": 10}
_CLOSED = ("code", "multicode", "boolean", "text")  # with allowed values, they are all


@dataclass(frozen=True)
class Facts:
    """Non-empty cells: the kept record each stands in, its variable, the value as delivered.

    variable indexes names; roles are those of the names. index: array position, default 0.
    """

    names: Sequence[str]
    roles: npt.NDArray[np.int8]
    record: Ints
    variable: Ints32
    value: pa.StringArray
    index: Ints32 | None = None
    unit: pa.StringArray | None = None

    def __len__(self) -> int:
        return len(self.record)

    @property
    def role(self) -> npt.NDArray[np.int8]:
        """Role of each fact."""
        return self.roles[self.variable]

    def only(self, mask: Bools) -> Facts:
        """The facts where the mask is true."""
        if mask.all():
            return self
        keep = pa.array(mask)
        return Facts(
            self.names,
            self.roles,
            self.record[mask],
            self.variable[mask],
            self.value.filter(keep),
            None if self.index is None else self.index[mask],
            None if self.unit is None else self.unit.filter(keep),
        )

    def with_values(self, value: pa.StringArray) -> Facts:
        """The same facts with other values."""
        return Facts(
            self.names, self.roles, self.record, self.variable, value, self.index, self.unit
        )


@dataclass
class Seen:
    """What a file has already given, so that it is given once."""

    natives: set[str] = field(default_factory=set)
    landed_identities: set[tuple[str, str]] = field(default_factory=set)  # (column, native id)


def role_array(roles: Iterable[Role]) -> npt.NDArray[np.int8]:
    """Roles as an array to look up."""
    return np.array([int(role) for role in roles], dtype=np.int8)


def cells_of(frame: Frame, names: Sequence[str]) -> Facts:
    """Non-empty cells of some columns of the kept records."""
    plan = frame.plan
    cells = frame.block.cells([plan.file_names[name] for name in names])
    place = np.full(frame.block.n_rows, -1, dtype=np.int64)
    place[frame.rows] = np.arange(len(frame.rows))
    record = place[cells.row]
    roles = role_array(plan.roles[name] for name in names)
    return Facts(names, roles, record, cells.column, cells.value).only(record >= 0)


def settle(
    frame: Frame,
    seen: Seen,
    facts: Facts,
    counts: Counts,
    *,
    instances: Ints32 | None = None,
    rules: Mapping[Role, str] = IGNORED_BY,
    label: str | None = None,
) -> Iterator[Chunk]:
    """Chunks of the facts that land or go to the vault; every fact is counted once.

    instances: of each kept record. label: names the fact within its record instead of its
    variable (long files, where the variable is data of the record).
    """
    role = facts.role
    per_role = np.bincount(role, minlength=len(Role))
    counts.facts_read += int(per_role.sum())
    for fate, rule in rules.items():
        if per_role[fate]:
            counts.ignored[rule] += int(per_role[fate])
            counts.facts_ignored += int(per_role[fate])
    for kind in TO_VAULT:
        counts.facts_to_vault += int(per_role[kind])
        yield from _to_vault(frame, facts.only(role == kind))
    landing = [facts.only(role == Role.LAND)]
    for kind in (Role.SEX, Role.BIRTH_DATE):
        if per_role[kind]:
            mine = facts.only(role == kind)
            if kind == Role.BIRTH_DATE:
                n_cells = frame.rejected_cells
                chunks, mine = _birth_dates(frame, mine)
                counts.facts_read -= frame.rejected_cells - n_cells  # added with all of them
                yield from chunks
            else:
                yield from _to_vault(frame, mine)
            once = mine if frame.plan.options.layout == "wide" else _once(frame, seen, mine)
            counts.facts_to_vault += len(mine) - len(once)
            landing.append(once)
    for part in landing:
        if len(part):
            part = _with_points(frame, part)
            warn_of_codes(frame.job, part, counts)
            yield Chunk("raw.value", value_rows(frame, part, instances, label))


def value_rows(frame: Frame, facts: Facts, instances: Ints32 | None, label: str | None) -> pa.Table:
    """raw.value rows of facts."""
    keys = frame.job.keys
    names = facts.names if label is None else [label] * len(facts.names)
    hashes = np.array([_fact_hash(keys, name) for name in names], dtype=np.uint64)
    records: U64 = frame.records[facts.record]
    rows = mix(records, hashes[facts.variable])
    index = facts.index
    if index is not None and index.any():
        rows = np.where(index > 0, mix(rows, index.astype(np.uint64)), rows)
    n = len(facts)
    zeros = np.zeros(n, dtype=np.int32)
    columns = frame.origin(facts.record)
    columns["row_id"] = positive(rows)
    columns["variable"] = pa.DictionaryArray.from_arrays(
        pa.array(facts.variable), pa.array(list(facts.names), pa.string())
    )
    columns["instance"] = pa.array(zeros if instances is None else instances[facts.record])
    columns["array_index"] = pa.array(zeros if index is None else index)
    columns["value"] = facts.value
    if facts.unit is not None:
        columns["unit"] = facts.unit
    return pa.table(columns)


@lru_cache(maxsize=1 << 16)
def _fact_hash(keys: IngestKeys, name: str) -> int:
    """What tells a variable's fact from the others of its record."""
    return value_hash(keys, "fact", name)


def native_ids(frame: Frame, seen: Seen) -> Iterator[Chunk]:
    """One native_id row for each person the file has not named before.

    Without record_id: the person is known even if the record lands nothing.
    """
    new = [n for n in pc.unique(frame.natives).to_pylist() if n and n not in seen.natives]
    if not new:
        return
    seen.natives.update(new)
    natives = pa.array(new, pa.string())
    keys = person_keys(frame.job.keys, frame.job.study.person_namespace, natives)
    yield Chunk(
        "identity",
        pa.table({"source_person_key": keys, "type": ["native_id"] * len(new), "value": natives}),
    )


def warn_of_codes(job: FileJob, facts: Facts, counts: Counts) -> None:
    """Count codes outside the allowed values; they land all the same."""
    for i, name in enumerate(facts.names):
        variable = job.variables.get(name)
        if variable is None or not variable.codes or variable.value_type not in _CLOSED:
            continue
        mine = facts.variable == i
        if mine.any():
            known = pa.array(list(variable.codes), pa.string())
            values = pc.utf8_trim_whitespace(facts.value.filter(pa.array(mine)))
            n = len(values) - int(pc.sum(pc.is_in(values, known)).as_py() or 0)
            if n:
                counts.warnings[f"unknown-code:{name}"] += n


def to_point(values: pa.StringArray) -> pa.StringArray:
    """Numbers with a decimal comma as numbers with a point; other text as it is."""
    return pc.replace_substring_regex(
        values, r"^(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)$", r"\1.\2"
    )


def _with_points(frame: Frame, facts: Facts) -> Facts:
    if frame.plan.options.decimal == ".":
        return facts
    variables = frame.job.variables
    is_number = np.array(
        [name in variables and variables[name].value_type == "number" for name in facts.names]
    )
    mask = pa.array(is_number[facts.variable])
    points = to_point(facts.value.filter(mask))
    return facts.with_values(pc.replace_with_mask(facts.value, mask, points))


def _to_vault(frame: Frame, facts: Facts) -> Iterator[Chunk]:
    """Identity rows of cells, by their declared type."""
    if not len(facts):
        return
    for i in np.unique(facts.variable).tolist():
        mine = facts.only(facts.variable == i)
        kind = frame.job.source.identity.get(facts.names[i], "free_text")
        values = pc.utf8_trim_whitespace(mine.value)
        if kind.startswith("map_id:"):
            # Never the other study's id itself: its person key is all that linkage compares.
            other = kind.partition(":")[2]
            namespace = frame.job.study_keys.get(other, other)
            values = person_keys(frame.job.keys, namespace, values).dictionary_decode()
        yield Chunk("identity", _identity_rows(frame, mine.record, kind, values))


def _identity_rows(frame: Frame, record: Ints, kind: str, values: pa.Array) -> pa.Table:
    at = pa.array(record)
    rows = pa.table(
        {
            "source_person_key": frame.persons.take(at).dictionary_decode(),
            "type": pa.array([kind]).take(pa.array(np.zeros(len(record), dtype=np.int64))),
            "value": values,
            "record_id": positive(frame.records[record]),
        }
    )
    if frame.plan.options.layout == "wide":
        return rows
    grouped = rows.group_by(["source_person_key", "type", "value"]).aggregate(
        [("record_id", "min")]
    )
    return grouped.rename_columns({"record_id_min": "record_id"})


def _birth_dates(frame: Frame, facts: Facts) -> tuple[list[Chunk], Facts]:
    """Birth dates for the vault in ISO form, and at the declared precision for landing.

    A cell that is no date is rejected, and goes to the vault as it was delivered.
    """
    source = frame.job.source
    times = normalise_times(facts.value, source.date_order, None, dates_only=True)
    delivered = pc.utf8_trim_whitespace(facts.value)
    # A partial date stays as short as it came: YYYY, or YYYY-MM from any spelling of it.
    is_partial = times.time_flag.is_valid()
    is_year = pc.equal(pc.utf8_length(delivered), 4)
    iso = pc.if_else(
        is_partial,
        pc.if_else(
            is_year,
            pc.utf8_slice_codeunits(times.start_time, 0, 4),
            pc.utf8_slice_codeunits(times.start_time, 0, 7),
        ),
        times.start_time,
    )
    bad = times.invalid_mask
    chunks = [
        Chunk(
            "identity",
            _identity_rows(frame, facts.record, "birth_date", pc.coalesce(iso, delivered)),
        )
    ]
    for i in np.unique(facts.variable).tolist():
        is_bad = np.zeros(len(frame.rows), dtype=bool)
        is_bad[facts.record[bad & (facts.variable == i)]] = True
        frame.reject_cells(is_bad, facts.names[i], "invalid-date", "a date that exists")
    length = _BIRTH_LENGTH[frame.job.study.birth_precision]
    return chunks, facts.with_values(pc.utf8_slice_codeunits(iso, 0, length)).only(~bad)


def _once(frame: Frame, seen: Seen, facts: Facts) -> Facts:
    """The facts of persons of whom the file has not yet landed this column."""
    first = np.zeros(len(facts), dtype=bool)
    natives = frame.natives.take(pa.array(facts.record)).to_pylist()
    for i, (variable, native) in enumerate(zip(facts.variable.tolist(), natives, strict=True)):
        mark = (facts.names[variable], native or "")
        if mark not in seen.landed_identities:
            seen.landed_identities.add(mark)
            first[i] = True
    return facts.only(first)
