"""`biobraid check` on the sample biobank: what it counts, keeps, reports, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from biobraid.cli.main import run
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def _check(demo: Demo, *more: str) -> int:
    return run(["--quiet", "--home", str(demo.home.root), "check", *more])


def _json(demo: Demo, capfd: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    capfd.readouterr()
    assert run(["--json", "--home", str(demo.home.root), *more]) in (0, 13)
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def _rows(demo: Demo, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(demo.home.warehouse), read_only=True) as con:
        return con.execute(sql).fetchall()


LAST = "run_id = (SELECT run_id FROM audit.check_run WHERE counted_in IS NULL ORDER BY run_no DESC LIMIT 1)"


def test_the_run_has_checked_what_it_built_without_errors_or_fatal_failures(demo: Demo) -> None:
    ((n, errors, fatal, not_applicable),) = _rows(
        demo, "SELECT n_checks, n_error, n_fatal_failed, n_not_applicable FROM audit.check_run WHERE run_no = 1"
    )  # fmt: skip
    assert n > 2400 and (errors, fatal) == (0, 0) and not_applicable < n / 2
    folder = demo.home.reports / "checks" / "warehouse"
    assert {p.name for p in folder.iterdir()} == {"checks.html", "checks.json", "checks.junit.xml"}


def test_the_planted_glucose_in_the_wrong_unit_is_found_and_its_source_named(demo: Demo) -> None:
    check_id = "plausibleRange.measurement.measurement_concept_id.3004501.8840"
    ((state, n_violated),) = _rows(
        demo, f"SELECT state, n_violated FROM audit.check_result WHERE check_id = '{check_id}' AND {LAST}"
    )  # fmt: skip
    parts = _rows(
        demo, "SELECT study, source, sum(n_violated) FROM audit.check_part "
        f"WHERE check_id = '{check_id}' AND kind = 'source' AND n_violated > 0 AND {LAST} GROUP BY ALL"
    )  # fmt: skip
    assert state == "failed" and [(study, n) for study, _, n in parts] == [
        ("riverside", n_violated)
    ]


def test_parts_of_a_check_add_up_to_the_whole(demo: Demo) -> None:
    wrong = _rows(
        demo, f"SELECT check_id, kind, sum(p.n_violated), any_value(r.n_violated) FROM audit.check_part p "
        f"JOIN (SELECT check_id, n_violated FROM audit.check_result WHERE {LAST}) r USING (check_id) "
        f"WHERE {LAST} GROUP BY ALL HAVING sum(p.n_violated) <> any_value(r.n_violated)"
    )  # fmt: skip
    assert wrong == []
    assert len(_rows(demo, "SELECT DISTINCT kind FROM audit.check_part")) == 2


def test_coverage_counts_every_fact_of_cdm(demo: Demo) -> None:
    ((facts, mapped),) = _rows(
        demo, f"SELECT sum(n_rows), sum(n_rows_mapped) FROM audit.check_coverage WHERE {LAST}"
    )
    ((expected, with_concept),) = _rows(
        demo, "SELECT count(*), count(*) FILTER (concept_id <> 0) FROM stem.event "
        "WHERE cdm_table NOT IN ('person', 'person_attribute')"
    )  # fmt: skip
    assert (facts, mapped) == (expected, with_concept)
    ((_top, n),) = _rows(
        demo, f"SELECT source_code, n_facts FROM audit.check_unmapped WHERE {LAST} ORDER BY n_facts DESC LIMIT 1"
    )  # fmt: skip
    assert n == _rows(
        demo, "SELECT max(n_facts) FROM stem.unmapped WHERE reason IN ('unmapped', 'no-standard-concept')"
    )[0][0]  # fmt: skip
    assert _rows(demo, "SELECT DISTINCT vocabulary_version FROM audit.check_run")[0][0]


def test_status_shows_the_last_runs_and_what_failed(
    demo: Demo, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = _json(demo, capfd, "status")["warehouse"]
    assert shown["checks"][0]["n_checks"] > 2400
    assert any(r["check_id"].startswith("fkClass.drug_era") for r in shown["checks_failed"])


def test_a_check_of_ones_own_closes_the_gate_lists_its_rows_and_opens_again(
    demo: Demo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = demo.home.root / "checks"
    folder.mkdir()
    try:
        (folder / "no_women.sql").write_text(
            "/*\ntable: person\nseverity: fatal\ndescription: Women\n*/\n"
            "SELECT person_id FROM cdm.person WHERE gender_concept_id = 8532\n"
        )
        junit = tmp_path / "junit.xml"
        assert _check(demo, "--no-parts", "--junit", str(junit)) == 13
        assert 'failure type="fatal"' in junit.read_text()
        assert "custom.person.no_women" in capfd.readouterr().err
        found = _json(demo, capfd, "check", "--rows", "custom.person.no_women", "--limit", "5")
        assert len(found["keys"]) == 5
        thresholds = tmp_path / "lenient.csv"
        thresholds.write_text("check,table,field,threshold\ncustom,person,no_women,1\n")
        assert _check(demo, "--reevaluate", "--thresholds", str(thresholds)) == 0
        thresholds.write_text("check,threshold\nstandardConceptRecordCompleteness,1\n")
        assert _check(demo, "--reevaluate", "--thresholds", str(thresholds)) == 13
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    judged = _rows(
        demo, "SELECT counted_in, thresholds FROM audit.check_run ORDER BY run_no DESC LIMIT 1"
    )
    assert judged[0][0] and judged[0][1] == "lenient.csv"
    left = _rows(
        demo, "SELECT count(*) FROM audit.check_result WHERE state = 'failed' "
        "AND check_name = 'standardConceptRecordCompleteness' AND run_id = "
        "(SELECT run_id FROM audit.check_run ORDER BY run_no DESC LIMIT 1)"
    )  # fmt: skip
    assert left == [(0,)]


def test_the_how_to_is_true(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the guide writes a file beside where it is read
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "quality.md").read_text("utf-8")
    files = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, re.S))
    folder = demo.home.root / "checks"
    folder.mkdir()
    try:
        for name, text in files.items():
            (
                folder / Path(name).name if name.startswith("checks/") else tmp_path / name
            ).write_text(text)
        block = re.search(r"<!-- runs: quality -->\n```sh\n(.*?)```", page, re.S)
        assert block
        for line in block[1].splitlines():
            words = [str(tmp_path / w) if w in files else w for w in line.split()]
            assert words[:3] == ["biobraid", "--home", "demo-biobank"]
            assert run(["--quiet", "--home", str(demo.home.root), *words[3:]]) == 0, line
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    release = demo.home.reports / "checks" / "release-heart_study" / "checks.json"
    content = json.loads(release.read_text())
    assert content["totals"]["n_error"] == 0 and content["coverage"] == []
    from biobraid.quality.checks.rules import check_types

    assert not [name for name in check_types() if f"`{name}`" not in page]
    for table in ("check_run", "check_result", "check_part", "check_coverage", "check_unmapped"):
        assert f"audit.{table}" in page
