"""Taking a person out of landed genotypes: their bytes, their rows, and nothing else."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.genotypes import codes_of_row
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.objects import read_object
from biobraid.core.schemas.raw_genotype_qc import RAW_VARIANT_QC
from biobraid.export.scores.run import score_file
from biobraid.ingest.genotypes import mask_persons
from biobraid.ingest.landing import check_books, ingest
from biobraid.ingest.landing.change import Change
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.quality.genotypes import publish_evidence, refresh_qc
from tests.genotypes.files import drawn, write_pgen, write_plink

CALLS = drawn(12, 10)
IDS = [f"p{i}" for i in range(10)]
_STUDY = """\
id: toy
name: toy
release: "1"
licence: synthetic
time_zone: UTC
sources:
  array: {connector: plink, files: ["*.bed"], modality: genotype, options: {build: GRCh38}}
  imputed: {connector: pgen, files: ["*.pgen"], modality: genotype, options: {build: GRCh38}}
"""


def _landed(home: Home) -> dict[str, tuple[list[int], np.ndarray]]:
    """Sample indexes and codes (variants, samples) in force, by source."""
    found = {}
    with Manifest(home) as manifest:
        for source in ("array", "imputed"):
            tables = {
                table: [
                    row
                    for part in manifest.parts(table, source=source)
                    for row in pq.ParquetFile(home.landing / part.path).read().to_pylist()
                ]
                for table in ("raw.genotype_sample", "raw.genotype")
            }
            codes = [
                codes_of_row(r["genotypes"], r["encoding"], 10) for r in tables["raw.genotype"]
            ]
            places = sorted(r["sample_index"] for r in tables["raw.genotype_sample"])
            found[source] = (places, np.stack(codes))
    return found


def _keys(home: Home, *places: int) -> list[str]:
    with Manifest(home) as manifest:
        rows = [
            row
            for part in manifest.parts("raw.genotype_sample")
            for row in pq.ParquetFile(home.landing / part.path).read().to_pylist()
        ]
    return [r["source_person_key"] for r in rows if r["sample_index"] in places]


def test_masked_persons_are_gone_from_every_file(home: Home) -> None:
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(_STUDY)
    delivery = home.deliveries / "toy"
    delivery.mkdir(parents=True)
    write_plink(delivery / "a", CALLS, IDS)
    dosages = np.random.default_rng(1).random((4, 10)).astype(np.float32)
    write_pgen(delivery / "b", CALLS[:4], IDS, dosages)
    assert ingest(home).exit_code == 0
    before = _landed(home)
    keys = _keys(home, 3, 7)
    assert mask_persons(home, keys) == 4
    after = _landed(home)
    for source, missing in (("array", 3), ("imputed", 65535)):
        places, codes = after[source]
        assert places == [0, 1, 2, 4, 5, 6, 8, 9]
        assert (codes[:, [3, 7]] == missing).all()
        others = [0, 1, 2, 4, 5, 6, 8, 9]
        np.testing.assert_array_equal(codes[:, others], before[source][1][:, others])
    assert check_books(home) == []
    with Manifest(home) as manifest:
        in_force = {home.landing / part.path for part in manifest.parts()}
        assert [b.row["records_deleted"] for b in manifest.files()] == [2, 2]
    on_disk = {p for p in home.landing.rglob("*.parquet") if "vocab" not in p.parts}
    assert on_disk == in_force, "the unmasked files left the disk"
    assert mask_persons(home, keys) == 0
    assert _landed(home)["array"][0] == after["array"][0]


def test_a_changed_list_beside_a_bed_is_news(home: Home) -> None:
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(_STUDY)
    delivery = home.deliveries / "toy"
    delivery.mkdir(parents=True)
    write_plink(delivery / "a", CALLS, IDS)
    assert [o.status for o in ingest(home).outcomes] == ["landed"]
    assert [o.status for o in ingest(home).outcomes] == ["unchanged"]
    fam = Path(delivery / "a.fam")
    fam.write_text(fam.read_text().replace("p0 ", "q0 "))
    statuses = sorted(o.status for o in ingest(home).outcomes)
    assert statuses == ["landed", "superseded"]
    fam.write_text("\n".join(fam.read_text().splitlines()[:-2]) + "\n")
    bad = ingest(home)
    assert (bad.exit_code, [o.status for o in bad.outcomes]) == (11, ["failed"])
    assert _landed_samples(home) == 10, "what was in force stays"
    write_plink(delivery / "a", CALLS, IDS)
    assert ingest(home).exit_code == 0
    assert check_books(home) == []


def _landed_samples(home: Home) -> int:
    with Manifest(home) as manifest:
        return sum(p.rows for p in manifest.parts("raw.genotype_sample"))


def test_samples_whose_rows_went_otherwise_are_masked_too(home: Home) -> None:
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(_STUDY)
    delivery = home.deliveries / "toy"
    delivery.mkdir(parents=True)
    write_plink(delivery / "a", CALLS, [*IDS[:8], "p9", "p9"])
    write_pgen(delivery / "b", CALLS, IDS)
    assert ingest(home).exit_code == 0
    assert mask_persons(home, []) == 0, "samples that did not land were masked before"
    (key,) = set(_keys(home, 4))
    with Manifest(home) as manifest, scratch_duckdb(Share(0.5, 1, home.tmp)) as con:
        con.register("losers", pa.table({"source_person_key": [key], "fate": ["deleted"]}))
        change = Change(home, manifest, "toy", "array")
        (batch,) = change.books
        n = change.remove(con, batch, "losers", "source_person_key", "erased")
        change.move(batch, "records", "deleted", n)
        change.commit(manifest)
    assert mask_persons(home, [key]) == 2
    landed = _landed(home)
    assert (landed["array"][1][:, [4, 8, 9]] == 3).all()
    assert (landed["imputed"][1][:, 4] == 3).all()
    np.testing.assert_array_equal(landed["array"][1][:, 5], CALLS[:, 5])
    assert mask_persons(home, [key]) == 0
    assert check_books(home) == []


def test_a_file_of_which_nobody_is_left_is_counted_and_scored_by_nobody(home: Home) -> None:
    """As a VCF of one person is once they withdrew."""
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(_STUDY)
    delivery = home.deliveries / "toy"
    delivery.mkdir(parents=True)
    write_plink(delivery / "a", CALLS[:, :1], IDS[:1])
    write_plink(delivery / "b", CALLS[:, 1:], IDS[1:])
    assert ingest(home).exit_code == 0
    assert mask_persons(home, _keys(home, 0)) == 2, "the first of either file"
    assert refresh_qc(home).counted == ("toy/array",)
    with Manifest(home) as manifest:
        counted = read_object(home, manifest, RAW_VARIANT_QC).to_pylist()
    assert sorted({row["n_samples"] for row in counted}) == [0, 8]
    assert {row["call_rate"] for row in counted if not row["n_samples"]} == {None}
    assert not publish_evidence(home)
    weights = delivery / "weights.txt"
    weights.write_text("rsID\teffect_allele\teffect_weight\nrs900000000\tC\t1\n")
    assert score_file(home, weights).n_samples == 8
