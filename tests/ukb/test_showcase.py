"""UK Biobank's dictionaries in all their forms, and what a code's absence means."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.core.schemas import ABSENT_REASONS
from biobraid.ingest.dictionaries import ukb_facts
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.dictionaries.ukb_showcase import read_showcase

DICTIONARY = """\
Path\tCategory\tFieldID\tField\tValueType\tUnits\tCoding\tNotes
Base\t1\t31\tSex\tCategorical single\tNA\t9\tSaid "so
Base\t1\t21001\tBody mass index (BMI)\tContinuous\tKg/m2\tNA\t a "bare quote
Base\t1\t6138\tQualifications\tCategorical multiple\tNA\t100305\t
Base\t1\t40000\tDate of death\tDate\tNA\tNA\t
"""
CODINGS = """\
Coding\tValue\tMeaning
9\t0\tFemale
9\t1\tMale
100305\t1\tCollege or University degree
100305\t-7\tNone of the above
100305\t-3\tPrefer not to answer
777\t5\tof no field
"""
SCHEMA = """\
field_id\ttitle\tvalue_type\titem_type\tunits\tencoding_id\tnotes
31\tSex\t21\t0\t\t9\tSaid "so
21001\tBody mass index (BMI)\t31\t0\tKg/m2\t0\t
6138\tQualifications\t22\t0\t\t100305\t
40000\tDate of death\t51\t0\t\t0\t
"""
RAP_FIELDS = """\
entity,name,type,primary_key_type,coding_name,is_sparse_coding,is_multi_select,title,units
participant,eid,string,global,,,,Participant ID,
participant,p31,integer,,data_coding_9,,,Sex,
participant,p21001_i0,float,,,,,Body mass index (BMI) | Instance 0,Kg/m2
participant,p21001_i1,float,,,,,Body mass index (BMI) | Instance 1,Kg/m2
participant,p6138_i0,integer,,data_coding_100305,,yes,"Qualifications | Instance 0",
participant,p40000_i0,date,,,,,Date of death | Instance 0,
hesin,eid,string,,,,,Participant ID,
"""
RAP_CODINGS = """\
coding_name,code,meaning,display_order
data_coding_9,0,Female,1
data_coding_9,1,Male,2
data_coding_100305,1,College or University degree,1
data_coding_100305,-7,None of the above,2
data_coding_100305,-3,Prefer not to answer,3
"""


def written(path: Path, text: str) -> Path:
    body = text.encode()
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    return path


def as_csv(tsv: str) -> str:
    rows = [line.split("\t") for line in tsv.splitlines()]
    quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
    return "".join(",".join(row) + "\n" for row in quoted)


FORMS = {
    "Showcase tsv": ("d.tsv", DICTIONARY, "Codings.tsv", CODINGS),
    "Showcase csv": ("d.csv", as_csv(DICTIONARY), "Codings.csv", as_csv(CODINGS)),
    "schema": ("field.txt", SCHEMA, "Codings.tsv", CODINGS),
    "schema gz": ("field.txt.gz", SCHEMA, "Codings.tsv", CODINGS),
    "RAP": ("x.data_dictionary.csv", RAP_FIELDS, "x.codings.csv", RAP_CODINGS),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str, tmp_path: Path) -> None:
    fields, field_text, codings, coding_text = FORMS[form]
    variables, codes = read_showcase(
        [written(tmp_path / fields, field_text)], [written(tmp_path / codings, coding_text)]
    )
    assert variables == [
        VariableRow("31", "Sex", "code"),
        VariableRow(
            "21001", "Body mass index (BMI)", "number", "Kg/m2", "kg/m2", time_variable="53"
        ),
        VariableRow("6138", "Qualifications", "multicode", time_variable="53"),
        VariableRow("40000", "Date of death", "date", time_variable="40000"),
    ]
    assert codes == [
        CodeRow("31", "0", "Female"),
        CodeRow("31", "1", "Male"),
        CodeRow("6138", "1", "College or University degree"),
        CodeRow("6138", "-7", "None of the above"),
        CodeRow("6138", "-3", "Prefer not to answer", "asked-declined"),
    ]


def test_without_codings_the_known_missing_codes_remain(tmp_path: Path) -> None:
    names = written(tmp_path / "encoding.txt", "encoding_id\ttitle\n9\tSex\n")
    _, codes = read_showcase([written(tmp_path / "field.txt", SCHEMA)], [names])
    assert codes == [CodeRow("6138", "-3", None, "asked-declined")]


def test_one_coding_of_a_file_of_its_own(tmp_path: Path) -> None:
    coding = written(tmp_path / "coding9.tsv", "coding\tmeaning\tnode_id\n0\tFemale\t1\n")
    _, codes = read_showcase([written(tmp_path / "field.txt", SCHEMA)], [coding], only={"31"})
    assert codes == [CodeRow("31", "0", "Female")]


def test_codes_mean_absent_by_their_encoding() -> None:
    reason = ukb_facts.absent_reason
    assert reason("100291", "-1", None) == "asked-unknown"
    assert reason("100291", "-3", None) == "asked-declined"
    assert reason("1010", "-11", None) == "asked-unknown"
    assert reason("819", "1902-02-02", None) == "masked"
    # -10 is less than one and -7 none of the above: values, wherever they stand.
    assert reason("100291", "-10", "Less than one") is None
    assert reason("100305", "-7", "None of the above") is None
    # The same code is a value under another encoding.
    assert reason("100260", "7", None) == "not-performed"
    assert reason("100305", "7", None) is None
    # The Showcase writes integers of some encodings as decimals.
    assert reason("13", "-1.000", "Date uncertain or unknown") == "asked-unknown"


def test_a_published_meaning_says_why() -> None:
    reason = ukb_facts.absent_reason
    assert reason("1914", "0", None) == "unknown"
    assert reason("1914", "0", "None of the above") is None
    assert reason("100313", "-3", "Prefer not to answer") == "asked-declined"
    assert reason("424242", "-3", "Prefer not to answer") == "asked-declined"
    assert reason("424242", "-3", "Three below") is None


def test_every_shipped_reason_is_a_fhir_code() -> None:
    reasons = {r for codes in ukb_facts.missing_codes().values() for r in codes.values()}
    assert reasons <= set(ABSENT_REASONS)
    assert not any(code == "-10" for codes in ukb_facts.missing_codes().values() for code in codes)


def test_what_dates_a_field() -> None:
    def by(field: int) -> tuple[int, str] | None:
        found = ukb_facts.date_field(field)
        return (found.field, found.aligned_by) if found else None

    assert by(21001) == (53, "instance")
    assert by(40008) == (40005, "instance")
    assert by(40002) == (40000, "instance")
    assert by(41271) == (41281, "array")
    assert by(20433) == (20400, "instance")
    assert by(130001) == (130000, "instance")
    assert by(31) is None and by(33) is None and by(40009) is None


def test_which_fields_hold_file_names_or_free_text() -> None:
    assert ukb_facts.is_bulk(20252) and ukb_facts.is_bulk(90001)
    assert not ukb_facts.is_bulk(21001)
    assert ukb_facts.is_free_text(40010) and not ukb_facts.is_free_text(41270)


def test_files_of_another_kind_are_all_named(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{n}.csv", "a,b\n1,2\n") for n in "xy"]
    with pytest.raises(SettingsError) as error:
        read_showcase(files[:1], files[1:])
    assert [f.where for f in error.value.faults] == ["x.csv", "y.csv"]


@pytest.mark.shared
def test_the_shipped_facts_are_those_of_the_field_list(shared_data: Path, tmp_path: Path) -> None:
    from biobraid.ingest.dictionaries.make_ukb_facts import FOLDER, read_fields, write_facts

    write_facts(read_fields(shared_data / "ukb_showcase_schema" / "field.txt.gz"), tmp_path)
    for made in tmp_path.iterdir():
        assert made.read_text() == (FOLDER / made.name).read_text()


@pytest.mark.shared
def test_the_whole_field_list(shared_data: Path) -> None:
    schema = shared_data / "ukb_showcase_schema"
    variables, codes = read_showcase(
        [schema / "field.txt.gz"], [schema / "encoding.txt", schema / "coding3.tsv"]
    )
    assert len(variables) == 11_821
    assert ("20001", "1002") in {(c.variable, c.code) for c in codes}
    assert {c.absent_reason for c in codes if c.variable == "1558"} == {"asked-declined"}
