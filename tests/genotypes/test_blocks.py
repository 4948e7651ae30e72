"""Large cohorts: samples in blocks, joined again for a release and for look-ups."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.genotypes import codes_of_row
from biobraid.export import genotype_files, genotype_macros, genotypes
from biobraid.ingest.connectors import genotype_values
from tests.genotypes.delivery import read
from tests.genotypes.files import as_dosages, drawn, write_pgen, write_plink

BLOCK = 8
CALLS = drawn(9, 21)
IDS = [f"p{i}" for i in range(21)]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (genotype_values, genotype_files, genotype_macros, genotypes):
        monkeypatch.setattr(module, "BLOCK_SAMPLES", BLOCK)


@pytest.mark.parametrize("n_samples", [21, 16, 5])
@pytest.mark.parametrize("kind", ["plink", "pgen"])
def test_blocks_are_joined(tmp_path: Path, n_samples: int, kind: str) -> None:
    calls, ids = CALLS[:, :n_samples], IDS[:n_samples]
    if kind == "plink":
        delivered = read(write_plink(tmp_path / "x", calls, ids), "plink")
        expected = as_dosages(calls)
    else:
        dosages = np.random.default_rng(1).integers(0, 32768, calls.shape) / 16384
        path = write_pgen(tmp_path / "x", calls, ids, dosages.astype(np.float32))
        delivered = read(path, "pgen")
        expected = dosages.astype(np.float32)
    rows = delivered.tables["raw.genotype"]
    n_blocks = -(-n_samples // BLOCK)
    assert {r["sample_block"] for r in rows} == set(range(n_blocks))
    np.testing.assert_allclose(delivered.dosages, expected, atol=1e-6)

    order = np.random.default_rng(2).permutation(n_samples)[: n_samples - 2]
    folder = _released(tmp_path, rows, order, n_blocks)
    with genotypes.open_genotypes(folder) as opened:
        (found,) = opened.variant("1:1200:G:T")
        np.testing.assert_allclose(found.dosages, expected[2, order], atol=1e-6)
        np.testing.assert_array_equal(found.person_ids, 100 + np.arange(len(order)))
        assert [f.position for f in opened.region("7", 0, 10_000)] == [1400, 1500, 1600, 1700, 1800]
    con = duckdb.connect()
    con.execute("CREATE SCHEMA omics")
    genotype_macros.define_macros(con)
    by_sql = con.execute(
        "SELECT dosage FROM omics.variant_dosage(?, '1:1200:G:T') ORDER BY person_id", [str(folder)]
    ).fetchnumpy()["dosage"]
    np.testing.assert_allclose(np.ma.filled(by_sql, np.nan), expected[2, order], atol=1e-6)


def _released(
    tmp_path: Path, rows: list[dict[str, object]], order: np.ndarray, n_blocks: int
) -> Path:
    """A release's folder made from landing rows, in two row groups."""
    landed = tmp_path / "part-0-x.parquet"
    pq.write_table(pa.Table.from_pylist(rows), landed, row_group_size=len(rows) // 2)
    folder = tmp_path / "r1"
    (folder / genotype_files.VALUES).mkdir(parents=True)
    released = genotype_files.ReleasedSet(
        "toy/genes/token", "set", "GRCh38", order, np.zeros(len(order), np.int8)
    )
    genotype_files.write_set(
        released, [landed], n_blocks, folder / genotype_files.VALUES / "000.parquet"
    )
    people = pa.table(
        {
            "genotype_set_id": ["set"] * len(order),
            "sample_index": pa.array(np.arange(len(order)), pa.int32()),
            "person_id": 100 + np.arange(len(order)),
        }
    )
    genotype_files.write_samples(people, folder / genotype_files.SAMPLES)
    return folder


def test_a_block_is_read_alone(tmp_path: Path) -> None:
    delivered = read(write_plink(tmp_path / "x", CALLS, IDS), "plink")
    row = next(
        r for r in delivered.tables["raw.genotype"]
        if (r["variant_index"], r["sample_block"]) == (3, 1)
    )  # fmt: skip
    codes = codes_of_row(row["genotypes"], row["encoding"], row["n_samples"])
    np.testing.assert_array_equal(codes, CALLS[3, 8:16])
