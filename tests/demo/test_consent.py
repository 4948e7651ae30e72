"""T14: what a release holds of whom is what they consented to, derived tables included."""

from __future__ import annotations

from collections import Counter

import duckdb
import pytest

from biobraid.core.keys import load_key
from biobraid.core.schemas import MODALITIES
from biobraid.export.holdings import project_ids
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]
# Tables that hold one modality alone, what was derived from it included.
_OF_MODALITY = {
    "imaging": ("cdm.image_occurrence", "cdm.image_feature", "omics.asset", "omics.feature_vector"),
    "genotype": ("omics.genotype_sample", "omics.sample_qc", "omics.principal_component", "omics.score"),
    "omics": ("omics.feature_value",),
    "wearable": ("wearable.minute", "wearable.day"),
}  # fmt: skip


def test_t14_every_person_x_modality_is_as_consented(demo: Demo) -> None:
    """The matrix from the landed statements, against every table of the release by source."""
    con = duckdb.connect()
    link = demo.home.landing / "link"
    consent = next(link.glob("consent*.parquet"))
    refused = con.execute(
        f"SELECT person_id, modality FROM read_parquet('{consent}') WHERE status <> 'given' "
        "AND coalesce(level, '') NOT IN ('no_contact', 'no_access')"
    ).fetchall()
    assert len(refused) > 5
    con.execute(f"ATTACH '{demo.home.warehouse}' AS warehouse (READ_ONLY)")
    persons = sorted({p for p, _ in refused if p})
    ids = project_ids(load_key(demo.home, "release"), "heart_study", persons, 1)
    mine = {person: project for project, person in ids.items()}
    n_withheld: Counter[str] = Counter()
    path = demo.home.releases / "heart_study" / "r1" / "release.duckdb"
    con.execute(f"ATTACH '{path}' AS a (READ_ONLY)")
    for person, modality in refused:
        for wanted in MODALITIES if modality == "*" else (modality,):
            for table in _OF_MODALITY.get(wanted, ()):
                n, n_held = con.execute(
                    f"SELECT (SELECT count(*) FROM a.{table} WHERE person_id = ?), "
                    f"(SELECT count(*) FROM warehouse.{table} WHERE person_id = ?)",
                    [mine[person], person],
                ).fetchone()  # type: ignore[misc]
                assert n == 0, f"{table}: {wanted}"
                n_withheld[wanted] += n_held
            for table in ("mart.modality", "mart.source_coverage"):
                n = con.execute(
                    f"SELECT count(*) FROM a.{table} WHERE person_id = ? AND modality = ?",
                    [mine[person], wanted],
                ).fetchone()
                assert n == (0,), f"{table}: {wanted}"
    assert {m for m, n in n_withheld.items() if n} >= {"imaging", "genotype", "omics"}
