"""The threats of a research release, one by one (T1 to T17), on the sample biobank.

T2, T3 (kills, spill) and T16 have more to them in tests/faults, tests/linkage/test_vault.py and
tests/whole_way; T13 in test_withdrawal.py, T14 in
test_consent.py, T15 in test_dicom.py; T17 in tests/privacy/test_withdraw.py.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.demo.conftest import Demo
from tests.demo.test_canaries import _canaries
from tests.demo.two_releases import (
    NAMES_OF_THINGS,
    PROJECTS,
    both,
    columns_where,
    manifest_of,
)
from tests.privacy.scanner import scan
from tests.privacy.traces import secrets_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def test_t1_no_identifier_is_in_an_export(demo: Demo) -> None:
    """Releases are in the scan of the whole home, see test_canaries.py."""
    result = scan(demo.home.exports, _canaries(demo.truth))
    assert result.found == []
    assert result.files["parquet column"] > 0


def test_t2_nothing_that_is_printed_names_anybody(demo: Demo, tmp_path: Path) -> None:
    said = ""
    for verb in (["status"], ["register", "list"], ["release", "heart_study", "r1"]):
        done = subprocess.run(
            [sys.executable, "-m", "biobraid", "--home", str(demo.home.root), *verb],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said += done.stdout + done.stderr
    (tmp_path / "said.txt").write_text(said)
    assert len(said) > 1000
    assert scan(tmp_path, _canaries(demo.truth)).found == []


def test_t3_nothing_is_left_in_temporary_folders(demo: Demo) -> None:
    left = [p for p in demo.home.root.rglob("*") if p.suffix in (".wal", ".tmp", ".partial")]
    assert [p for p in left if p.is_file() and p.stat().st_size] == []
    assert [p for p in demo.home.tmp.rglob("*") if p.is_file()] == []
    assert [p for p in (demo.home.vault / "spill").rglob("*") if p.is_file()] == []


def test_t4_parquet_footers_say_nothing_of_people(demo: Demo) -> None:
    paths = [*demo.home.landing.rglob("*.parquet"), *demo.home.exports.rglob("*.parquet")]
    assert len(paths) > 30
    for path in paths:
        made = pq.read_metadata(path)
        extra = {k for k in (made.metadata or {}) if k != b"ARROW:schema"}
        assert not extra, path.name
        if "landing" in path.parts and "link" not in path.parts:
            for group in range(made.num_row_groups):
                columns = [made.row_group(group).column(c) for c in range(made.num_columns)]
                named = [c for c in columns if c.path_in_schema in ("value", "source_person_key")]
                assert not any(c.is_stats_set for c in named), path.name


def test_t5_no_path_of_a_delivery_is_kept(demo: Demo) -> None:
    needle = str(demo.home.deliveries).encode()
    for path in demo.home.root.rglob("*"):
        if path.is_file() and path.suffix in (
            ".json",
            ".sqlite",
            ".log",
            ".md",
            ".duckdb",
            ".yaml",
        ):
            assert needle not in path.read_bytes(), path.name


def test_t6_sqlmesh_s_state_and_cache_hold_no_key_of_a_person(demo: Demo) -> None:
    bridge = next((demo.home.landing / "link").glob("person_bridge*.parquet"))
    people = pq.read_table(bridge).to_pydict()
    needles = [k.encode() for k in people["source_person_key"][:200]]
    needles += [str(p).encode() for p in people["person_id"][:200] if p]
    files = [demo.home.state, *(p for p in demo.home.cache.rglob("*") if p.is_file())]
    assert len(files) > 3
    for path in files:
        content = path.read_bytes()
        assert not [n for n in needles if n in content], path.name


def test_t7_two_projects_share_no_value_of_any_id_column(demo: Demo) -> None:
    con = both(demo.home)
    con.execute(f"ATTACH '{demo.home.warehouse}' AS warehouse (READ_ONLY)")
    ids = columns_where(
        con,
        "column_name SIMILAR TO '.*(_id|_uid|_token|_identifier|_id_[12]|person_source_value)' "
        "AND column_name NOT LIKE '%concept\\_id' ESCAPE '\\' "
        "AND data_type IN ('BIGINT', 'INTEGER', 'VARCHAR') AND schema_name <> 'imputed'",
    )
    assert len(ids) > 40
    n_compared = 0
    for schema, table, column in ids:
        if column in NAMES_OF_THINGS:
            continue
        values = (
            f"SELECT DISTINCT {column} AS id FROM a.{schema}.{table} WHERE {column} IS NOT NULL"
        )
        for other in ("b", "warehouse"):
            n = con.execute(
                f"SELECT count(*) FROM ({values}) SEMI JOIN {other}.{schema}.{table} AS o "
                f"ON o.{column} = id"
            ).fetchone()
            assert n == (0,), f"{schema}.{table}.{column} is shared with {other}"
        n_compared += con.execute(f"SELECT count(*) FROM ({values})").fetchone()[0]  # type: ignore[index]
    assert n_compared > 5000


def test_t7_keys_of_the_projects_differ_and_are_named(demo: Demo) -> None:
    made = [manifest_of(demo.home, p) for p in PROJECTS]
    assert made[0]["key_id"] != made[1]["key_id"]
    assert {len(m["key_id"]) for m in made} == {16}
    assert [m["key_version"] for m in made] == [1, 1]


@pytest.mark.parametrize(
    ("table", "column"),
    [("cdm.person", "year_of_birth"), ("cdm.measurement", "value_as_number"),
     ("mart.source_coverage", "covered_from")],
)  # fmt: skip
def test_t8_the_order_of_rows_says_nothing(demo: Demo, table: str, column: str) -> None:
    con = both(demo.home)
    read = (
        f"SELECT epoch(CAST({column} AS TIMESTAMP)) "
        if column.endswith("from")
        else f"SELECT {column} "
    )
    a, b = (
        np.array(
            [r[0] for r in con.execute(f"{read} FROM {alias}.{table}").fetchall()], dtype=float
        )
        for alias in "ab"
    )
    n = min(len(a), len(b))
    known = ~(np.isnan(a[:n]) | np.isnan(b[:n]))
    assert abs(np.corrcoef(a[:n][known], b[:n][known])[0, 1]) < 4 / np.sqrt(known.sum())
    for alias in "ab":
        ordered = con.execute(
            "SELECT bool_and(person_id >= before) FROM "
            f"(SELECT person_id, lag(person_id) OVER () AS before FROM {alias}.{table})"
        ).fetchone()
        assert ordered == (True,)


def test_t8_the_dataset_is_in_the_order_of_its_random_ids(demo: Demo) -> None:
    folder = demo.home.exports / "heart_study" / "bmi_hba1c"
    ids = pq.read_table(folder / "data.parquet")["person_id"].to_pylist()
    assert ids == sorted(ids)


def test_t9_days_differ_and_what_gaps_still_tell_is_measured(demo: Demo) -> None:
    con = both(demo.home)
    days = [
        {r[0] for r in con.execute(f"SELECT DISTINCT visit_start_date FROM {x}.cdm.visit_occurrence")
         .fetchall()} for x in "ab"
    ]  # fmt: skip
    assert days[0] != days[1]
    for project in PROJECTS:
        found = manifest_of(demo.home, project)["joinable"]
        assert found["n_persons_looked_at"] > 100
        # Most people are alone with their gaps: no shift prevents a join by them.
        assert 0.5 < found["gap_unique_share"] <= 1
        assert 0 < found["birth_sex_unique_share"] <= 1


def test_t10_rare_values_and_genotypes_are_measured_and_places_withheld(demo: Demo) -> None:
    for project in PROJECTS:
        found = manifest_of(demo.home, project)["joinable"]
        assert set(found) >= {"birth_sex_unique_share", "genotyped_share"}
    con = both(demo.home)
    hidden = con.execute(
        "SELECT count(zip), count(city), count(address_1) FROM a.cdm.location"
    ).fetchone()
    assert hidden == (0, 0, 0)


def test_t11_where_records_end_on_a_public_day_nobody_s_shift_shows(demo: Demo) -> None:
    con = duckdb.connect()
    con.execute(f"ATTACH '{demo.home.warehouse}' AS warehouse (READ_ONLY)")
    path = demo.home.releases / "heart_study" / "r1" / "release.duckdb"
    con.execute(f"ATTACH '{path}' AS a (READ_ONLY)")
    ends = con.execute(
        "SELECT study, source, covers_from, covers_to FROM warehouse.vocab.study_source "
        "WHERE modality = 'health_record' AND covers_to IS NOT NULL AND covers_from IS NOT NULL"
    ).fetchall()
    assert len(ends) > 3
    for study, source, opens, closes in ends:
        n, first, last = con.execute(
            "SELECT count(*), min(covered_from), max(covered_to) FROM a.mart.source_coverage "
            "WHERE study = ? AND source = ?", [study, source]
        ).fetchone()  # type: ignore[misc]  # fmt: skip
        if n:
            assert first >= date.fromisoformat(opens), (study, source)
            assert last <= date.fromisoformat(closes) - timedelta(days=364), (study, source)
        shown = con.execute(
            "SELECT count(DISTINCT covered_to) FROM a.mart.source_coverage WHERE study = ? "
            "AND source = ? AND end_reason = 'administrative-censoring'", [study, source]
        ).fetchone()  # fmt: skip
        regional = con.execute(
            "SELECT count(*) FROM warehouse.vocab.study_censoring WHERE study = ? AND source = ?",
            [study, source],
        ).fetchone()
        assert shown[0] <= 1 + regional[0], (study, source)  # type: ignore[index]
    assert con.execute("SELECT count(covers_to) FROM a.vocab.study_source").fetchone() == (0,)


def test_t11_nobody_is_older_than_ninety(demo: Demo) -> None:
    con = both(demo.home)
    for alias in "ab":
        oldest = con.execute(
            "SELECT max(year(o.observation_period_end_date) - p.year_of_birth) "
            f"FROM {alias}.cdm.person AS p JOIN {alias}.cdm.observation_period AS o USING (person_id)"
        ).fetchone()
        assert oldest[0] <= 91, oldest  # type: ignore[index]


def test_t12_a_release_holds_no_count_of_people_outside_it(demo: Demo) -> None:
    for project in PROJECTS:
        made = manifest_of(demo.home, project)
        assert {"mart.attrition", "mart.coverage", "mart.unit_use"} <= set(made["left_out"])
        assert not [t for t in made["tables"] if t.startswith("audit.")]


def test_t16_no_key_in_any_spelling_is_in_the_home(demo: Demo) -> None:
    import base64

    needles = [form for secret in secrets_of(demo.home) for form in (
        secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="))]  # fmt: skip
    for path in demo.home.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [n for n in needles if n in content], path.name
