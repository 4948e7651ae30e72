"""Scoring files of the PGS Catalog, plain and harmonised: header and one weight per line.

Format: www.pgscatalog.org/downloads, format version 2.0 and its hm_ columns. Any tab-separated
file with the same column names is read too.
"""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError, near_misses
from biobraid.core.genotypes import find_build, normalised
from biobraid.core.warehouse import literal

_COLUMNS = (
    "rsID", "chr_name", "chr_position", "effect_allele", "other_allele", "effect_weight",
    "is_haplotype", "is_diplotype", "is_interaction", "is_dominant", "is_recessive",
    "dosage_0_weight", "hm_rsID", "hm_chr", "hm_pos", "hm_inferOtherAllele", "hm_match_chr",
)  # fmt: skip
_NEEDED = ("effect_allele", "effect_weight")
_SCORE_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$")
# Weights that do not go with the number of effect alleles are told, not computed.
_NOT_ADDITIVE = (
    "is_haplotype", "is_diplotype", "is_interaction", "is_dominant", "is_recessive",
)  # fmt: skip


@dataclass(frozen=True)
class ScoringFile:
    """A scoring file's header, and what its positions mean.

    build: of the positions that are used; None where only rs numbers can match.
    """

    score_name: str
    trait: str | None
    build: str | None
    is_harmonised: bool
    header: dict[str, str]
    columns: tuple[str, ...]
    n_header_lines: int
    path: Path


def open_scoring_file(path: Path) -> ScoringFile:
    """Header and columns; all faults of the file at once as a SourceFileError."""
    header: dict[str, str] = {}
    columns: tuple[str, ...] = ()
    n_lines = 0
    try:
        with _opened(path) as lines:
            for line in itertools.islice(lines, 10_000):
                n_lines += 1
                if not line.startswith("#"):
                    columns = tuple(line.rstrip("\r\n").split("\t"))
                    break
                name, sign, value = line.lstrip("#").strip().partition("=")
                if sign:
                    header[name.strip()] = value.strip()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise _fault(path, f"cannot be read: {type(error).__name__}", "text or gzip") from None
    _check_columns(path, columns)
    is_harmonised = {"hm_chr", "hm_pos"} <= set(columns)
    build_name = header.get("HmPOS_build" if is_harmonised else "genome_build")
    score_name = header.get("pgs_id") or path.name.partition(".")[0]
    if not _SCORE_ID.match(score_name):
        raise _fault(path, "its pgs_id cannot name a score", "letters, digits, '_', '.', '-'")
    return ScoringFile(
        score_name=score_name,
        trait=header.get("trait_reported"),
        build=find_build(build_name or ""),
        is_harmonised=is_harmonised,
        header=header,
        columns=columns,
        n_header_lines=n_lines,
        path=path,
    )


def load_weights(con: duckdb.DuckDBPyConnection, file: ScoringFile) -> int:
    """Make temporary table `weight`; returns its rows.

    row (1-based line among the weights), rsid, chromosome, position, effect, other (null if
    not told), weight, is_additive. Places are normalised like landing's.
    Raises SourceFileError for weights that are no numbers and lines of another width.
    """
    columns = ", ".join(f"{_quoted(c)}: 'VARCHAR'" for c in file.columns)
    source = (
        f"read_csv({literal(_no_pattern(file.path))}, delim='\t', header=false, skip={file.n_header_lines}, "
        f"columns={{{columns}}}, auto_detect=false, quote='', escape='', nullstr='', "
        f"compression='{_compression(file.path)}')"
    )
    given = set(file.columns)
    hm = file.is_harmonised
    try:
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE delivered AS
            SELECT row_number() OVER () AS row,
              {_first(given, ("hm_rsID", "rsID"))} AS rsid,
              {_first(given, ("hm_chr",) if hm else ("chr_name",))} AS chromosome,
              {_first(given, ("hm_pos",) if hm else ("chr_position",))} AS position,
              upper({_first(given, ("effect_allele",))}) AS effect,
              upper({_first(given, ("other_allele", "hm_inferOtherAllele"))}) AS other,
              effect_weight AS weight_text,
              {_additive(given)} AS is_additive
            FROM {source}""")  # noqa: S608  columns are those of _COLUMNS
    except duckdb.IOException:
        raise _fault(file.path, "cannot be read to its end", "a whole file") from None
    except duckdb.Error:
        raise _fault(
            file.path, f"a line has not the {len(file.columns)} cells of the header",
            "tab-separated lines of one width",
        ) from None  # fmt: skip
    con.execute("""
        CREATE OR REPLACE TEMP TABLE weight AS
        SELECT row, nullif(rsid, '.') AS rsid,
          CASE upper(regexp_replace(chromosome, '^chr', '', 'i'))
            WHEN '23' THEN 'X' WHEN '24' THEN 'Y' WHEN 'M' THEN 'MT' WHEN '26' THEN 'MT'
            ELSE upper(regexp_replace(chromosome, '^chr', '', 'i')) END AS chromosome,
          TRY_CAST(position AS BIGINT) AS position,
          effect, CASE WHEN other NOT LIKE '%/%' THEN other END AS other,
          TRY_CAST(weight_text AS DOUBLE) AS weight, is_additive
        FROM delivered""")
    _refuse_bad_weights(con, file)
    _normalise_indels(con)
    (n,) = con.execute("SELECT count(*) FROM weight").fetchall()[0]
    if not n:
        raise _fault(file.path, "it holds no weights", "one line per variant")
    return int(n)


def _refuse_bad_weights(con: duckdb.DuckDBPyConnection, file: ScoringFile) -> None:
    bad = con.execute(
        "SELECT row FROM weight WHERE is_additive AND (weight IS NULL OR NOT isfinite(weight) "
        "OR effect IS NULL) ORDER BY row"
    ).fetchall()
    if bad:
        line = file.n_header_lines + int(bad[0][0])
        raise _fault(
            file.path, f"{len(bad)} lines lack a numeric effect_weight or an effect_allele, "
            f"the first is line {line}", "a number and an allele in each",
        )  # fmt: skip


def _normalise_indels(con: duckdb.DuckDBPyConnection) -> None:
    rows = con.execute(
        "SELECT row, position, other, effect FROM weight WHERE other IS NOT NULL "
        "AND position IS NOT NULL AND (length(other) > 1 OR length(effect) > 1)"
    ).fetchall()
    made = [(row, normalised(position, other, effect)) for row, position, other, effect in rows]
    table = pa.table(
        {
            "row": pa.array([row for row, _ in made], pa.int64()),
            "position": pa.array([a.position for _, a in made], pa.int64()),
            "other": pa.array([a.ref for _, a in made], pa.string()),
            "effect": pa.array([a.alt for _, a in made], pa.string()),
        }
    )
    con.register("trimmed", table)
    con.execute("""
        UPDATE weight SET position = t.position, other = t.other, effect = t.effect
        FROM trimmed AS t WHERE t.row = weight.row""")
    con.unregister("trimmed")


def _no_pattern(path: Path) -> str:
    """The path as DuckDB takes it to name one file, whatever stands in it."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _first(given: set[str], names: tuple[str, ...]) -> str:
    """The first of some columns that has a value, as SQL."""
    known = [f'"{name}"' for name in names if name in given]
    if not known:
        return "CAST(NULL AS VARCHAR)"
    return f"coalesce({', '.join(known)}, NULL)"


def _additive(given: set[str]) -> str:
    flags = [f"coalesce(upper(\"{c}\"), '') NOT IN ('TRUE', '1', 'T')" for c in _NOT_ADDITIVE
             if c in given]  # fmt: skip
    if "dosage_0_weight" in given:
        flags.append('"dosage_0_weight" IS NULL')
    return " AND ".join(flags) or "TRUE"


def _check_columns(path: Path, columns: tuple[str, ...]) -> None:
    faults = []
    placed = {"chr_name", "chr_position"} <= set(columns) or {"hm_chr", "hm_pos"} <= set(columns)
    missing = [c for c in _NEEDED if c not in columns]
    if not placed and not {"rsID", "hm_rsID"} & set(columns):
        missing.append("rsID (or chr_name and chr_position)")
    for lacking in missing:
        faults.append(
            Fault(path.name, f"has no column {lacking}", "a scoring file of the PGS Catalog",
                  suggestions=near_misses(lacking, columns))
        )  # fmt: skip
    repeated = sorted({c for c in columns if columns.count(c) > 1})
    faults += [Fault(path.name, f"has two columns {name}", "each once") for name in repeated]
    if faults:
        raise SourceFileError(faults)


def _opened(path: Path) -> IO[str]:
    if _compression(path) == "gzip":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _compression(path: Path) -> str:
    with path.open("rb") as file:
        return "gzip" if file.read(2) == b"\x1f\x8b" else "none"


def _quoted(name: str) -> str:
    return literal(name)


def _fault(path: Path, found: str, expected: str) -> SourceFileError:
    return SourceFileError(Fault(path.name, found, expected))
