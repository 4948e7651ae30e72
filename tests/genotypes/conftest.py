"""A small bank with genotypes of one study in four formats, built and released once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from tests.genotypes.files import U8, drawn, write_bgen, write_plink, write_vcf

N_PERSONS = 40
IDS = [f"GENOCANARY{i:03d}" for i in range(N_PERSONS)]
SEXES = [1 + i % 2 for i in range(N_PERSONS)]
WITHDRAWN, UNKNOWN = IDS[5], IDS[6]
_STUDY = """\
id: toy
name: toy
release: "1"
licence: synthetic
time_zone: UTC
withdrawals: {files: ["w*.csv"], level: no_use}
sources:
  people:
    connector: delimited
    files: [people.csv]
    person_id: id
    modality: questionnaire
    options: {layout: wide}
  array:
    connector: plink
    files: ["array/*.bed"]
    modality: genotype
    mints_persons: false
    options: {build: GRCh38}
  exome:
    connector: vcf
    files: ["exome/*.vcf.gz"]
    modality: genotype
    mints_persons: false
    options: {build: GRCh38}
  imputed:
    connector: bgen
    files: ["imputed/*.bgen"]
    modality: genotype
    mints_persons: false
    options: {build: GRCh38}
"""
_DICTIONARY = """\
variable,label,type,unit,allowed_values,instance_rule
id,person,text,,,
birth_year,year of birth,integer,,,
sex,sex,code,,1=male|2=female,
"""
_MAPPING = """\
source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,value_as_concept_id,rule,rule_arg,absent_reason,status,comment
people,birth_year,,0,Person,,,direct,year_of_birth,,APPROVED,
people,sex,1,8507,Gender,,,direct,,,APPROVED,
people,sex,2,8532,Gender,,,direct,,,APPROVED,
"""


@dataclass(frozen=True)
class Bank:
    """The home, its keys, and the calls that were delivered (variants, samples)."""

    home: Home
    keys: Path
    array: U8
    exome: U8
    exome_ids: list[str]
    imputed: np.ndarray  # dosages in 255ths

    def run(self, *arguments: str) -> int:
        """A command on the home."""
        return run(["--home", str(self.home.root), "--quiet", *arguments])


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """Ingested, built, and released for two projects; one person withdrew."""
    folder = tmp_path_factory.mktemp("genotypes")
    patch = pytest.MonkeyPatch()
    patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
    home = create_home(folder / "bank", memory_limit_gb=1.0, threads=2)
    create_keys(home)
    made = _deliver(home, folder / "keys")
    assert made.run("run") == 0
    for project in ("one", "two"):
        assert made.run("project", "create", project, "--dates", "exact") == 0
        assert made.run("release", project, "r1") == 0
    yield made
    patch.undo()


def _deliver(home: Home, keys: Path) -> Bank:
    pack = home.studies / "toy"
    pack.mkdir(parents=True)
    (pack / "study.yaml").write_text(_STUDY)
    (pack / "dictionary.csv").write_text(_DICTIONARY)
    (pack / "mapping.csv").write_text(_MAPPING)
    delivery = home.deliveries / "toy"
    for name in ("array", "exome", "imputed"):
        (delivery / name).mkdir(parents=True)
    people = [f"{i},{1950 + n % 40},{SEXES[n]}" for n, i in enumerate(IDS) if i != UNKNOWN]
    (delivery / "people.csv").write_text("id,birth_year,sex\n" + "\n".join(people) + "\n")
    (delivery / "w1.csv").write_text(WITHDRAWN + "\n")
    array = drawn(30, N_PERSONS, seed=1)
    write_plink(delivery / "array" / "GENOCANARYFILE", array, IDS, SEXES)
    _move_to_x(delivery / "array" / "GENOCANARYFILE.bim", last=4)
    exome_ids = IDS[10:30][::-1]
    exome = drawn(12, len(exome_ids), seed=2)
    write_vcf(delivery / "exome" / "chr.vcf.gz", exome, exome_ids)
    rng = np.random.default_rng(3)
    het, hom = rng.integers(0, 128, (2, 8, N_PERSONS))
    probabilities = np.stack([255 - het - hom, het, hom], axis=2) / 255
    write_bgen(delivery / "imputed" / "slice.bgen", probabilities, IDS)
    return Bank(home, keys, array, exome, exome_ids, het + 2 * hom)


def _move_to_x(bim: Path, last: int) -> None:
    """Put the last variants on the part of X that men have one of."""
    lines = bim.read_text().splitlines()
    for n in range(len(lines) - last, len(lines)):
        cells = lines[n].split("\t")
        cells[0], cells[3] = "X", str(50_000_000 + n)
        lines[n] = "\t".join(cells)
    bim.write_text("\n".join(lines) + "\n")


@pytest.fixture
def bank_keys(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """The bank, with its keys in the environment."""
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(bank.keys))
    monkeypatch.setenv("PATH", os.environ["PATH"])
    return bank
