"""The sample's genotypes in a release: the planted trait by SQL alone, and the planted defects."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from biobraid.cli.demo_command import PROJECT, RELEASE
from biobraid.cli.main import run
from biobraid.core.link_inputs import GENETIC_PAIR
from biobraid.core.manifest import Manifest
from biobraid.core.objects import read_object
from biobraid.core.warehouse import connect
from biobraid.export.query import query
from biobraid.export.session import release_session
from biobraid.linkage.link import link
from biobraid.linkage.review import list_conflicts
from tests.demo.conftest import Demo
from tests.demo.truth import NATIVE, person_keys, persons

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]
_TRAIT = """
    SELECT person_id, avg(value_as_number) / 38.67 AS mmol_l FROM cdm.measurement
    WHERE measurement_concept_id = 3027114 GROUP BY person_id"""


@pytest.fixture(scope="module")
def release(demo: Demo) -> Iterator[duckdb.DuckDBPyConnection]:
    folder = demo.home.releases / PROJECT / RELEASE
    with release_session(demo.home, folder) as con:
        yield con


def truth(demo: Demo, name: str) -> list[dict[str, str]]:
    with (demo.truth / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_planted_variant_is_found_by_sql_alone(demo: Demo) -> None:
    found = query(
        demo.home,
        f"{PROJECT}/{RELEASE}",
        f"""
        WITH dosage AS (
          SELECT person_id, variant_id, max(dosage) AS dosage
          FROM region_dosage('1', 0, 300000000) WHERE dosage IS NOT NULL GROUP BY ALL
          UNION ALL
          SELECT person_id, variant_id, max(dosage)
          FROM region_dosage('2', 0, 300000000) WHERE dosage IS NOT NULL GROUP BY ALL
        )
        SELECT variant_id, regr_slope(t.mmol_l, d.dosage) AS mmol_l_per_allele
        FROM dosage AS d JOIN ({_TRAIT}) AS t USING (person_id)
        GROUP BY variant_id HAVING stddev(d.dosage) > 0
        ORDER BY abs(corr(t.mmol_l, d.dosage)) * sqrt(count(*)) DESC LIMIT 1""",
    ).to_pylist()[0]
    (lead,) = [v for v in truth(demo, "variants.csv") if v["is_lead"] == "1"]
    place = ":".join(lead[k] for k in ("chromosome", "position", "ref", "alt"))
    assert found["variant_id"] == place
    assert found["mmol_l_per_allele"] == pytest.approx(float(lead["cholesterol_effect"]), abs=0.25)


def test_planted_samples_stand_out_and_wrong_ones_are_in_quarantine(
    demo: Demo, release: duckdb.DuckDBPyConnection
) -> None:
    planted = {row["defect"]: row["sample"] for row in truth(demo, "samples.csv")}
    assert planted.keys() == {"sex-mismatch", "duplicate-sample", "low-call-rate"}
    query = """
        SELECT count(*) FILTER (is_sex_mismatch), count(*) FILTER (call_rate < 0.92), count(*)
        FROM {}.sample_qc WHERE study = 'ukdemo'"""
    with connect(demo.home, read_only=True) as con:
        ((n_mismatched, n_poor, n_landed),) = con.execute(query.format("raw")).fetchall()
        pairs = con.execute(
            "SELECT source_person_key, other_person_key FROM raw.kinship"
        ).fetchall()
        status = dict(
            con.execute("SELECT source_person_key, link_status FROM link.person_bridge").fetchall()
        )
    assert (n_mismatched, n_poor) == (1, 1)
    ((n_mismatched, n_poor, n_released),) = release.execute(query.format("omics")).fetchall()
    assert (n_mismatched, n_poor) == (0, 1)
    assert 150 < n_released <= n_landed - 3
    assert release.execute("SELECT count(*) FROM omics.kinship").fetchall() == [(0,)]
    listed: dict[str, set[str]] = {}
    for conflict in list_conflicts(demo.home):
        listed.setdefault(conflict["rule"], set()).update(conflict["source_person_keys"].split())
    (pair,) = pairs
    wrong = person_keys(demo.home, "ukdemo", [planted["sex-mismatch"]])[0]
    assert wrong in listed["genotype-sex"]
    assert set(pair) <= listed["genotypes-equal-in-two-persons"]
    assert {status[k] for k in (*pair, wrong)} == {"quarantined"}
    # Whoever else has one genotype is one person, over all studies; nobody is said to differ.
    people = persons(demo)
    whose = {
        key: number
        for study in ("ukdemo", "riverside", "northgate")
        for key, number in zip(
            person_keys(demo.home, study, people[NATIVE[study]]), people["person"], strict=True
        )
    }
    with Manifest(demo.home) as manifest:
        told = read_object(demo.home, manifest, GENETIC_PAIR).to_pylist()
    assert {t["relation"] for t in told} == {"duplicate"} and len(told) > 40
    two = [t for t in told if whose[t["source_person_key_1"]] != whose[t["source_person_key_2"]]]
    assert all({t["source_person_key_1"], t["source_person_key_2"]} & set(pair) for t in two)
    # A second linkage finds nothing new: the quarantine does not take away its own reason.
    assert link(demo.home, dry_run=True).totals()["n_quarantined"] == sum(
        s == "quarantined" for s in status.values()
    )


def test_planted_variants_stand_out_and_counts_do_not_leave(
    demo: Demo, release: duckdb.DuckDBPyConnection
) -> None:
    spoilt = {
        f"{v['chromosome']}:{v['position']}:{v['ref']}:{v['alt']}": v["defect"]
        for v in truth(demo, "variants.csv") if v["defect"]
    }  # fmt: skip
    found = release.execute("""
        SELECT variant_id, CASE WHEN hwe_p < 1e-8 THEN 'hwe-violation' ELSE 'low-call-rate' END
        FROM omics.variant_qc
        WHERE study = 'ukdemo' AND (hwe_p < 1e-8 OR call_rate < 0.9)
          AND split_part(variant_id, ':', 1) NOT IN ('X', 'Y', 'MT')""").fetchall()
    assert dict(found) == spoilt
    shown = release.execute("SELECT count(n_called), count(call_rate) FROM omics.variant_qc")
    ((n_called, n_rates),) = shown.fetchall()
    assert n_called == 0
    assert n_rates > 400


def test_scores_predict_the_trait_in_any_duckdb(demo: Demo) -> None:
    file = demo.home.releases / PROJECT / RELEASE / "release.duckdb"
    for use in (False, True):
        con = duckdb.connect()
        con.execute(f"ATTACH '{file}' AS other (READ_ONLY)")
        if use:
            con.execute("USE other")
        trait = _TRAIT.replace("cdm.measurement", "other.cdm.measurement")
        ((r, n),) = con.execute(
            f"SELECT corr(s.score, t.mmol_l), count(*) FROM other.omics.score AS s "
            f"JOIN ({trait}) AS t USING (person_id) WHERE s.score_name = 'PGS990001'"
        ).fetchall()
        con.close()
        assert r > 0.2
        assert n > 200


def test_what_does_not_arrive_is_counted(demo: Demo) -> None:
    con = connect(demo.home, read_only=True)
    try:
        rows = con.execute("SELECT * FROM omics.genotype_arrival ORDER BY ALL").fetchall()
    finally:
        con.close()
    assert {(study, table) for study, _, table, *_ in rows} >= {
        ("ukdemo", "sample_qc"), ("ukdemo", "kinship"), ("ukdemo", "component"),
        ("ukdemo", "score"), ("riverside", "sample_qc"), ("northgate", "sample_qc"),
    }  # fmt: skip
    assert all(landed == arrived + unlinked for *_, landed, arrived, unlinked in rows)


def test_a_project_scores_its_release_by_a_file_of_its_own(demo: Demo, tmp_path: Path) -> None:
    (lead,) = [v for v in truth(demo, "variants.csv") if v["is_lead"] == "1"]
    file = tmp_path / "mine.txt"
    file.write_text(
        "#genome_build=GRCh38\nchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight\n"
        f"{lead['chromosome']}\t{lead['position']}\t{lead['alt']}\t{lead['ref']}\t1.0\n",
        encoding="utf-8",
    )
    home = str(demo.home.root)
    assert run(["--quiet", "--home", home, "score", str(file), "--release", "second"]) == 0
    found = query(
        demo.home,
        "second",
        f"""
        SELECT count(*) AS n, max(abs(s.score - d.dosage)) AS off
        FROM project.omics.score AS s
        JOIN variant_dosage('{lead["chromosome"]}:{lead["position"]}:{lead["ref"]}:{lead["alt"]}')
          AS d ON d.person_id = s.person_id AND d.genotype_set_id = s.genotype_set_id
        WHERE s.score_name = 'mine' AND d.dosage IS NOT NULL""",
    ).to_pylist()[0]
    assert found["n"] > 200
    assert found["off"] == pytest.approx(0.0, abs=1e-6)
