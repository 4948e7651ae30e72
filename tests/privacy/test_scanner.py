"""The canary scanner finds what is planted, in every kind of file the project writes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.privacy.scanner import Canary, scan

NHS = Canary("nhs_number", "9434765919")
BORN = Canary("birth_date", "1931-02-27")


@pytest.mark.parametrize(
    "text",
    [
        "9434765919",
        "943 476 5919",
        "943-476-5919",
        base64.b64encode(b"9434765919").decode(),
        b"9434765919".hex(),
        hashlib.sha256(b"9434765919").hexdigest(),
        hashlib.md5(b"9434765919").hexdigest().upper(),
        "born 27/02/1931",
        "19310227",
    ],
)
def test_every_spelling_in_a_text_file_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.log").write_text(f"before {text} after")
    assert scan(tmp_path, [NHS, BORN]).found


def test_a_value_that_duckdb_compresses_is_found(tmp_path: Path) -> None:
    con = duckdb.connect(str(tmp_path / "w.duckdb"))
    con.execute("CREATE TABLE t AS SELECT ? AS v FROM range(5000)", [NHS.value])
    con.close()
    kinds = {where.partition("[")[2] for where, _ in scan(tmp_path, [NHS]).found}
    assert "duckdb column]" in kinds
    assert "duckdb uncompressed]" in kinds


def test_parquet_columns_and_footers_are_read(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"v": pa.array([NHS.value] * 1000)}), tmp_path / "p.parquet", compression="zstd"
    )
    kinds = {where.partition("[")[2] for where, _ in scan(tmp_path, [NHS]).found}
    assert {"parquet column]", "parquet footer]"} <= kinds


@pytest.mark.parametrize(("number", "is_found"), [(9434765919, True), (1943476591977, False)])
def test_numbers_are_compared_whole(tmp_path: Path, number: int, is_found: bool) -> None:
    """An identifier in a column of numbers is found; its digits in a random id are chance."""
    pq.write_table(pa.table({"v": [number, 7]}), tmp_path / "p.parquet")
    con = duckdb.connect(str(tmp_path / "w.duckdb"))
    con.execute("CREATE TABLE t AS SELECT ? AS v", [number])
    con.close()
    kinds = {where.partition("[")[2] for where, _ in scan(tmp_path, [NHS]).found}
    wanted = {"parquet numbers]", "duckdb numbers]"}
    assert (kinds & wanted) == (wanted if is_found else set())


def test_sqlite_gzip_and_file_names_are_read(tmp_path: Path) -> None:
    con = sqlite3.connect(tmp_path / "m.sqlite")
    con.execute("CREATE TABLE t (v)")
    con.execute("INSERT INTO t VALUES (?)", (NHS.value,))
    con.commit()
    con.close()
    (tmp_path / "x.gz").write_bytes(gzip.compress(NHS.value.encode()))
    (tmp_path / f"scan_{NHS.value}.txt").write_text("nothing")
    wheres = " ".join(where for where, _ in scan(tmp_path, [NHS]).found)
    assert all(word in wheres for word in ("sqlite", "gzip", "file name"))


def test_the_vault_is_left_out_only_when_named(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "x").write_text(NHS.value)
    assert scan(tmp_path, [NHS]).found
    assert not scan(tmp_path, [NHS], outside=("vault",)).found
