"""dictionary.csv: what it promises, per source, and every fault at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.core.home import Home
from biobraid.core.study import read_study
from biobraid.ingest.dictionaries import load_variables, read_dictionary
from tests.dictionaries.packs import small_study, write_pack

GOOD = """
variable,label,type,unit,allowed_values,instance_rule,source
smoking,Smokes,code,,1=yes|2=no|-3=prefer not to answer,,
height,Height,number,inches,0..300,time:visit_date,
visit_date,Date of visit,date,,,once,
remarks,Anything else,text,,,,
height,Height in hospital,number,cm,,,hospital
"""


def test_a_dictionary_says_types_units_codes_and_free_text(home: Home) -> None:
    study = small_study(home, dictionary=GOOD)
    survey = load_variables(home, study, "survey")
    assert survey["smoking"].codes == {"1": "yes", "2": "no", "-3": "prefer not to answer"}
    assert survey["height"].value_type == "number"
    assert survey["height"].unit == "inches"
    assert survey["height"].codes == {}
    assert survey["remarks"].is_free_text
    assert not survey["smoking"].is_free_text


def test_a_sources_own_row_wins_over_the_row_for_all_sources(home: Home) -> None:
    study = small_study(home, dictionary=GOOD)
    assert load_variables(home, study, "hospital")["height"].unit == "cm"
    assert load_variables(home, study, "hospital")["smoking"].label == "Smokes"


def test_units_are_read_as_ucum_and_the_time_variable_is_kept(home: Home) -> None:
    variables, _ = read_dictionary(home, small_study(home, dictionary=GOOD))
    height = next(v for v in variables if v.variable == "height" and v.source is None)
    assert (height.ucum_unit, height.time_variable) == ("[in_i]", "visit_date")


def test_a_code_that_only_the_mapping_names_is_allowed(home: Home) -> None:
    mapping = "survey,smoking,-9,,,,,direct,,unknown,APPROVED,"
    study = small_study(home, dictionary=GOOD, mapping=mapping)
    assert "-9" in load_variables(home, study, "survey")["smoking"].codes
    assert "-9" not in load_variables(home, study, "hospital")["smoking"].codes


def test_all_faults_of_a_dictionary_come_at_once(home: Home) -> None:
    study = small_study(
        home,
        dictionary="""
variable,label,type,unit,allowed_values,instance_rule,source
a,A,nummber,,,,
b,B,code,,1=x|1=y,,
c,C,date,,1=x,,
d,D,number,,,time:visit_dat,
d,D,number,,,,
visit_date,V,date,,,sometimes,
e,E,number,,,,survei
,F,number,,,,
""",
    )
    with pytest.raises(SettingsError) as caught:
        read_dictionary(home, study)
    text = str(caught.value)
    assert len(caught.value.faults) == 8
    for said in (
        "line 2: there is no type 'nummber'",
        "Did you mean: number",
        "line 3: allowed_values of 'b' repeat",
        "line 4: a date has no codes",
        "line 5: time variable 'visit_dat' is not in the dictionary",
        "Did you mean: visit_date",
        "line 6: variable 'd' already stands on line 5",
        "line 7: there is no instance rule 'sometimes'",
        "line 8: the study has no source 'survei'",
        "Did you mean: survey",
        "line 9: no variable is named",
    ):
        assert said in text


def test_a_header_with_a_wrong_name_offers_the_right_one(home: Home) -> None:
    study = small_study(home, dictionary="variable,labl,type\na,A,number\n")
    with pytest.raises(SettingsError) as caught:
        read_dictionary(home, study)
    assert "there is no column 'labl'" in str(caught.value)
    assert "Did you mean: label" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"variable,label,type\na,\xff,number\n", "is not UTF-8"),
        (b"variable,label,type,type\na,A,number,number\n", "'type' stands there twice"),
        (b"variable,label,type\na,A,number,extra\n", "has 4 fields"),
    ],
)
def test_a_damaged_dictionary_is_a_fault_and_no_traceback(
    home: Home, content: bytes, said: str
) -> None:
    study = small_study(home)
    (home.studies / "small" / "dictionary.csv").write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        read_dictionary(home, study)


def test_a_study_without_a_dictionary_has_no_variables(home: Home) -> None:
    assert read_dictionary(home, small_study(home)) == ([], [])


@pytest.mark.shared
def test_showcase_files_are_read_and_own_rows_stand_in_for_theirs(
    home: Home, shared_data: Path
) -> None:
    pack = write_pack(
        home,
        study_yaml="""
id: small
name: x
release: "1"
licence: none
time_zone: UTC
dictionary: {format: ukb-showcase, fields: ["*Showcase.tsv"], codings: ["*Codings.tsv"]}
sources: {main: {connector: ukb, files: ["*.tsv"]}}
""",
        dictionary="variable,label,type\n31,Sex as we say it,integer\n",
    )
    for name in ("dummy_Data_Dictionary_Showcase.tsv", "dummy_Codings.tsv"):
        (pack / name).write_bytes((shared_data / "ukb" / name).read_bytes())
    variables = load_variables(home, read_study(pack), "main")
    assert variables["31"].label == "Sex as we say it"
    assert variables["31"].codes == {}
    assert len(variables) > 5


def test_a_showcase_file_that_is_not_there_is_a_fault(home: Home) -> None:
    pack = write_pack(
        home,
        study_yaml="""
id: small
name: x
release: "1"
licence: none
time_zone: UTC
dictionary: {format: ukb-showcase, fields: ["field*.txt"], codings: ["encoding*.txt"]}
sources: {main: {connector: ukb, files: ["*.tsv"]}}
""",
    )
    with pytest.raises(SettingsError) as caught:
        read_dictionary(home, read_study(pack))
    assert len(caught.value.faults) == 2
