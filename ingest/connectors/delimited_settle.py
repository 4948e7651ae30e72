"""Every fact to its fate: landed, to the vault, or ignored by a rule; counted once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.delimited_facts import Facts, Ints32
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_identities import (
    Seen,
    birth_dates,
    once_a_person,
    to_vault,
)
from biobraid.ingest.connectors.delimited_plan import IGNORED_BY, TO_VAULT, Role
from biobraid.ingest.hashing import U64, mix, positive, value_hash

_CLOSED = ("code", "multicode", "boolean", "text")  # with allowed values, they are all


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
        yield from to_vault(frame, facts.only(role == kind))
    landing = [facts.only(role == Role.LAND)]
    for kind in (Role.SEX, Role.BIRTH_DATE):
        if per_role[kind]:
            mine = facts.only(role == kind)
            if kind == Role.BIRTH_DATE:
                n_cells = frame.rejected_cells
                chunks, mine = birth_dates(frame, mine)
                counts.facts_read -= frame.rejected_cells - n_cells  # added with all of them
                yield from chunks
            else:
                yield from to_vault(frame, mine)
            once = mine if frame.plan.options.layout == "wide" else once_a_person(frame, seen, mine)
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
    names = facts.names
    if label is not None:
        parts = {part for rule in frame.plan.options.split.values() for part in rule.into}
        names = [f"{label}/{name}" if name in parts else label for name in names]
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
