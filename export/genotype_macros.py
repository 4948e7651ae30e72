"""SQL macros of a release that read its genotypes with plain DuckDB.

They take the release's folder and read its Parquet files, and nothing of the database they
stand in: a macro that named a table would break as soon as the release is attached under
another alias. DuckDB writes them out in the query, so they work with and without USE.
"""

from __future__ import annotations

import duckdb

from biobraid.core.genotypes import BLOCK_SAMPLES
from biobraid.export.genotype_files import SAMPLES, VALUES

# Encoding -> bits of a value, and the number that means missing.
_WIDTHS = {"call2": (2, 3), "dosage8": (8, 255), "dosage16": (16, 65535)}


def _number(width: int) -> str:
    """The number of `width` bits from bit b on; packed lowest bit first, BIT has the highest first.

    The sum is kept short: planning the query takes as long as reading the bits.
    """
    if width == 2:
        places = ["xor(b, 7)", "xor(b, 6)"]
    else:
        places = [f"b + {8 * (k // 8) + 7 - k % 8}" for k in range(width)]
    bits = (f"get_bit(bits, {place}) * {1 << k}" for k, place in enumerate(places))
    return f"({' + '.join(bits)})"


def _reading(condition: str) -> str:
    """The rows that meet a condition on raw.genotype's columns, with one row per sample.

    One branch for each encoding: a CASE over them would cost every value all of their bits.
    """
    branches = " UNION ALL ".join(
        f"""
          SELECT genotype_set_id, variant_id, chromosome, position,
            sample_block * {BLOCK_SAMPLES} + b // {width} AS sample_index,
            CAST(nullif({_number(width)}, {missing}) / scale AS FLOAT) AS dosage
          FROM (
            SELECT *, CAST(unnest(range(0, {width} * n_samples, {width})) AS INTEGER) AS b
            FROM v WHERE encoding = '{encoding}')"""  # noqa: S608
        for encoding, (width, missing) in _WIDTHS.items()
    )
    return f"""
        WITH v AS MATERIALIZED (
          SELECT genotype_set_id, sample_block, n_samples, variant_id, chromosome, position,
            encoding, scale, CAST(genotypes AS BIT) AS bits
          FROM read_parquet(folder || '/{VALUES}/*.parquet') WHERE {condition}),
        u AS ({branches})
        SELECT u.genotype_set_id, u.variant_id, u.chromosome, u.position, s.person_id, u.dosage
        FROM u JOIN read_parquet(folder || '/{SAMPLES}') AS s
          ON s.genotype_set_id = u.genotype_set_id AND s.sample_index = u.sample_index"""  # noqa: S608


# The position is compared too, because minima and maxima of it let row groups be passed over.
_ONE = """
    chromosome = split_part(variant, ':', 1)
    AND position = TRY_CAST(split_part(variant, ':', 2) AS INTEGER) AND variant_id = variant"""
_REGION = """
    chromosome = CAST(region_chromosome AS VARCHAR) AND position BETWEEN region_from AND region_to"""


def define_macros(con: duckdb.DuckDBPyConnection) -> None:
    """Make `omics.variant_dosage` and `omics.region_dosage`.

    Both give genotype_set_id, variant_id, chromosome, position, person_id and dosage (of the
    alternate allele, 0 to 2, null where missing): a row per sample and set.
    """
    con.execute(f"CREATE MACRO omics.variant_dosage(folder, variant) AS TABLE {_reading(_ONE)}")
    con.execute(
        "CREATE MACRO omics.region_dosage(folder, region_chromosome, region_from, region_to) "
        f"AS TABLE {_reading(_REGION)}"
    )


def define_session_macros(con: duckdb.DuckDBPyConnection, folder: str) -> None:
    """The same macros for one session, with the folder filled in: variant_dosage(variant)."""
    where = folder.replace("'", "''")
    for name, given in (
        ("variant_dosage", "wanted"),
        ("region_dosage", "on_chromosome, from_position, to_position"),
    ):
        # Parameters must not be called like the columns that come back.
        con.execute(
            f"CREATE TEMP MACRO {name}({given}) AS TABLE "
            f"FROM release.omics.{name}('{where}', {given})"
        )
