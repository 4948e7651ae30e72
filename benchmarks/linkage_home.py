"""A home whose vault is fed with two files of people, and what its linkage made of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks.machine import Measured, measure_command
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys, ingest_keys
from biobraid.core.manifest import FileBooks, Manifest
from biobraid.core.schemas import IDENTITY
from biobraid.core.sealed import write_sealed
from biobraid.linkage.vault import open_vault

_PACK = """id: {study}
name: {study}
release: "1"
licence: none
time_zone: Europe/London
sources:
  main: {{connector: delimited, files: ["*.csv"], person_id: id}}
"""
_CHUNK = 100_000


def make_home(folder: Path, memory_limit_gb: float, studies: tuple[str, ...]) -> Home:
    """An empty home with keys (BIOBRAID_KEY_DIR) and a pack per study."""
    home = create_home(folder, memory_limit_gb=memory_limit_gb, threads=2)
    create_keys(home)
    for study in studies:
        (home.studies / study).mkdir(parents=True)
        (home.studies / study / "study.yaml").write_text(_PACK.format(study=study))
    return home


def deliver(home: Home, study: str, people: pa.Table, batch: int) -> None:
    """Put the people in the inbox; the column `native` is the id, every other an identity."""
    keys = ingest_keys(home)

    def rows() -> list[pa.Table]:
        out = []
        for start in range(0, people.num_rows, _CHUNK):
            part = people.slice(start, _CHUNK)
            native = part.column("native").to_pylist()
            hashed = pa.array([keys.person_key(study, n) for n in native])
            for kind in part.column_names:
                values = part.column(kind).combine_chunks()
                out.append(_identity(hashed, study, kind, values).filter(values.is_valid()))
        return out

    name = f"{batch:016x}"
    write_sealed(home.inbox / f"{study}-main-{name}.parquet.enc", rows(), IDENTITY, keys.inbox)
    books = {"study": study, "source": "main", "batch": name, "delivery": batch}
    with Manifest(home) as manifest, manifest.transaction():
        manifest.put_file(FileBooks({**books, "status": "active"}))


def _identity(hashed: pa.Array, study: str, kind: str, values: pa.Array) -> pa.Table:
    n = len(values)
    return pa.table(
        {
            "source_person_key": hashed, "study": pa.repeat(study, n), "source": pa.repeat("main", n),
            "type": pa.repeat("native_id" if kind == "native" else kind, n), "value": values,
            "record_id": pa.array(np.arange(n), pa.int64()),
        }
    )  # fmt: skip


def link_home(home: Home, env: Mapping[str, str], *options: str) -> Measured:
    """`biobraid link` as a process of its own."""
    command = [sys.executable, "-m", "biobraid", "--quiet", "--home", str(home.root), "link"]
    measured = measure_command([*command, *options], env=env)
    if measured.returncode:
        raise RuntimeError(f"link ended with {measured.returncode}")
    return measured


def members(home: Home) -> dict[str, int]:
    """source_person_key -> person id, as it stands."""
    with open_vault(home) as vault:
        query = "SELECT source_person_key, person_id FROM person_member WHERE valid_to_run IS NULL"
        return dict(vault.con.execute(query).fetchall())


def evaluate(
    home: Home, truth: pa.Table, n_true: int, queries: Mapping[str, str]
) -> dict[str, tuple[float, float, float]]:
    """Precision, recall and F1 of each query's pairs (key_l, key_r) of the two studies.

    truth: study, native, person. n_true: pairs to be found. Queries read the vault's tables and
    `known` (source_person_key, study, person).
    """
    keys = ingest_keys(home)
    hashed = [
        keys.person_key(study, native)
        for study, native in zip(
            truth.column("study").to_pylist(), truth.column("native").to_pylist(), strict=True
        )
    ]
    known = truth.append_column("source_person_key", pa.array(hashed))
    with open_vault(home) as vault:
        vault.con.execute("SET memory_limit = '6GB'")  # of the judge, not of what is measured
        vault.con.register("arrow_known", known)
        vault.con.execute("CREATE TEMP TABLE known AS FROM arrow_known")
        return {name: _score(vault.con, query, n_true) for name, query in queries.items()}


def _score(con: duckdb.DuckDBPyConnection, query: str, n_true: int) -> tuple[float, float, float]:
    # In steps: as one query, the inequality of studies was joined first, at 40 billion rows.
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE pair AS
        SELECT DISTINCT least(key_l, key_r) AS a, greatest(key_l, key_r) AS b FROM ({query})""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE half AS
        SELECT pair.b, l.person, l.study FROM pair
        INNER JOIN known AS l ON l.source_person_key = pair.a""")
    row = con.execute("""
        SELECT count(*) FILTER (study_l <> study_r),
          count(*) FILTER (study_l <> study_r AND person_l = person_r)
        FROM (
          SELECT h.study AS study_l, r.study AS study_r, h.person AS person_l, r.person AS person_r
          FROM half AS h INNER JOIN known AS r ON r.source_person_key = h.b
        )""").fetchone()
    n, right = row or (0, 0)
    precision, recall = right / max(n, 1), right / n_true
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)
