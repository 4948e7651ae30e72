"""Kinship and principal components from their usual files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SourceFileError
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import Counts, FileJob, get_connector
from biobraid.ingest.landing.tally import Tally
from tests.genotypes.delivery import KEYS, person


def read(
    folder: Path, connector: str, text: str, **options: Any
) -> tuple[dict[str, list[dict[str, Any]]], Tally]:
    """Rows by table and the books, which hold."""
    path = folder / "delivered.txt"
    path.write_text(text, encoding="utf-8")
    source = {
        "connector": connector,
        "files": [path.name],
        "modality": "genotype",
        "options": options,
    }
    study = Study.model_validate(
        {"id": "toy", "name": "toy", "release": "1", "licence": "synthetic", "time_zone": "UTC",
         "sources": {"genes": source}}
    )  # fmt: skip
    job = FileJob(path, study, "genes", "token", KEYS, {}, memory_gb=0.5, threads=1)
    rows: dict[str, list[dict[str, Any]]] = {}
    tally = Tally()
    for item in get_connector(connector).read(job):
        if isinstance(item, Counts):
            tally.add(item)
        else:
            rows.setdefault(item.table, []).extend(item.rows.to_pylist())
    facts = rows.get("raw.kinship", []) + rows.get("raw.component", [])
    tally.facts_landed = len(facts)
    for reject in rows.get("raw.reject", []):
        tally.rejects[(reject["reason"], "", reject["unit_of_count"])] += 1
    tally.check("test", len({fact["record_id"] for fact in facts}))
    return rows, tally


@pytest.mark.parametrize(
    "text",
    [
        # UK Biobank, plink2, KING
        "ID1 ID2 HetHet IBS0 Kinship\nb a 0.16 0.001 0.25\n",
        "#FID1\tIID1\tFID2\tIID2\tNSNP\tHETHET\tIBS0\tKINSHIP\n0\tb\t0\ta\t900\t0.16\t0.001\t0.25\n",
        "FID1 ID1 FID2 ID2 N_SNP HetHet IBS0 Kinship\nf b g a 900 0.16 0.001 0.25\n",
    ],
)
def test_pairs_of_every_usual_file(tmp_path: Path, text: str) -> None:
    rows, _ = read(tmp_path, "kinship", text)
    (pair,) = rows["raw.kinship"]
    assert {pair["source_person_key"], pair["other_person_key"]} == {person("a"), person("b")}
    assert pair["source_person_key"] < pair["other_person_key"]
    assert (pair["het_het"], pair["ibs0"], pair["kinship"]) == (0.16, 0.001, 0.25)
    assert pair["n_variants"] in (None, 900)
    assert sorted(r["value"] for r in rows["identity"]) == ["a", "b"]


def test_repeated_withdrawn_and_broken_pairs_are_counted(tmp_path: Path) -> None:
    text = (
        "ID1 ID2 HetHet IBS0 Kinship\n1 2 0.1 0.0 0.25\n2 1 0.1 0.0 0.25\n-3 2 0.1 0.0 0.2\n"
        "4 5 0.1 0.0 x\n6 6 0.1 0.0 0.5\n0 7 0.1 0.0 0.5\n"
    )
    rows, tally = read(tmp_path, "kinship", text, withdrawn_ids="negative")
    assert len(rows["raw.kinship"]) == 1
    assert tally.ignored == {"withdrawn-sample": 1}
    assert sorted((r["row_number"], r["reason"]) for r in rows["raw.reject"]) == [
        (3, "duplicate-key"), (5, "not-a-number"), (6, "not-a-number"), (7, "missing-person-id"),
    ]  # fmt: skip
    rows, tally = read(tmp_path, "kinship", text)
    assert (len(rows["raw.kinship"]), tally.ignored) == (2, {}), "-3 is an id where nobody says"


@pytest.mark.parametrize(
    "text",
    [
        "#FID\tIID\tPC1\tPC2\nf\ta\t0.5\t-1e-3\n",
        "#IID\tPC1\tPC2\na\t0.5\t-1e-3\n",
        "f a 0.5 -0.001\n",
    ],
)
def test_components_with_and_without_a_header(tmp_path: Path, text: str) -> None:
    rows, _ = read(tmp_path, "components", text)
    found = {r["component"]: r["value"] for r in rows["raw.component"]}
    assert found == {1: 0.5, 2: -0.001}
    assert {r["source_person_key"] for r in rows["raw.component"]} == {person("a")}


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for connector, text in (
        ("kinship", "A B C\n1 2 3\n"),
        ("components", "#IID\tX1\na\t1\n"),
        ("components", "#IID\tPC1\na\t1\t2\n"),
        ("kinship", ""),
    ):
        with pytest.raises(SourceFileError):
            read(tmp_path, connector, text)
