"""Filling targets from a table of observations into a table, concept by concept.

Memory holds one concept of either table, whatever the size of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.core.warehouse import transaction
from biobraid.imputation.decay import DecayMethod, Filled
from biobraid.imputation.observations import stream_concepts
from biobraid.imputation.panel import Cells
from biobraid.imputation.series import FAR_DAYS

COLUMNS = (
    "concept_id BIGINT, group_no BIGINT, minute BIGINT, value DOUBLE, lower DOUBLE, upper DOUBLE, "
    "sd DOUBLE, delta_days DOUBLE, n_prior INTEGER, decay_weight DOUBLE"
)
Fill = Callable[[int, Cells, Cells], Filled]  # concept, visible, targets
_INSERT_ROWS = 250_000
_NOTHING = Cells(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def fill_table(
    con: duckdb.DuckDBPyConnection,
    method: DecayMethod,
    observations: str,
    targets: str,
    into: str,
    *,
    is_sorted: bool = False,
) -> int:
    """Fill the targets from the observations (both (concept_id, group_no, minute, value)).

    Makes the table `into` with COLUMNS anew and returns its number of rows. A concept that the
    model does not know is left out. For methods without the cross step, which needs all
    concepts of an instant at once.
    """

    def fill(concept: int, visible: Cells, wanted: Cells) -> Filled:
        return method.fill({concept: visible}, {concept: wanted})[concept]

    sink = Sink(con, into)
    with transaction(con):  # one transaction: each of its own would write the rows to the log first
        con.execute(f"CREATE OR REPLACE TABLE {into} ({COLUMNS})")
        for concept, visible, wanted in _side_by_side(con, observations, targets, is_sorted):
            if concept in method.model.concepts:
                sink.add(filled_table(concept, fill(concept, visible, wanted)))
        sink.flush()
    return sink.n_rows


class Sink:
    """Appends Arrow tables to a table of DuckDB, many concepts at a time.

    An insert of its own for each concept costs twice the CPU seconds of a few large ones.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, into: str) -> None:
        self._con = con
        self._into = into
        self._held: list[pa.Table] = []
        self._n_held = 0
        self.n_rows = 0

    def add(self, rows: pa.Table) -> None:
        """Append rows, at once or later."""
        self._held.append(rows)
        self._n_held += rows.num_rows
        self.n_rows += rows.num_rows
        if self._n_held >= _INSERT_ROWS:
            self.flush()

    def flush(self) -> None:
        """Append what is held."""
        if self._n_held:
            self._con.register("rows_now", pa.concat_tables(self._held).combine_chunks())
            self._con.execute(f"INSERT INTO {self._into} FROM rows_now")
            self._con.unregister("rows_now")
        self._held, self._n_held = [], 0


def filled_table(concept: int, filled: Filled) -> pa.Table:
    """COLUMNS of the cells that got a value; an age beyond any follow-up is null."""
    is_filled = np.isfinite(filled.value)
    every = bool(is_filled.all())

    def column(values: object, missing: object = None) -> pa.Array:
        array = pa.array(values, mask=missing)
        return array if every else array.filter(pa.array(is_filled))

    cells = filled.cells
    return pa.table(
        {
            "concept_id": column(np.full(len(cells), concept, np.int64)),
            "group_no": column(cells.group),
            "minute": column(cells.minute),
            "value": column(filled.value),
            "lower": column(filled.lower, np.isnan(filled.lower)),
            "upper": column(filled.upper, np.isnan(filled.upper)),
            "sd": column(filled.sd, np.isnan(filled.sd)),
            "delta_days": column(filled.gap_days, filled.gap_days >= FAR_DAYS),
            "n_prior": column(filled.n_prior.astype(np.int32)),
            "decay_weight": column(filled.weight),
        }
    )


def _side_by_side(
    con: duckdb.DuckDBPyConnection, observations: str, targets: str, is_sorted: bool
) -> Iterator[tuple[int, Cells, Cells]]:
    """(concept, observations, targets) of every concept that has targets."""
    seen = stream_concepts(con.cursor(), observations, is_sorted=is_sorted)
    concept, visible = next(seen, (None, _NOTHING))
    for wanted, cells in stream_concepts(con.cursor(), targets, is_sorted=is_sorted):
        while concept is not None and concept < wanted:
            concept, visible = next(seen, (None, _NOTHING))
        yield wanted, visible if concept == wanted else _NOTHING, cells
