"""storage: reference — a .bgen read where it lies: same values, nothing copied, masked at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from bgen import BgenReader, BgenWriter

from biobraid.catalog.status import status
from biobraid.cli.main import run
from biobraid.cli.withdraw import rewrite_due
from biobraid.core.errors import SettingsError, SourceFileError
from biobraid.core.genotypes import codes_of_row, dosages_of_codes
from biobraid.core.genotypes.bgen_block import BrokenBlock, bgen_dosages
from biobraid.core.genotypes.landed import genotype_sets, value_units, withdrawn_keys
from biobraid.core.home import Home, open_home
from biobraid.core.manifest import Manifest
from biobraid.core.objects import read_object
from biobraid.core.schemas.raw_genotype_qc import RAW_SCORE
from biobraid.core.study import read_study
from biobraid.export.scores.run import score_file
from biobraid.ingest.connectors.bgen_values import alternates
from biobraid.ingest.connectors.genotype_options import BgenOptions
from biobraid.ingest.landing import check_books
from biobraid.quality.genotypes import refresh_qc
from tests.genotypes.files import drawn, write_bgen, write_pgen
from tests.genotypes.test_scores import scoring_file

N_VARIANTS, IDS = 40, [f"{1000 + i}" for i in range(60)]
STUDY = """\
id: {study}
name: imputed
release: "1"
licence: synthetic
time_zone: UTC
withdrawals: {{files: ["w*.csv"], level: no_use}}
sources:
  imputed:
    connector: bgen
    files: ["*.bgen"]
    modality: genotype
    storage: {storage}
    options: {{build: GRCh38}}
  called:
    connector: pgen
    files: ["*.pgen"]
    modality: genotype
    storage: {storage}
    options: {{build: GRCh38}}
"""


def probabilities(seed: int) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    made = rng.dirichlet([0.3, 0.3, 0.3], (N_VARIANTS, len(IDS)))
    made[rng.random(made.shape[:2]) < 0.03] = np.nan
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One file delivered to two studies: one lands it, the other only indexes it."""
    root = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(root / "keys"))
        bank = root / "bank"
        assert run(["--quiet", "init", str(bank)]) == 0
        for study, storage in (("copied", "landing"), ("referred", "reference")):
            (bank / "studies" / study).mkdir()
            pack = bank / "studies" / study / "study.yaml"
            pack.write_text(STUDY.format(study=study, storage=storage))
            delivered = root / "bank.deliveries" / study
            delivered.mkdir(parents=True)
            write_bgen(delivered / "chr1.bgen", probabilities(1), IDS)
            given = probabilities(2)[:, :, 1:] @ np.array([1.0, 2.0])
            write_pgen(delivered / "chr2", drawn(N_VARIANTS, len(IDS)), IDS, given)
        assert run(["--quiet", "--home", str(bank), "ingest"]) == 0
        assert run(["--quiet", "--home", str(bank), "link"]) == 0
        yield open_home(bank)


def dosages(home: Home, study: str, source: str = "imputed") -> npt.NDArray[np.float64]:
    """(variants, samples that count), NaN missing."""
    with Manifest(home) as manifest:
        gone = withdrawn_keys(home, manifest)
        (of,) = genotype_sets(home, manifest, study, source, gone)
    rows = {}
    for unit in value_units(of):
        for values in unit():
            for variant, row in zip(values.variants.tolist(), values.packed, strict=True):
                codes = codes_of_row(row, values.encoding, values.n_samples)
                found = dosages_of_codes(codes, values.encoding, values.scale)
                rows[variant] = found[of.places]
    return np.array([rows[v] for v in sorted(rows)])


def test_values_are_those_of_landing_and_nothing_is_copied(home: Home) -> None:
    assert check_books(home) == []
    with Manifest(home) as manifest:
        assert manifest.parts("raw.genotype", "referred") == []
        n_places = sum(p.rows for p in manifest.parts("raw.genotype_place", "referred"))
    assert n_places == 2 * N_VARIANTS
    copied, referred = dosages(home, "copied"), dosages(home, "referred")
    assert copied.shape == (N_VARIANTS, len(IDS))
    assert np.array_equal(copied, referred, equal_nan=True)
    assert np.isnan(referred).any()
    copied, referred = dosages(home, "copied", "called"), dosages(home, "referred", "called")
    assert copied.shape == (N_VARIANTS, len(IDS))
    assert np.array_equal(copied, referred, equal_nan=True)
    assert ((referred > 0.1) & (referred < 0.9)).any()


def test_withdrawn_samples_are_masked_at_once(home: Home) -> None:
    before = dosages(home, "referred")
    (home.deliveries / "referred" / "w1_20240101.csv").write_text("1003\n1010\n")
    assert run(["--quiet", "--home", str(home.root), "ingest"]) == 0
    assert run(["--quiet", "--home", str(home.root), "link"]) == 0
    after = dosages(home, "referred")
    kept = [i for i, sample in enumerate(IDS) if sample not in ("1003", "1010")]
    assert np.array_equal(before[:, kept], after, equal_nan=True)


def test_a_file_that_moved_or_changed_is_said_to_who_reads_its_values(home: Home) -> None:
    path = home.deliveries / "referred" / "chr1.bgen"
    data = path.read_bytes()
    path.write_bytes(data[:-50] + bytes(50))
    try:
        with pytest.raises(SourceFileError, match="not where the study says"):
            dosages(home, "referred")
        assert refresh_qc(home).counted, "quality needs no referenced file"
    finally:
        path.write_bytes(data)


def test_a_missing_file_keeps_its_source_only_from_being_scored(
    home: Home,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("biobraid.cli.score_command.build_step", lambda *_: 0)
    weights = scoring_file(tmp_path, "rs900000000 1 1000 C A 0.5")
    path = home.deliveries / "referred" / "chr1.bgen"
    away = path.rename(tmp_path / "away")
    try:
        result = score_file(home, weights)
        assert len(result.unread) == 1
        assert run(["--home", str(home.root), "--json", "score", str(weights), "--dry-run"]) == 0
        capsys.readouterr()
        assert run(["--home", str(home.root), "score", str(weights)]) == 11
    finally:
        away.rename(path)
    said = capsys.readouterr()
    assert "referred/imputed" in said.out + said.err and "was not scored" in said.out + said.err
    with Manifest(home) as manifest:
        rows = read_object(home, manifest, RAW_SCORE).to_pylist()
    assert {(r["study"], r["source"]) for r in rows} == {
        ("copied", "imputed"), ("copied", "called"), ("referred", "called"),
    }  # fmt: skip


def test_a_withdrawal_is_listed_until_a_file_without_the_person_lies_there(home: Home) -> None:
    before = dosages(home, "referred")
    out = ["--quiet", "--home", str(home.root)]
    assert run([*out, "withdraw", "1020", "--study", "referred", "--level", "no_use"]) == 0
    after = dosages(home, "referred")
    assert after.shape == (N_VARIANTS, before.shape[1] - 1)
    shown = [w for w in status(home)["withdrawals"] if "referenced genotypes" in w["state"]]
    day = date.fromisoformat(shown[0]["due_on"])
    assert (day - datetime.now(UTC).date()).days in (89, 90)
    assert rewrite_due(home, day) == [], "the files that hold the person still lie there"
    assert [w["due_on"] for w in status(home)["withdrawals"]] == [day.isoformat()]
    folder = home.deliveries / "referred"
    left = [i for i, sample in enumerate(IDS) if sample != "1020"]
    given = probabilities(1)[:, left]
    write_bgen(folder / "chr1.bgen", given, [IDS[i] for i in left])
    values = (probabilities(2)[:, :, 1:] @ np.array([1.0, 2.0]))[:, left]
    write_pgen(
        folder / "chr2", drawn(N_VARIANTS, len(IDS))[:, left], [IDS[i] for i in left], values
    )
    assert run([*out, "ingest"]) == 0
    assert run([*out, "link"]) == 0
    assert rewrite_due(home, day) == ["referenced genotypes"]
    assert status(home)["withdrawals"] == []
    assert np.array_equal(dosages(home, "referred"), after, equal_nan=True)


def test_a_second_ingest_does_nothing_and_a_new_file_is_seen(home: Home) -> None:
    def batches() -> set[str]:
        with Manifest(home) as manifest:
            return {p.batch for p in manifest.parts("raw.genotype_place", "referred", "imputed")}

    before = batches()
    assert run(["--quiet", "--home", str(home.root), "ingest"]) == 0
    assert batches() == before
    write_bgen(home.deliveries / "referred" / "more.bgen", probabilities(3)[:7], IDS)
    assert run(["--quiet", "--home", str(home.root), "ingest"]) == 0
    assert batches() > before and len(batches()) == len(before) + 1


def test_genotypes_are_declared_as_genotypes(tmp_path: Path) -> None:
    """A withdrawal of another modality would take their samples and leave the values."""
    (tmp_path / "toy").mkdir()
    text = STUDY.format(study="toy", storage="landing").replace("    modality: genotype\n", "")
    (tmp_path / "toy" / "study.yaml").write_text(text)
    with pytest.raises(SettingsError, match="connector bgen needs `modality: genotype`"):
        read_study(tmp_path / "toy")


def test_reference_is_only_for_what_can_be_read_so(tmp_path: Path) -> None:
    text = STUDY.format(study="toy", storage="reference").replace("bgen", "plink")
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "study.yaml").write_text(text)
    with pytest.raises(SettingsError, match="storage: reference is only for bgen, pgen"):
        read_study(tmp_path / "toy")


@pytest.mark.parametrize("bits", [5, 8, 11, 16])
@pytest.mark.parametrize("phased", [False, True])
def test_blocks_decode_as_the_bgen_package_has_them(
    tmp_path: Path, bits: int, phased: bool
) -> None:
    rng = np.random.default_rng(bits)
    n = 37
    made = rng.dirichlet([0.4, 0.4] if phased else [0.4, 0.4, 0.4], n * (2 if phased else 1))
    given = made.reshape(n, 4) if phased else made
    given[3] = np.nan
    path = tmp_path / "one.bgen"
    with BgenWriter(str(path), n, samples=[str(i) for i in range(n)]) as writer:
        writer.add_variant(
            "v", "v", "1", 5, ["A", "C"], given, ploidy=2, phased=phased, bit_depth=bits
        )
    with BgenReader(str(path), delay_parsing=True) as file:
        variant = next(iter(file))
        (expected,) = alternates(variant, BgenOptions(build="GRCh38"))
        compression = {"zlib": 1, "zstd": 2}.get(file.header.compression, 0)
    codes = expected.packed.view("<u2")
    wanted = np.where(codes == 65535, np.nan, codes / expected.scale)
    data = path.read_bytes()
    start = data.index(b"C", data.index(b"A", data.index(b"v", 100))) + 1
    found = bgen_dosages(
        data[start:], layout=2, compression=compression, n_samples=n, n_alleles=2, allele=1
    )
    assert found == pytest.approx(wanted, abs=2e-5, nan_ok=True)
    with pytest.raises(BrokenBlock):
        bgen_dosages(data[start + 3 :], layout=2, compression=1, n_samples=n, n_alleles=2, allele=1)
