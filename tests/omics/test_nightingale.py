"""NMR metabolomics in both shapes; flags stay with the values they are about."""

from __future__ import annotations

from pathlib import Path

from tests.omics.delivery import deliver

INFO = """Biomarker,Description,Units,Group,UKB.Field.ID
Total_C,Total Cholesterol,mmol/L,Cholesterol,23400
Glucose,Glucose,mmol/L,Glycolysis,23470
"""


def test_uk_biobank_s_instances_are_samples_and_flags_stay_with_values(tmp_path: Path) -> None:
    (tmp_path / "info.csv").write_text(INFO)
    options = {"features": {"files": "info.csv", "key": "UKB.Field.ID", "name": "Biomarker",
                            "label": "Description", "unit": "Units", "panel": "Group"}}  # fmt: skip
    text = """
        eid,p23400_i0,p23400_i1,p23470_i0,p23700_i0,p23770_i0,p23652_i0,p23649_i0,p23658_i0
        11,4.5,4.9,5.1,,,,490001,2019-12-09
        12,4.7,,,3,4,1,490002,
        13,,,,,,,,
        14,,5.0,,,,,,
    """
    got = deliver(tmp_path / "nmr.csv", "nightingale", options, text, person_id="eid")
    assert got.books == (5, 4, 0, 1), "two samples of one person; one person has none"
    assert got.tally.ignored == {"empty-record": 1, "unread-column": 1}
    columns = ("value", "absent_reason", "qc_flag", "plate_id")
    assert got.values(*columns) == [
        (0, "Glucose", 5.1, None, None, "490001"), (0, "Total_C", 4.5, None, None, "490001"),
        (1, "Glucose", None, "error", "high-lactate=1;value=4", "490002"),
        (1, "Total_C", 4.7, None, "high-lactate=1;value=3", "490002"),
        (2, "Total_C", 4.9, None, None, None), (3, "Total_C", 5.0, None, None, None),
    ]  # fmt: skip
    assert got.persons[0] == got.persons[2] != got.persons[1]
    total = next(f for f in got.features.values() if f["feature"] == "Total_C")
    assert (total["label"], total["unit"], total["panel"], total["kind"]) == (
        "Total Cholesterol", "mmol/L", "Cholesterol", "metabolite",
    )  # fmt: skip


def test_legacy_names_of_uk_biobank_are_the_same_fields(tmp_path: Path) -> None:
    text = "eid,23400-0.0,23700-0.0\n11,4.5,9\n"
    got = deliver(tmp_path / "nmr.csv", "nightingale", text=text, person_id="eid")
    assert got.values("value", "qc_flag") == [(0, "23400", 4.5, "value=9")]


def test_nightingale_s_own_table_keeps_what_was_withheld(tmp_path: Path) -> None:
    text = """
        Sample id,Low_glucose,High_lactate,Total_C,Glucose,ApoB_by_ApoA1
        S1,0,0,4.5,5.1,NDEF
        S2,0,1,TAG,<0.2,0.7
        S2,0,0,1,1,1
    """
    got = deliver(tmp_path / "nmr.csv", "nightingale", text=text, person_id="Sample id")
    columns = ("value", "limit_value", "censored", "absent_reason", "qc_flag")
    assert got.values(*columns) == [
        (0, "ApoB_by_ApoA1", None, None, None, "not-a-number", None),
        (0, "Glucose", 5.1, None, None, None, None),
        (0, "Total_C", 4.5, None, None, None, None),
        (1, "ApoB_by_ApoA1", 0.7, None, None, None, "high-lactate=1"),
        (1, "Glucose", None, 0.2, "left", None, "high-lactate=1"),
        (1, "Total_C", None, None, None, "error", "high-lactate=1"),
    ]
    assert got.rejects == [(4, "", "duplicate-sample")]


def test_only_biomarkers_by_name_or_declaration_land(tmp_path: Path) -> None:
    """A number that Nightingale does not measure may be anything of a person."""
    text = """
        Sample id,NHS number,Age,Gp,XXL-VLDL-PL_%,ApoB/ApoA1,Omega_3_pct,Total BCAA
        S1,9434765919,61,7,0.1,0.2,0.3,0.4
        S2,9434765870,,,1,2,3,4
    """
    path = tmp_path / "nmr.csv"
    got = deliver(path, "nightingale", text=text, person_id="Sample id")
    names = {"XXL-VLDL-PL_%", "ApoB/ApoA1", "Omega_3_pct", "Total BCAA"}
    assert {f["feature"] for f in got.features.values()} == names
    assert got.tally.ignored == {"undeclared-column": 4}
    assert got.tally.warnings == {"column-ignored:undeclared-column": 3}
    options = {"feature_columns": ["Gp"]}
    got = deliver(path, "nightingale", options, text, person_id="Sample id")
    assert {f["feature"] for f in got.features.values()} == {*names, "Gp"}
