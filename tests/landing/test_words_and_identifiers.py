"""What nobody declared as harmless is in no Parquet file of landing, whichever connector slips."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.lock import writer
from biobraid.ingest.connectors import delimited_plan
from biobraid.ingest.doctor import examine
from biobraid.ingest.landing import check_books, ingest
from tests.landing.bank import deliver, write_pack

GIVEN = """person,icd,serial,comment,remark,aside
P1,I10,SN-CANARY,COMMENT-CANARY,REMARK-CANARY,ASIDE-CANARY
P2,I11,SN2-CANARY,COMMENT-CANARY,REMARK-CANARY,ASIDE-CANARY"""
PLAIN: dict[str, Any] = {"layout": "event", "kind": "device", "code": {"icd": "ICD10"}}


@pytest.fixture
def home(tmp_path: Path, key_dir: Path) -> Home:
    made = create_home(tmp_path / "home", memory_limit_gb=1.0, threads=1)
    create_keys(made)
    return made


def declare(home: Home, **options: Any) -> None:
    source = {
        "connector": "delimited",
        "files": ["q*.csv"],
        "person_id": "person",
        "identity": {"serial": "device_serial"},
        "free_text": [
            {"variable": "comment", "rule": "drop", "reason": "notes"},
            {"variable": "remark", "rule": "vault", "reason": "notes"},
        ],
        "options": PLAIN | options,
    }
    write_pack(home, "toy", sources={"q": source})
    deliver(home, "q.csv", GIVEN)


def run(home: Home) -> int:
    with writer(home):
        return ingest(home, workers=1).exit_code


def landed(home: Home) -> str:
    """Every cell of every Parquet file in landing."""
    return " ".join(str(pq.read_table(p).to_pylist()) for p in home.landing.rglob("*.parquet"))


@pytest.mark.parametrize(
    "options",
    [
        {"detail": {"unique_device_id": "serial"}},
        {"detail": {"sig": "comment"}},
        {"text": "remark"},
    ],
)
def test_declared_identifiers_and_texts_are_refused_by_doctor_and_ingest(
    home: Home, options: dict[str, Any]
) -> None:
    declare(home, **options)
    errors = [str(f.fault.found) for f in examine(home) if f.severity == "error"]
    assert any("would land" in text for text in errors), errors
    assert run(home) != 0
    assert "CANARY" not in landed(home)


def test_undeclared_words_do_not_land_and_are_in_the_books(home: Home) -> None:
    declare(home, text="aside", stop_reason="aside", detail={"note_title": "aside"})
    assert run(home) == 0
    assert check_books(home) == []
    assert "I10" in landed(home) and "CANARY" not in landed(home)


def test_landing_keeps_guarded_fields_out_where_a_connector_does_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited_plan, "withheld", lambda job, options: {})
    declare(home, detail={"note_title": "aside", "npi": "aside"})
    assert run(home) == 0
    assert check_books(home) == []
    assert "I10" in landed(home) and "CANARY" not in landed(home)
