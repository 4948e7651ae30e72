"""splink on the vault's connection: scored pairs out, none of its tables left behind.

splink copies names and dates in clear text into the schema it works in; that schema is made
for one call and dropped with it, on an in-memory connection that nothing else reads.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from biobraid.linkage.comparisons import TERM_FREQUENCIES, blocking_sql

SCHEMA = "splink_work"
# Frequencies of few records are drawn to the model's average, as if so many more were known.
_PRIOR_RECORDS = 2_000
# Two records drawn at random are one person with a chance of half of one in so many at least.
_FEWEST_PERSONS = 10_000
_MOST_CHUNKS = 64


def score_pairs(
    con: duckdb.DuckDBPyConnection,
    settings: dict[str, Any],
    at_least: float,
    *,
    only_due: bool,
    n_chunks: int = 1,
) -> None:
    """Make `scored_pair` (uid_l, uid_r, match_weight, match_probability) from `candidate`.

    Pairs below the probability `at_least` are left out. only_due: pairs with a record that
    is due; otherwise all. The records are looked at in n_chunks slices, in twice as many where
    the memory does not do for that; the pairs are the same.
    """
    while True:
        try:
            return _score_in_chunks(con, settings, at_least, only_due, n_chunks)
        except Exception as error:
            if n_chunks >= _MOST_CHUNKS or not _is_out_of_memory(error):
                raise
            n_chunks *= 2


def _is_out_of_memory(error: BaseException | None) -> bool:
    """Whether DuckDB ran out of its memory, also where splink wraps what it said."""
    while error is not None:
        if isinstance(error, duckdb.OutOfMemoryException):
            return True
        error = error.__cause__ or error.__context__
    return False


def _score_in_chunks(
    con: duckdb.DuckDBPyConnection,
    settings: dict[str, Any],
    at_least: float,
    only_due: bool,
    n_chunks: int,
) -> None:
    con.execute("""
        CREATE OR REPLACE TEMP TABLE scored_pair (
          uid_l BIGINT, uid_r BIGINT, match_weight DOUBLE, match_probability DOUBLE)""")
    prior = _prior(con)
    run = copy.deepcopy(settings)
    run["probability_two_random_records_match"] = prior
    run["blocking_rules_to_generate_predictions"] = blocking_sql(only_due)
    with linker_on(con, run) as linker:
        _register_frequencies(con, linker, run)
        chunks = {} if n_chunks == 1 else {"num_chunks_left": n_chunks, "num_chunks_right": 1}
        found = linker.inference.predict(threshold_match_probability=at_least, **chunks)
        con.execute(f"""
            INSERT INTO scored_pair
            SELECT uid_l, uid_r, match_weight, match_probability FROM {found.physical_name}""")  # noqa: S608  splink's own table


@contextmanager
def linker_on(con: duckdb.DuckDBPyConnection, settings: dict[str, Any]) -> Iterator[Any]:
    """A splink linker over `candidate` in a schema that is dropped at the end."""
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    con.execute(f"SET schema = '{SCHEMA}'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            con.execute(f"CREATE VIEW {SCHEMA}.people AS FROM temp.candidate")
            api = DuckDBAPI(connection=con)
            people = api.register("people")
            yield Linker(people, settings, log_level=logging.ERROR, validate_settings=False)
    finally:
        con.execute("SET schema = 'main'")
        con.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def _prior(con: duckdb.DuckDBPyConnection) -> float:
    """Half of what it would be if everyone of the largest group were in every other one."""
    row = con.execute("""
        SELECT max(n) FROM (SELECT count(*) AS n FROM candidate GROUP BY study_group)""").fetchone()
    largest = int(row[0] or 0) if row else 0
    return 0.5 / max(largest, _FEWEST_PERSONS)


def _register_frequencies(
    con: duckdb.DuckDBPyConnection, linker: Any, settings: dict[str, Any]
) -> None:
    """Frequencies of names, postcodes, ... in these records, steadied by the model's average."""
    for column in TERM_FREQUENCIES:
        average = _average_u(settings, column)
        con.execute(
            f"""
            CREATE TABLE {SCHEMA}.tf_of_{column} AS
            WITH counted AS (
              SELECT {column}, count(*) AS n FROM temp.candidate
              WHERE {column} IS NOT NULL GROUP BY {column}
            )
            SELECT {column}, (n + ? * ?) / (sum(n) OVER () + ?) AS tf_{column}
            FROM counted""",  # noqa: S608  constants
            [_PRIOR_RECORDS, average, _PRIOR_RECORDS],
        )
        table = linker._db_api.table_to_splink_dataframe(f"tf_of_{column}", f"tf_of_{column}")
        linker.table_management.register_term_frequency_lookup(table, column)


def _average_u(settings: dict[str, Any], column: str) -> float:
    for comparison in settings["comparisons"]:
        if comparison["output_column_name"] == column:
            for level in comparison["comparison_levels"]:
                if level.get("tf_adjustment_column") == column:
                    return float(level["u_probability"])
    raise KeyError(column)
