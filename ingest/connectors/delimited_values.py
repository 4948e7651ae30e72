"""Wide and long delimited files as raw.value rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_facts import (
    Facts,
    Ints32,
    cells_of,
    role_array,
)
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_identities import Seen
from biobraid.ingest.connectors.delimited_plan import IGNORED_BY, Role, variable_role
from biobraid.ingest.connectors.delimited_settle import settle
from biobraid.ingest.connectors.delimited_split import split_facts

A_TIME = "a date or time that exists"


def read_wide(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """Each cell of a declared variable is one raw.value row, or several if it holds an array.

    An invalid record time is a rejected cell: the record's other cells land without a time.
    """
    plan = frame.plan
    instances = integers(frame, plan.options.instance)
    facts = cells_of(frame, plan.names)
    time = plan.options.time
    if frame.start is not None and time is not None and time.column is not None:
        bad = frame.start.invalid_mask
        frame.reject_cells(bad, time.column, "invalid-date", A_TIME)
        if time.column in plan.names:  # a time that is looked up is no cell of this file
            is_time = facts.variable == plan.names.index(time.column)
            facts = facts.only(~(is_time & bad[facts.record]))
    for name, separator in plan.options.arrays.items():
        if name in plan.roles:
            facts = _split(facts, plan.names.index(name), separator)
    facts = split_facts(frame.job, facts, plan.options.split, counts)
    counted = np.zeros(len(frame.rows), dtype=bool)
    counted[facts.record[facts.role != Role.KEY]] = True
    if frame.start is not None:
        counted |= frame.start.invalid_mask
    ignore_empty(frame, counts, counted)
    yield from settle(frame, seen, facts.only(counted[facts.record]), counts, instances=instances)


def read_long(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """Each record is one raw.value row: its variable and value stand in columns."""
    options = frame.plan.options
    if options.variable is None or not isinstance(options.value, str):
        raise ValueError("layout long without variable and value")
    reject_times(frame)
    named = frame.column(options.variable).is_valid().to_numpy(zero_copy_only=False)
    frame.keep(named, "missing-variable", "the name of a variable", options.variable)
    instances = integers(frame, options.instance)
    index = integers(frame, options.array)
    if options.array is not None and instances is not None:
        instances = integers(frame, options.instance)  # records may have gone since
    variable = frame.column(options.variable).dictionary_encode()
    names = variable.dictionary.to_pylist()
    value = frame.block.column(frame.plan.file_names[options.value]).take(pa.array(frame.rows))
    has_value = value.is_valid().to_numpy(zero_copy_only=False)
    record = np.flatnonzero(has_value)
    at = pa.array(record)
    facts = Facts(
        names,
        role_array(variable_role(frame.job, name) for name in names),
        record,
        variable.indices.to_numpy(zero_copy_only=False)[has_value],
        value.take(at),
        None if index is None else index[has_value],
        frame.column(options.unit).take(at) if isinstance(options.unit, str) else None,
    )
    facts = split_facts(frame.job, facts, options.split, counts)
    others = other_cells(frame)
    counted = has_value.copy()
    counted[others.record] = True
    ignore_empty(frame, counts, counted)
    rules = {**IGNORED_BY, Role.UNDECLARED: "undeclared-variable"}
    yield from settle(frame, seen, facts, counts, instances=instances, rules=rules, label="long")
    yield from settle(frame, seen, others, counts, instances=instances)


def other_cells(frame: Frame) -> Facts:
    """Cells of the columns that no option names, identities among them."""
    roles = frame.plan.roles
    return cells_of(frame, [name for name in roles if roles[name] != Role.KEY])


def ignore_empty(frame: Frame, counts: Counts, counted: np.ndarray) -> None:
    """Count the records that hold nothing but their keys as ignored.

    In a delta such a record empties the one it replaces: it lands, with one ignored fact.
    """
    frame.has_content = counted
    n = int((~counted).sum())
    if not n:
        return
    counts.ignored["empty-record"] += n
    if frame.job.source.delivery == "delta":
        counts.facts_read += n
        counts.facts_ignored += n
    else:
        counts.records_ignored += n


def reject_times(frame: Frame) -> None:
    """Reject the records whose time is no time."""
    time = frame.plan.options.time
    if frame.start is not None and time is not None:
        frame.keep(~frame.start.invalid_mask, "invalid-date", A_TIME, time.column)


def integers(frame: Frame, column: str | None) -> Ints32 | None:
    """A column of whole numbers, 0 where empty; records with anything else are rejected."""
    if column is None:
        return None
    is_number = pc.match_substring_regex(frame.column(column), r"^\d{1,9}(\.0*)?$")
    frame.keep(
        is_number.fill_null(True).to_numpy(zero_copy_only=False),
        "invalid-number", "a whole number, 0 or more", column,
    )  # fmt: skip
    text = pc.replace_substring_regex(frame.column(column), r"\.0*$", "")
    numbers: Ints32 = pc.cast(text, pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    return numbers


def _split(facts: Facts, variable: int, separator: str) -> Facts:
    """Cells of one variable split into their values, each with its position."""
    mine = facts.variable == variable
    if not mine.any():
        return facts
    held, rest = facts.only(mine), facts.only(~mine)
    lists = pc.split_pattern(held.value, separator)
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    starts = np.concatenate(([0], np.cumsum(pc.list_value_length(lists).to_numpy())))
    index = np.arange(len(parents)) - starts[parents]
    values = pc.utf8_trim_whitespace(pc.list_flatten(lists))
    given = pc.not_equal(values, "").to_numpy(zero_copy_only=False)
    old = rest.index if rest.index is not None else np.zeros(len(rest), dtype=np.int32)
    n = int(given.sum())
    return Facts(
        facts.names,
        facts.roles,
        np.concatenate([rest.record, held.record[parents[given]]]),
        np.concatenate([rest.variable, np.full(n, variable, dtype=np.int32)]),
        pa.concat_arrays([rest.value, values.filter(pa.array(given))]),
        np.concatenate([old, index[given].astype(np.int32)]),
    )
