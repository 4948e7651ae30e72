"""Encrypted Parquet files: only the right key reads them, and no value is in the bytes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from biobraid.core.errors import KeyFileError, LinkageError
from biobraid.core.sealed import read_sealed, write_sealed

KEY, OTHER = b"k" * 32, b"o" * 32
SCHEMA = pa.schema([("type", pa.string()), ("value", pa.string()), ("record_id", pa.int64())])
CANARY = "CANARY-9434765919"


def identities(n: int = 3) -> pa.Table:
    return pa.table({"type": ["nhs_number"] * n, "value": [CANARY] * n})


def test_what_was_sealed_is_read_back_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.enc"
    assert write_sealed(path, [identities(3), identities(2)], SCHEMA, KEY) == 5
    table = read_sealed(path, KEY)
    assert table.schema.equals(SCHEMA)
    assert table.column("value").to_pylist() == [CANARY] * 5
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet.enc"]


def test_no_value_and_no_column_name_is_in_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.enc"
    write_sealed(path, [identities()], SCHEMA, KEY)
    content = path.read_bytes()
    for secret in (CANARY.encode(), b"nhs_number", b"record_id", KEY):
        assert secret not in content


def test_an_empty_stream_makes_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.enc"
    assert write_sealed(path, [], SCHEMA, KEY) == 0
    assert read_sealed(path, KEY).num_rows == 0


def test_another_key_is_refused_by_its_id(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.enc"
    write_sealed(path, [identities()], SCHEMA, KEY)
    with pytest.raises(KeyFileError, match="sealed with another key"):
        read_sealed(path, OTHER)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_changed_byte_is_noticed(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.parquet.enc"
    write_sealed(path, [identities(500)], SCHEMA, KEY)
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= 0x01
    path.write_bytes(bytes(content))
    with pytest.raises(LinkageError):
        read_sealed(path, KEY)


def test_a_cut_or_missing_file_is_a_linkage_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet.enc"
    write_sealed(path, [identities(500)], SCHEMA, KEY)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LinkageError, match="damaged"):
        read_sealed(path, KEY)
    path.unlink()
    with pytest.raises(LinkageError, match="missing"):
        read_sealed(path, KEY)
