"""The sample through landing: the books balance, and rejects are the planted defects exactly."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

import biobraid
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.manifest import FileBooks, Manifest
from biobraid.core.schemas import TABLES
from biobraid.core.warehouse import parquet_list
from biobraid.ingest.doctor import examine
from biobraid.ingest.landing import IngestResult, check_books, ingest
from biobraid.ingest.sample import MIN_PERSONS, STUDIES, generate
from tests.sample.conftest import make_sample

PACKS = Path(biobraid.__file__).parent / "studies"
# Books name a source and a token; truth names files.
SOURCE_OF = {
    "main/ukb900001.csv": "main", "gp/gp_clinical.txt": "gp_clinical",
    "gp/gp_scripts.txt": "gp_scripts", "baseline.csv": "baseline", "diagnoses.csv": "diagnoses",
    "labs_2021.csv.gz": "labs", "labs_2022.csv.gz": "labs",
    "proteomics/npx.csv.gz": "proteomics", "microbiome/table.biom": "microbiome",
    "imaging/bulk": "images", "ecg": "ecg",
}  # fmt: skip


def source_of(study: str, file: str) -> str:
    """The source of a study that reads a delivered file; '' where no test asks."""
    if study in ("northgate", "southgate"):
        return "patients" if "/Patient." in file else "ehr"
    return {"mindwell": "survey", "valley": "cdm"}.get(study, SOURCE_OF.get(file, ""))


@dataclass(frozen=True)
class Landed:
    """A home with the sample landed in it."""

    home: Home
    result: IngestResult
    books: list[FileBooks]
    planted: Counter[tuple[str, str, str]]  # defect, study, source
    truth: Path

    def rows(self, sql: str, table: str) -> list[tuple[object, ...]]:
        with Manifest(self.home) as manifest:
            paths = [self.home.landing / p.path for p in manifest.parts(table)]
        return duckdb.sql(sql.format(parts=f"read_parquet({parquet_list(paths)})")).fetchall()


def new_home(root: Path) -> Home:
    home = create_home(root / "bank", memory_limit_gb=1.0, threads=2)
    create_keys(home)
    return home


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landed]:
    root = tmp_path_factory.mktemp("landed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOBRAID_KEY_DIR", str(root / "keys"))
        home = new_home(root)
        generate(home.deliveries, home.studies, root / "truth", persons=300, seed=1)
        result = ingest(home)
        with Manifest(home) as manifest:
            books = manifest.files()
        yield Landed(home, result, books, planted_in(root / "truth"), root / "truth")


def planted_in(truth: Path) -> Counter[tuple[str, str, str]]:
    planted: Counter[tuple[str, str, str]] = Counter()
    with (truth / "defects.csv").open(encoding="utf-8", newline="") as lines:
        for r in csv.DictReader(lines):
            source = source_of(r["study"], r["file"])
            planted[(r["defect"], r["study"], source)] += int(r["n"])
    return planted


def test_every_file_lands_and_its_books_balance(landed: Landed) -> None:
    assert landed.result.exit_code == 0
    # A delta's outcomes name the earlier files, too, with what they lose.
    assert {o.status for o in landed.result.outcomes} == {"landed", "superseded"}
    assert {o.study for o in landed.result.outcomes if o.path is None} == {"northgate", "southgate"}
    assert not landed.result.without_files
    assert check_books(landed.home) == []


def test_parts_in_force_have_the_columns_of_their_table_once(landed: Landed) -> None:
    with Manifest(landed.home) as manifest:
        for part in manifest.parts():
            if part.table not in TABLES:  # versions of a delta's records, for ingest alone
                continue
            names = pq.read_schema(landed.home.landing / part.path).names
            assert sorted(names) == sorted(TABLES[part.table].arrow.names), part.table


def test_rejects_are_the_planted_defects_exactly(landed: Landed) -> None:
    reasons = {
        "ragged-row": "ragged-row", "duplicate-eid": "duplicate-key",
        "blank-person-id": "missing-person-id", "impossible-date": "invalid-date",
        "malformed-line": "not-json", "unknown-event": "unknown-event",
        "unknown-sample": "unknown-sample", "placeholder-person": "placeholder-person-id",
        "repeated-measurement": "duplicate-measurement",
    }  # fmt: skip
    expected: Counter[tuple[str, str, str]] = Counter()
    for (defect, study, source), n in landed.planted.items():
        if defect in reasons:
            expected[(study, source, reasons[defect])] += n
    found = landed.rows(
        "SELECT study, source, reason, count(*) FROM {parts} GROUP BY ALL", "raw.reject"
    )
    assert {(a, b, c): n for a, b, c, n in found} == dict(expected)


@pytest.mark.parametrize(
    ("defect", "rule"),
    [("undeclared-column", "undeclared-column"), ("undeclared-free-text", "free-text-undeclared")],
)
def test_what_nobody_declared_is_ignored_and_counted(
    landed: Landed, defect: str, rule: str
) -> None:
    expected = {(s, o): n for (d, s, o), n in landed.planted.items() if d == defect}
    found: Counter[tuple[object, object]] = Counter()
    for book in landed.books:
        n = book.detail.get("ignored", {}).get(rule, 0)
        if n:
            found[(book.row["study"], book.row["source"])] += n
    assert dict(found) == expected


@pytest.mark.parametrize("defect", ["unknown-code", "unknown-code-system"])
def test_unknown_codes_are_warned_of(landed: Landed, defect: str) -> None:
    warned = sum(
        n
        for book in landed.books
        for name, n in book.detail.get("warnings", {}).items()
        if name.partition(":")[0] == defect
    )
    assert warned == sum(n for (d, _, _), n in landed.planted.items() if d == defect)


def test_sentinel_dates_land_with_a_flag(landed: Landed) -> None:
    found = landed.rows(
        "SELECT source, count(*) FROM {parts} WHERE time_flag LIKE 'sentinel-%' GROUP BY ALL",
        "raw.event",
    )
    assert dict(found) == {  # type: ignore[arg-type]
        s: n for (d, _, s), n in landed.planted.items() if d == "sentinel-date"
    }


def test_hours_of_clock_changes_land_with_a_flag(landed: Landed) -> None:
    found = landed.rows(
        "SELECT time_flag, count(*) FROM {parts} WHERE time_flag LIKE '%-local-time' GROUP BY ALL",
        "raw.value",
    )
    planted = {d: n for (d, _, _), n in landed.planted.items() if d.endswith("-local-time")}
    assert dict(found) == planted  # type: ignore[arg-type]


def test_no_canary_is_in_landing_outside_the_vault(landed: Landed) -> None:
    with (landed.truth / "canaries.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    canaries = {r[form].lower() for r in rows for form in ("value", "plain")}
    for table in (
        "raw.value",
        "raw.event",
        "raw.record",
        "raw.detail",
        "raw.consent",
        "raw.reject",
    ):
        for row in landed.rows("SELECT * FROM {parts}", table):
            # A number is compared whole: seven given digits do occur within some 63-bit id.
            assert not canaries & {str(cell) for cell in row if isinstance(cell, int)}
            text = "\n".join(str(cell).lower() for cell in row if not isinstance(cell, int))
            assert not [c for c in canaries if c in text]
    names = "\n".join(p.as_posix().lower() for p in landed.home.root.rglob("*"))
    assert not [c for c in canaries if c in names]


def test_doctor_finds_no_error_in_the_packs(landed: Landed) -> None:
    errors = [f for f in examine(landed.home) if f.severity == "error"]
    assert errors == []


@pytest.mark.parametrize("study", STUDIES)
def test_a_packs_sample_goes_through_its_connectors(
    study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(tmp_path / "keys"))
    home = new_home(tmp_path)
    shutil.copytree(PACKS / study, home.studies / study, ignore=shutil.ignore_patterns("sample"))
    shutil.copytree(PACKS / study / "sample", home.deliveries / study)
    result = ingest(home, workers=1)
    assert result.exit_code == 0
    assert not result.without_files
    assert {o.status for o in result.outcomes} <= {"landed", "superseded"}
    assert check_books(home) == []


@pytest.mark.parametrize("study", STUDIES)
def test_a_packs_sample_is_what_the_demo_writes(study: str, tmp_path: Path) -> None:
    made = make_sample(tmp_path, persons=MIN_PERSONS).deliveries / study
    committed = PACKS / study / "sample"

    def marks(folder: Path) -> dict[str, str]:
        return {
            p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in folder.rglob("*")
            if p.is_file() and p.name != ".sample.json" and p.parent.name != "dictionary"
        }

    assert marks(committed) == marks(made)
    assert sum(p.stat().st_size for p in committed.rglob("*") if p.is_file()) < 100_000
