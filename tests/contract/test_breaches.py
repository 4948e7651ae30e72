"""What a provider may not do: each breach is refused, by its own rule, with a sentence to send."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.contract.bank import PERSONS, Bank, Table, changed, clinic, labs, without, write

Breach = tuple[str, Callable[[], Table], str, str]
BREACHES: list[Breach] = [
    (
        "new_codes_share",
        lambda: changed(clinic(), lambda n, r: {"smoker": "7"} if n % 20 == 0 else {}),
        "lake/clinic, variable smoker: 20 of 384 values have a code that the dictionary does not "
        "have: 7. Expected: no code occurs that the dictionary does not have "
        "(new codes share at most 0.0001). "
        "Please say what the code means, or correct the values.",
        "new code",
    ),
    (
        "scale_fold",
        lambda: changed(clinic(), lambda n, r: {"height_cm": f"{float(r['height_cm']) * 10:.0f}"}),
        "lake/clinic, number height_cm: the numbers are 10 times larger than in the last accepted "
        "delivery: 1,700 where there was 170 (400 values). Expected: numbers have the size they "
        "had: their unit did not change (scale fold at most 3). Please check whether their unit "
        "changed, and send them in the unit of the dictionary.",
        "10x unit error",
    ),
    (
        "scale_fold",
        lambda: changed(clinic(), lambda n, r: {"weight_kg": f"{float(r['weight_kg']) / 10:.2f}"}),
        "lake/clinic, number weight_kg: the numbers are 10 times smaller",
        "unit error of a variable with a range",
    ),
    (
        "missing_rise",
        lambda: changed(clinic(), lambda n, r: {"siblings": ""} if n % 9 == 0 else {}),
        "lake/clinic, column siblings: 21.8% of the cells are empty, where it was 11.0% (87 of "
        "400 cells; 2 times as many). Expected: the share of empty cells did not rise (missing "
        "rise at most 1.7). Please check whether values were lost in the extract, and send it "
        "again.",
        "doubled missing rate",
    ),
    (
        "rows_share",
        lambda: clinic()[: PERSONS * 7 // 10],
        "lake/clinic, files clinic.csv: 280 rows, where the last accepted delivery had 400: 30% "
        "fewer. Expected: a full delivery has at least 80 % of the rows of the last one (rows "
        "share at least 0.8). Please check that the extract is complete and send it again.",
        "30 % fewer rows",
    ),
    (
        "type_faults_rise",
        lambda: changed(clinic(), lambda n, r: {"siblings": "many"} if n % 10 == 3 else {}),
        "values are no number, where the dictionary says they are",
        "words for numbers",
    ),
    (
        "shift",
        lambda: changed(clinic(), lambda n, r: {"smoker": "1"} if n % 2 else {}),
        "lake/clinic, variable smoker: the values are distributed otherwise",
        "another selection of persons",
    ),
    (
        "duplicates_rise",
        lambda: [*clinic(), *clinic()[:60]],
        "lake/clinic, source: 60 of 460 (before: 0 of 400) records have the key of another record",
        "repeated keys",
    ),
]


@pytest.mark.parametrize(("rule", "rows", "text", "what"), BREACHES, ids=[b[3] for b in BREACHES])
def test_a_breach_is_refused_by_its_own_rule(
    bank: Bank, rule: str, rows: Callable[[], Table], text: str, what: str
) -> None:
    bank.deliver(rows())
    assert bank("check", "--delivery", "lake") == 13
    judged = bank.judged()
    assert judged["state"] == "refused"
    assert len(judged["breaches"]) == 1, judged["breaches"]
    assert text in judged["breaches"][0]
    assert f'name="{rule}"' in (bank.home.reports / "contract/contract.junit.xml").read_text()


def test_a_refused_delivery_is_no_reference_and_a_clean_one_passes(bank: Bank) -> None:
    bank.deliver(changed(clinic(), lambda n, r: {"height_cm": r["height_cm"] + "0"}))
    assert bank("check", "--delivery") == 13
    assert bank("check", "--delivery") == 13
    bank.deliver(clinic(again=2))
    assert bank("check", "--delivery") == 0
    assert bank.judged()["breaches"] == bank.judged()["warnings"] == []


def test_a_dropped_column_of_files_that_add_is_refused(bank: Bank) -> None:
    write(bank.deliveries / "labs_2.csv", without(labs(2), "method"))
    assert bank("ingest") == 0
    try:
        assert bank("check", "--delivery") == 13
        assert bank.judged()["breaches"] == [
            "lake/labs, files labs_*.csv: 1 column(s) of the last accepted delivery are missing: "
            "method. Expected: no column of the last accepted delivery is missing (missing columns "
            "at most 0). Please send the files with these columns, or tell us that they ended."
        ]
    finally:
        assert bank("check", "--delivery", "--accept", "they are all the same method") == 0


def test_a_dropped_column_of_a_full_delivery_never_gets_into_raw(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would replace the old rows is refused where they are replaced, with exit code 11."""
    write(bank.deliveries / "clinic.csv", without(clinic(again=3), "height_cm"))
    assert bank("ingest") == 11
    assert "1 column(s) of the last delivery are missing: height_cm" in capsys.readouterr().err
    bank.deliver(clinic(again=2))


def test_increments_of_other_persons_pass_and_a_unit_error_in_one_does_not(bank: Bank) -> None:
    write(bank.deliveries / "labs_3.csv", labs(3, n=150))
    assert bank("ingest") == 0
    assert bank("check", "--delivery") == 0
    write(
        bank.deliveries / "labs_4.csv",
        changed(
            labs(4, n=300),
            lambda _n, r: (
                {"value": f"{float(r['value']) * 10:.1f}"} if r["analyte"] == "GLUC" else {}
            ),
        ),
    )
    assert bank("ingest") == 0
    assert bank("check", "--delivery") == 13
    (text,) = bank.judged()["breaches"]
    assert text.startswith("lake/labs, number GLUC [mmol/L]: the numbers are 10")
    assert "54" in text
    assert "5.4" in text
