"""No planted identifier is anywhere on the demo's disk, outside the vault and the deliveries."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from biobraid.core.home import Home
from biobraid.core.schemas import IDENTITY_TYPES
from tests.demo.conftest import Demo
from tests.privacy.scanner import Canary, scan

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def _canaries(truth: Path) -> list[Canary]:
    with (truth / "canaries.csv").open(encoding="utf-8", newline="") as handle:
        # A person's name stands in many files; it is searched for once.
        found = {(row["type"], row["plain"]) for row in csv.DictReader(handle)}
    return [Canary(kind, value) for kind, value in sorted(found)]


def test_identifiers_of_many_kinds_were_planted(demo: Demo) -> None:
    kinds = {c.type for c in _canaries(demo.truth)}
    assert {"surname", "nhs_number", "email", "phone", "postcode", "birth_date"} <= kinds
    delivered = scan(demo.home.deliveries, _canaries(demo.truth))
    assert {kind for _, kind in delivered.found} == kinds, "every canary stands in a delivery"


def test_the_home_holds_no_canary_outside_the_vault(demo: Demo, capsys: object) -> None:
    result = scan(demo.home.root, _canaries(demo.truth), outside=("vault",))
    assert result.found == []
    for kind in ("raw", "parquet column", "parquet footer", "sqlite", "duckdb column"):
        assert result.files[kind] > 0, f"nothing of kind {kind} was searched"
    assert result.files["duckdb uncompressed"] >= 4  # warehouse, state, two releases


def test_the_vault_s_bytes_hold_no_canary(demo: Demo) -> None:
    assert scan(demo.home.vault, _canaries(demo.truth)).found == []


def test_a_canary_planted_in_the_warehouse_is_found(demo: Demo, tmp_path: Path) -> None:
    planted = tmp_path / "copy.txt"
    planted.write_text(_canaries(demo.truth)[0].value)
    assert scan(tmp_path, _canaries(demo.truth)).found


def test_no_key_is_on_the_home_s_disk(demo: Demo) -> None:
    secrets = [p.read_bytes() for p in demo.keys.glob("*.key")]
    assert len(secrets) == 3
    for path in _files(demo.home):
        content = path.read_bytes()
        for secret in secrets:
            assert secret not in content
            assert secret.hex().encode() not in content.lower()


def _files(home: Home) -> list[Path]:
    return [p for p in home.root.rglob("*") if p.is_file()]


def test_every_identity_type_is_one_the_vault_knows(demo: Demo) -> None:
    kinds = {c.type for c in _canaries(demo.truth)} - {"file_name"}
    assert kinds <= set(IDENTITY_TYPES)
