"""Values of several parts ("120/80") taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Counts, FileJob
from biobraid.ingest.connectors.delimited_facts import Facts, role_array
from biobraid.ingest.connectors.delimited_plan import variable_role
from biobraid.ingest.connectors.delimited_rules import Split

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Parts:
    """Which values were split, and their parts: for each name, one value a split value."""

    mask: Bools
    values: list[pa.StringArray]


def parts_of(
    values: pa.StringArray, is_named: Bools, rule: Split, warning: str, counts: Counts
) -> Parts:
    """Parts of the named values; one with another number of parts stays whole, with a warning."""
    lists = pc.split_pattern(values, rule.separator)
    fits = pc.fill_null(pc.equal(pc.list_value_length(lists), len(rule.into)), False)
    mask = is_named & fits.to_numpy(zero_copy_only=False)
    columns = [
        pc.utf8_trim_whitespace(pc.list_element(lists.filter(pa.array(mask)), i))
        for i in range(len(rule.into))
    ]
    is_whole = np.ones(int(mask.sum()), dtype=bool)
    for column in columns:
        is_whole &= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
    if not is_whole.all():
        mask[mask] = is_whole
        columns = [column.filter(pa.array(is_whole)) for column in columns]
    n = int((is_named & ~mask & values.is_valid().to_numpy(zero_copy_only=False)).sum())
    if n:
        counts.warnings[warning] += n
    return Parts(mask, columns)


def split_facts(job: FileJob, facts: Facts, rules: Mapping[str, Split], counts: Counts) -> Facts:
    """Facts of variables with several parts as facts of the parts' variables."""
    for name, rule in rules.items():
        if name not in facts.names:
            continue
        is_named = facts.variable == list(facts.names).index(name)
        parts = parts_of(facts.value, is_named, rule, f"unsplit:{name}", counts)
        if parts.mask.any():
            facts = _with_parts(job, facts, parts, rule.into)
    return facts


def _with_parts(job: FileJob, facts: Facts, parts: Parts, into: Sequence[str]) -> Facts:
    whole, rest = facts.only(parts.mask), facts.only(~parts.mask)
    names = [*facts.names, *(part for part in into if part not in facts.names)]
    roles = np.concatenate(
        [facts.roles, role_array(variable_role(job, name) for name in names[len(facts.names) :])]
    )
    n, k = len(whole), len(into)
    variable = np.repeat(np.array([names.index(part) for part in into], dtype=np.int32), n)
    index = None
    if rest.index is not None and whole.index is not None:
        index = np.concatenate([rest.index, np.tile(whole.index, k)])
    unit = None
    if rest.unit is not None and whole.unit is not None:
        unit = pa.concat_arrays([rest.unit, *[whole.unit] * k])
    return Facts(
        names,
        roles,
        np.concatenate([rest.record, np.tile(whole.record, k)]),
        np.concatenate([rest.variable, variable]),
        pa.concat_arrays([rest.value, *parts.values]),
        index,
        unit,
    )
