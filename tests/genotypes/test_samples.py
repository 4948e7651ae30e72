"""Samples: sex and family, ids that repeat or were withdrawn, maps of laboratories."""

from pathlib import Path

import numpy as np
import pytest

from biobraid.core.errors import SourceFileError
from tests.genotypes.delivery import person, read
from tests.genotypes.files import as_dosages, drawn, write_plink, write_vcf

CALLS = drawn(6, 5)


def test_sex_and_parents_come_from_the_fam(tmp_path: Path) -> None:
    path = write_plink(tmp_path / "f", CALLS[:, :3], ["a", "b", "c"])
    (tmp_path / "f.fam").write_text("one c a b 1 -9\none a 0 0 1 2.5\none b 0 0 2 NA\n")
    delivered = read(path, "plink")
    child, father, mother = delivered.samples
    assert [s["sex"] for s in delivered.samples] == ["male", "male", "female"]
    assert (child["father_key"], child["mother_key"]) == (person("a"), person("b"))
    assert father["father_key"] is None
    assert child["family_key"] == mother["family_key"] is not None
    by_family = read(path, "plink", sample_id="fid_iid").samples
    assert by_family[0]["father_key"] == by_family[1]["source_person_key"] == person("one_a")
    assert ("sex", "female") in delivered.identities
    assert delivered.tally.ignored["sample-list-column"] == 1  # the phenotype 2.5


def test_repeated_and_withdrawn_samples_are_masked_and_counted(tmp_path: Path) -> None:
    path = write_plink(tmp_path / "f", CALLS, ["a", "b", "-3", "b", "e"])
    delivered = read(path, "plink", withdrawn_ids="negative")
    assert [s["sample_index"] for s in delivered.samples] == [0, 4]
    assert delivered.rejects == [
        (2, ".fam", "duplicate-sample-id"), (4, ".fam", "duplicate-sample-id"),
    ]  # fmt: skip
    assert delivered.tally.ignored["withdrawn-sample"] == 1
    expected = as_dosages(CALLS)
    expected[:, 1:4] = np.nan
    np.testing.assert_array_equal(delivered.dosages, expected)


def test_a_negative_id_is_an_id_unless_the_source_says_otherwise(tmp_path: Path) -> None:
    path = write_plink(tmp_path / "f", CALLS, ["a", "b", "-3", "d", "e"])
    delivered = read(path, "plink")
    assert person("-3") in [s["source_person_key"] for s in delivered.samples]
    assert "withdrawn-sample" not in delivered.tally.ignored
    fam = tmp_path / "f.fam"
    lines = [line.split() for line in fam.read_text().splitlines()]
    lines[1][0] = "-9"  # a family that is negative, and names the person only with sample_id: fid
    fam.write_text("".join(" ".join(cells) + "\n" for cells in lines))
    for named_by, places in (("iid", [2]), ("fid", [1]), ("fid_iid", [1, 2])):
        delivered = read(path, "plink", withdrawn_ids="negative", sample_id=named_by)
        landed = [s["sample_index"] for s in delivered.samples]
        assert landed == [i for i in range(5) if i not in places], named_by


def test_a_map_says_which_person_a_sample_is(tmp_path: Path) -> None:
    path = write_vcf(tmp_path / "x.vcf", CALLS, ["L1", "L2", "L3", "L4", "p9"])
    (tmp_path / "map.csv").write_text("sample, who\nL1,p1\nL2,p2\nL3,p3\nL4,p4\n")
    given = {"file": "map.csv", "sample": "sample", "person": "who"}
    delivered = read(path, "vcf", sample_map=given)
    keys = [s["source_person_key"] for s in delivered.samples]
    assert keys[:4] == [person(f"p{i}") for i in (1, 2, 3, 4)]
    assert keys[4] not in (None, person("p9")), "a sample id is never taken for a person id"
    assert delivered.tally.warnings["sample-not-in-map"] == 1
    assert ("sample_id", "L1") in delivered.identities
    assert ("native_id", "p9") not in delivered.identities
    (tmp_path / "map.csv").write_text("sample,who\nL1,p1\nL1,p2\n")
    with pytest.raises(SourceFileError, match="more than one person"):
        read(path, "vcf", sample_map=given)
