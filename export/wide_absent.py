"""Why a cell of a wide dataset is empty: FHIR's data-absent-reason, for every empty cell.

In this order: the person's own absent value (mart.absent_fact) of a variable that is mapped
to what was asked, the latest in the window, undated ones too; x-not-in-study where no study
that records it has the person; x-not-linked where the study has the person, but none of its
sources that record it does; unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.schemas import ABSENT_REASONS
from biobraid.export.wide_plan import Variable
from biobraid.export.wide_values import ValueColumn

_CODES = {reason: n for n, reason in enumerate(ABSENT_REASONS)}
_PRESENT = -1
Reasons = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recorded:
    """Who a source or a study holds data about, by place in the cohort."""

    by_source: dict[tuple[str, str], Flags]
    by_study: dict[str, Flags]


def reasons_of(values: Reasons, start: int, stop: int) -> pa.Array:
    """Reasons of some persons as text; null where a value is present."""
    own = values[start:stop]
    texts = pa.array(ABSENT_REASONS, pa.string())
    return texts.take(pa.array(own, pa.int8(), mask=own == _PRESENT))


OUTCOME_TABLES = (
    "condition_occurrence", "procedure_occurrence", "drug_exposure", "device_exposure",
)  # fmt: skip


def find_reasons(con: duckdb.DuckDBPyConnection, columns: Sequence[ValueColumn]) -> list[Reasons]:
    """A reason for every empty cell; sets `any` to false where silence means no.

    Needs wide_person, wide_code and wide_window. A variable picked by `any` is false, not
    absent, for persons whom a source that records it covers.
    """
    n_persons = len(columns[0].values) if columns else 0
    variables = [c.variable for c in columns]
    _load_sources(con, variables)
    recorded = _recorded(con, n_persons)
    own = _stated(con, len(columns), n_persons)
    out = []
    for n, column in enumerate(columns):
        reasons = np.full(n_persons, _CODES["unknown"], dtype=np.int8)
        reach = _reach(con, n, recorded, n_persons)
        if reach is not None:
            in_source, in_study = reach
            if column.variable.kind == "boolean":
                column.is_present |= in_source & (own[n] == _PRESENT)
            reasons[~in_source] = _CODES["x-not-linked"]
            reasons[~in_study] = _CODES["x-not-in-study"]
        reasons = np.where(own[n] == _PRESENT, reasons, own[n]).astype(np.int8)
        reasons[column.is_present] = _PRESENT
        out.append(reasons)
    return out


def _load_sources(con: duckdb.DuckDBPyConnection, variables: Sequence[Variable]) -> None:
    """Make wide_source(var, study, source, variable): what is mapped to each variable.

    Codes of events reach their concepts through the vocabulary, not through a mapping: sources
    that recorded one of the concepts count (mart.outcome), so that whom only others cover is
    never taken for free of it. For tables of events that mart.outcome does not hold, every
    source of health records counts.
    """
    con.execute("""
        CREATE TEMP TABLE wide_source AS
        SELECT c.var, m.study, m.source, m.variable
        FROM wide_code AS c JOIN release.vocab.mapping AS m ON m.target_concept_id = c.concept_id
        UNION
        SELECT c.var, m.study, m.source, m.variable
        FROM wide_code AS c JOIN release.vocab.mapping AS m ON m.variable = c.source_code""")
    events = [
        (n, v.table in OUTCOME_TABLES)
        for n, v in enumerate(variables)
        if v.table not in ("person", "measurement", "observation")
    ]
    con.execute("CREATE TEMP TABLE wide_event (var INTEGER, has_outcomes BOOLEAN)")
    if events:
        con.executemany("INSERT INTO wide_event VALUES (?, ?)", events)
    con.execute("""
        INSERT INTO wide_source
        SELECT e.var, s.study, s.source, NULL
        FROM wide_event AS e
        CROSS JOIN release.vocab.study_source AS s
        WHERE s.modality = 'health_record' AND NOT e.has_outcomes
        UNION
        SELECT e.var, o.study, o.source, NULL
        FROM wide_event AS e
        JOIN wide_code AS c ON c.var = e.var
        JOIN release.mart.outcome AS o ON o.concept_id = c.concept_id
        WHERE e.has_outcomes""")


def _recorded(con: duckdb.DuckDBPyConnection, n_persons: int) -> Recorded:
    """Persons per source and per study, by mart.source_coverage."""
    found = con.execute("""
        SELECT s.study, s.source, list(p.place) AS places
        FROM release.mart.source_coverage AS s
        JOIN wide_person AS p ON p.person_id = s.person_id
        GROUP BY s.study, s.source""").to_arrow_table()
    recorded = Recorded({}, {})
    for study, source, places in zip(*found.columns, strict=True):
        flags = np.zeros(n_persons, dtype=np.bool_)
        flags[places.values.to_numpy()] = True
        recorded.by_source[study.as_py(), source.as_py()] = flags
        known = recorded.by_study.setdefault(study.as_py(), np.zeros_like(flags))
        known |= flags
    return recorded


def _reach(
    con: duckdb.DuckDBPyConnection, var: int, recorded: Recorded, n_persons: int
) -> tuple[Flags, Flags] | None:
    """Whom a source that records the variable holds, and whom one of these studies holds.

    None where nothing says what records the variable: then silence says nothing.
    """
    pairs = con.execute(
        "SELECT DISTINCT study, source FROM wide_source WHERE var = ?", [var]
    ).fetchall()
    if not pairs:
        return None
    in_source = np.zeros(n_persons, dtype=np.bool_)
    in_study = np.zeros(n_persons, dtype=np.bool_)
    for study, source in pairs:
        in_source |= recorded.by_source.get((study, source), False)
        in_study |= recorded.by_study.get(study, False)
    return in_source, in_study


def _stated(con: duckdb.DuckDBPyConnection, n_variables: int, n_persons: int) -> list[Reasons]:
    """Reasons that the data themselves give; _PRESENT (none) elsewhere."""
    own = [np.full(n_persons, _PRESENT, dtype=np.int8) for _ in range(n_variables)]
    found = con.execute("""
        SELECT p.place, w.var,
          arg_max(a.absent_reason, {'day': coalesce(a.start_date, DATE '0001-01-01'),
            'reason': a.absent_reason}) AS reason
        FROM release.mart.absent_fact AS a
        JOIN wide_person AS p ON p.person_id = a.person_id
        JOIN wide_source AS s
          ON s.study = a.study AND s.source = a.source AND s.variable = a.variable
        JOIN wide_window AS w ON w.var = s.var
        WHERE a.start_date IS NULL OR (
          (w.from_days IS NULL OR a.start_date >= p.cohort_start_date + w.from_days)
          AND (w.to_days IS NULL OR a.start_date <= p.cohort_start_date + w.to_days)
          AND (w.from_date IS NULL OR a.start_date >= w.from_date)
          AND (w.to_date IS NULL OR a.start_date <= w.to_date))
        GROUP BY p.place, w.var""").to_arrow_reader(100_000)
    for batch in found:
        places, variables = batch.column(0).to_numpy(), batch.column(1).to_numpy()
        coded = batch.column(2).dictionary_encode()
        codes = np.array(
            [_CODES.get(r, _CODES["unknown"]) for r in coded.dictionary.to_pylist()], dtype=np.int8
        )
        reasons = codes[coded.indices.to_numpy()]
        for n in np.unique(variables):
            chosen = variables == n
            own[int(n)][places[chosen]] = reasons[chosen]
    return own
