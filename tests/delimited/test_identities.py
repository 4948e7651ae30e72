"""Identifiers go to the vault only; birth date and sex land as far as the study allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import deliver, person

BMI = Variable("bmi", value_type="number")
IDENTITY = {
    "nhs": "nhs_number",
    "name": "full_name",
    "born": "birth_date",
    "sex": "sex",
    "eid": "map_id:ukb",
}
GIVEN = """
  id,nhs,name,born,sex,eid,bmi
  1,943 476 5919,Ann Smith,17/03/1961,F,1000123,21
"""


def read(tmp_path: Path, text: str = GIVEN, **given: Any) -> Any:
    return deliver(
        tmp_path / "f.csv", text, variables=[BMI], record_key=["id"], date_order="dmy",
        identity=IDENTITY, **given,
    )  # fmt: skip


def test_identifiers_reach_the_vault_and_no_landing_table(tmp_path: Path) -> None:
    got = read(tmp_path)
    assert got.identities == sorted(
        [
            ("native_id", "1"),
            ("nhs_number", "943 476 5919"),
            ("full_name", "Ann Smith"),
            ("birth_date", "1961-03-17"),
            ("sex", "F"),
            ("map_id:ukb", person("1000123", "ukb")),
        ]
    )
    landed = str(got.tables)
    assert not any(secret in landed for secret in ("943", "Ann", "17/03", "03-17", "1000123"))
    assert got.tally.facts_to_vault == 3


@pytest.mark.parametrize(
    ("precision", "born"), [("year", "1961"), ("month", "1961-03"), ("day", "1961-03-17")]
)
def test_birth_dates_land_at_the_declared_precision(
    tmp_path: Path, precision: Literal["year", "month", "day"], born: str
) -> None:
    got = read(tmp_path, study={"birth_precision": precision})
    assert got.values == [("bmi", "21"), ("born", born), ("sex", "F")]


def test_partial_birth_dates_stay_partial(tmp_path: Path) -> None:
    text = GIVEN.replace("17/03/1961", "03/1961")
    got = read(tmp_path, text, study={"birth_precision": "day"})
    assert ("born", "1961-03") in got.values
    assert ("birth_date", "1961-03") in got.identities


def test_a_birth_date_that_does_not_exist_is_rejected_but_kept_in_the_vault(tmp_path: Path) -> None:
    got = read(tmp_path, GIVEN.replace("17/03/1961", "31/02/1961"))
    assert got.rejects == [(2, "born", "invalid-date")]
    assert ("birth_date", "31/02/1961") in got.identities
    assert got.values == [("bmi", "21"), ("sex", "F")]


def test_a_file_of_identifiers_alone_balances(tmp_path: Path) -> None:
    text = "id,nhs\n1,943\n1,943\n2,944"
    for key in (["id", "nhs"], []):
        got = deliver(tmp_path / "f.csv", text, record_key=key, identity={"nhs": "nhs_number"})
        assert got.tables.get("raw.value") is None
        assert got.tally.facts_to_vault == 3


def test_one_native_id_row_a_person_across_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "biobraid.ingest.tabular.text_table.open_text_table.__kwdefaults__",
        {"columns": None, "block_bytes": 64, "where": ""},
    )
    rows = "\n".join(f"{i % 3},{i}" for i in range(200))
    got = deliver(tmp_path / "f.csv", f"id,bmi\n{rows}", variables=[BMI])
    assert got.identities == [("native_id", "0"), ("native_id", "1"), ("native_id", "2")]
    assert len(got.values) == 200
