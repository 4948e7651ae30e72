"""Genotypes of a release: read by plain DuckDB and by the API, with the project's own people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from biobraid.export.genotypes import open_genotypes
from biobraid.export.query import query
from biobraid.ingest.landing import check_books
from tests.genotypes.conftest import IDS, SEXES, UNKNOWN, WITHDRAWN, Bank
from tests.genotypes.files import as_dosages

pytestmark = pytest.mark.xdist_group("genotypes")


def _folder(bank: Bank, project: str = "one") -> Path:
    return bank.home.releases / project / "r1"


def _birth_years(con: duckdb.DuckDBPyConnection, name: str) -> dict[int, Any]:
    return dict(con.execute(f"SELECT person_id, year_of_birth FROM {name}.cdm.person").fetchall())


def _attached(bank: Bank, alias: str, project: str = "one") -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute(f"ATTACH '{_folder(bank, project) / 'release.duckdb'}' AS {alias} (READ_ONLY)")
    return con


@pytest.mark.parametrize(("alias", "use"), [("release", True), ("release", False), ("zz", False)])
def test_plain_duckdb_reads_a_variant(bank_keys: Bank, alias: str, use: bool) -> None:
    con = _attached(bank_keys, alias)
    macro = f"{alias}.omics.variant_dosage"
    if use:
        con.execute(f"USE {alias}")
        macro = "omics.variant_dosage"
    rows = con.execute(
        f"SELECT person_id, dosage FROM {macro}(?, '1:1100:C:G')", [str(_folder(bank_keys))]
    ).fetchall()
    # The array and the imputed slice have it for 38 people, the exome for 20.
    assert len(rows) == 38 + 38 + 20
    persons = {p for p, _ in rows}
    assert persons == set(_birth_years(con, alias))


def test_values_of_every_person_are_those_delivered(bank_keys: Bank) -> None:
    """People are told apart by all of their values on the other variants."""
    con = _attached(bank_keys, "r")
    found = con.execute(
        "SELECT genotype_set_id, variant_id, list(dosage ORDER BY person_id), count(*) "
        "FROM r.omics.region_dosage(?, '1', 0, 100000) GROUP BY ALL",
        [str(_folder(bank_keys))],
    ).fetchall()
    by_set: dict[str, dict[str, list[float]]] = {}
    for set_id, variant, dosages, _ in found:
        by_set.setdefault(set_id, {})[variant] = [np.nan if d is None else d for d in dosages]
    kept = [n for n, i in enumerate(IDS) if i not in (WITHDRAWN, UNKNOWN)]
    in_exome = [n for n, i in enumerate(bank_keys.exome_ids)]
    expected = [
        as_dosages(bank_keys.array)[:15, kept],
        as_dosages(bank_keys.exome)[:6, in_exome],
        (bank_keys.imputed / 255).astype(np.float32)[:4, kept],
    ]
    released = [
        np.array([rows[v] for v in sorted(rows, key=lambda v: int(v.split(":")[1]))], np.float32)
        for rows in by_set.values()
    ]
    for matrix in expected:
        same = [m for m in released if m.shape == matrix.shape and _same_columns(m, matrix)]
        assert len(same) == 1, matrix.shape


def _same_columns(one: np.ndarray, other: np.ndarray) -> bool:
    """The same people in another order."""

    def sorted_columns(matrix: np.ndarray) -> list[tuple[float, ...]]:
        return sorted(tuple(np.round(np.nan_to_num(c, nan=9.0), 4)) for c in matrix.T)

    return sorted_columns(one) == sorted_columns(other)


def test_a_person_keeps_their_own_values(bank_keys: Bank) -> None:
    """Sex and birth year lead back from the released person to the delivered line."""
    con = _attached(bank_keys, "r")
    people = con.execute("""
        SELECT s.person_id, p.year_of_birth, s.sex, s.sample_index
        FROM r.omics.genotype_sample AS s JOIN r.cdm.person AS p ON p.person_id = s.person_id
        JOIN r.omics.variant AS v ON v.genotype_set_id = s.genotype_set_id
        WHERE v.source = 'array' AND v.variant_index = 0""").fetchall()
    assert len(people) == 38
    line_of = {(1950 + n % 40, SEXES[n]): n for n in range(len(IDS))}
    with open_genotypes(_folder(bank_keys)) as genotypes:
        (found,) = [
            f for f in genotypes.variant("1:1000:A:C") if f.genotype_set_id in _array_set(con)
        ]
        dosages = dict(zip(found.person_ids.tolist(), found.dosages.tolist(), strict=True))
    expected = as_dosages(bank_keys.array)[0]
    for person, year, sex, _ in people:
        n = line_of[(year, {"male": 1, "female": 2}[sex])]
        np.testing.assert_equal(dosages[person], expected[n])


def _array_set(con: duckdb.DuckDBPyConnection) -> set[str]:
    rows = con.execute(
        "SELECT DISTINCT genotype_set_id FROM r.omics.variant WHERE source = 'array'"
    ).fetchall()
    return {row[0] for row in rows}


def test_impossible_calls_are_missing(bank_keys: Bank) -> None:
    con = _attached(bank_keys, "r")
    rows = con.execute(
        """SELECT p.gender_concept_id, d.dosage, count(*)
        FROM r.omics.region_dosage(?, 'X', 1, 60000000) AS d
        JOIN r.cdm.person AS p ON p.person_id = d.person_id GROUP BY ALL""",
        [str(_folder(bank_keys))],
    ).fetchall()
    of_men = {dosage: n for gender, dosage, n in rows if gender == 8507}
    men = [n for n, i in enumerate(IDS) if SEXES[n] == 1 and i not in (WITHDRAWN, UNKNOWN)]
    calls = bank_keys.array[-4:, men]
    assert 1.0 not in of_men and (calls == 1).sum() > 0
    assert of_men.get(None, 0) == (calls == 1).sum() + (calls == 3).sum()
    assert of_men[2.0] == (calls == 2).sum()
    assert any(dosage == 1.0 for gender, dosage, _ in rows if gender == 8532)


def test_sql_and_api_agree(bank_keys: Bank) -> None:
    con = _attached(bank_keys, "r")
    folder = _folder(bank_keys)
    with open_genotypes(folder) as genotypes:
        for found in genotypes.region("7", 0, 10_000):
            rows = con.execute(
                "SELECT person_id, dosage FROM r.omics.variant_dosage(?, ?) "
                "WHERE genotype_set_id = ?",
                [str(folder), found.variant_id, found.genotype_set_id],
            ).fetchnumpy()
            by_person = np.argsort(rows["person_id"])
            np.testing.assert_array_equal(rows["person_id"][by_person], found.person_ids)
            np.testing.assert_array_equal(
                np.ma.filled(rows["dosage"][by_person], np.nan), found.dosages
            )
        assert genotypes.variant("1:1:A:C") == []


def test_two_projects_share_no_id_and_no_order(bank_keys: Bank) -> None:
    orders = []
    ids: list[set[Any]] = []
    for project in ("one", "two"):
        con = _attached(bank_keys, "r", project)
        with open_genotypes(_folder(bank_keys, project)) as genotypes:
            array = _array_set(con)
            found = [f for f in genotypes.region("1", 0, 10_000) if f.genotype_set_id in array]
        orders.append(np.stack([f.dosages for f in found]))
        samples = con.execute(
            "SELECT person_id, genotype_set_id, family_source_value FROM r.omics.genotype_sample"
        ).fetchall()
        ids += [{value for row in samples for value in row if value is not None}]
    assert not ids[0] & ids[1]
    assert _same_columns(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[1], equal_nan=True)


def test_query_reads_genotypes_without_a_path(
    bank_keys: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    sql = "SELECT count(*) AS n, avg(dosage) AS mean FROM variant_dosage('7:2500:T:A')"
    assert bank_keys.run("--json", "query", "one", sql) == 0
    assert '"n"' in capsys.readouterr().out
    outside = f"SELECT * FROM read_parquet('{bank_keys.home.landing}/genotype/*/*/*/*.parquet')"
    assert bank_keys.run("query", "one", outside) != 0


def test_nothing_of_the_lists_stays_readable(bank_keys: Bank) -> None:
    """Sample ids and file names are on no page of landing, warehouse, releases or reports."""
    root = bank_keys.home.root
    for path in [p for p in root.rglob("*") if p.is_file()]:
        assert b"GENOCANARY" not in path.read_bytes(), path
    con = duckdb.connect(str(bank_keys.home.warehouse), read_only=True)
    for schema, table in con.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('raw', 'omics', 'staging')"
    ).fetchall():
        n = con.execute(
            f'SELECT count(*) FROM {schema}."{table}" AS t WHERE CAST(t AS VARCHAR) LIKE ?',
            ["%GENOCANARY%"],
        ).fetchone()
        assert n == (0,), (schema, table)
    con.close()
    manifest = json.loads((_folder(bank_keys) / "manifest.json").read_text())
    assert "genotypes/samples.parquet" in manifest["sha256"]
    assert check_books(bank_keys.home) == []


def test_scores_of_a_release_name_their_source(bank_keys: Bank, tmp_path: Path) -> None:
    """All three sources hold the variant: a person has a score from each that knows them."""
    file = tmp_path / "mine.txt"
    file.write_text(
        "#genome_build=GRCh38\nchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
        "1\t1000\tC\tA\t2.0\n"
    )
    assert bank_keys.run("score", str(file), "--release", "one/r1") == 0
    found = query(
        bank_keys.home,
        "one/r1",
        """
        SELECT s.source, count(*) AS n, max(abs(s.score - 2 * d.dosage)) AS off
        FROM project.omics.score AS s JOIN variant_dosage('1:1000:A:C') AS d
          ON d.person_id = s.person_id AND d.genotype_set_id = s.genotype_set_id
        WHERE s.release = 'r1' AND s.n_variants = 1 GROUP BY ALL ORDER BY ALL""",
    ).to_pylist()
    assert [(row["source"], row["n"]) for row in found] == [
        ("array", 38), ("exome", 20), ("imputed", 38),
    ]  # fmt: skip
    assert all(row["off"] < 1e-6 for row in found)
