"""mapping.csv: rows per source, keys of facts, absent codes, and every fault at once."""

from __future__ import annotations

import pytest

from biobraid.core.errors import MappingError
from biobraid.core.home import Home
from biobraid.core.keys import concept_key
from biobraid.ingest.dictionaries import read_dictionary
from biobraid.ingest.mappings import StudyMapping, examine_mapping, load_mapping
from tests.dictionaries.packs import small_study

DICTIONARY = """
variable,label,type,unit,allowed_values,instance_rule
weight,Weight,number,lb,,
height,Height,number,cm,,
smoking,Smokes,code,,1=yes|2=no|-3=prefer not to answer,
"""


def mapping_of(home: Home, rows: str) -> StudyMapping:
    """Everything that can be said about a mapping.csv with these rows."""
    study = small_study(home, dictionary=DICTIONARY, mapping=rows)
    return examine_mapping(home, study, read_dictionary(home, study)[0])


def test_a_row_for_all_sources_is_expanded_and_a_sources_own_row_wins(home: Home) -> None:
    found = mapping_of(
        home,
        """
        *,height,,3036277,Measurement,8582,,direct,,,APPROVED,
        hospital,height,,0,Measurement,,,direct,,,UNCHECKED,
        """,
    )
    assert not found.faults
    assert [(m.source, m.target_concept_id) for m in found.mappings] == [
        ("hospital", 0),
        ("survey", 3036277),
    ]


def test_scale_arguments_are_parsed(home: Home) -> None:
    found = mapping_of(
        home,
        """
        survey,weight,,3025315,Measurement,9529,,scale,0.45359237,,APPROVED,
        survey,height,,3036277,Measurement,8582,,scale,"2,-1",,APPROVED,
        """,
    )
    scales = {m.variable: (m.scale_factor, m.scale_offset) for m in found.mappings}
    assert scales == {"weight": (0.45359237, 0.0), "height": (2.0, -1.0)}


def test_several_facts_of_one_code_have_ordinals_and_keys_of_their_own(home: Home) -> None:
    found = mapping_of(
        home,
        """
        survey,smoking,1,0,Observation,,,direct,,,APPROVED,
        survey,smoking,1,0,Condition,,,direct,,,APPROVED,
        survey,smoking,1,0,Observation,,4329847,direct,,,APPROVED,
        survey,smoking,1,4329847,Condition,,,direct,,,APPROVED,
        """,
    )
    assert not found.faults
    assert [m.target_ordinal for m in found.mappings] == [1, 2, 3, 4]
    assert [m.id_key for m in found.mappings] == [
        0,
        0,
        concept_key("observation#2", 0),
        concept_key("condition_occurrence", 4329847),
    ]


def test_a_code_may_mean_absent(home: Home) -> None:
    found = mapping_of(home, "survey,smoking,-3,,,,,direct,,asked-declined,APPROVED,")
    assert not found.mappings
    assert [(a.variable, a.code, a.absent_reason) for a in found.absent] == [
        ("smoking", "-3", "asked-declined")
    ]


def test_the_concepts_own_domain_decides_the_table(home: Home) -> None:
    found = mapping_of(home, "survey,smoking,1,4329847,Observation,,,direct,,,APPROVED,")
    assert found.mappings[0].target_domain_id == "Condition"
    assert found.mappings[0].id_key == concept_key("condition_occurrence", 4329847)
    assert any("the domain of concept 4329847 is Condition" in w.found for w in found.warnings)


def test_a_person_row_names_a_column_or_an_attribute(home: Home) -> None:
    found = mapping_of(
        home,
        """
        survey,height,,0,Person,,,direct,year_of_birth,,APPROVED,
        survey,smoking,,0,Person,,,direct,attribute:smoking:survey,,APPROVED,
        """,
    )
    assert not found.faults
    assert {m.rule_arg for m in found.mappings} == {"year_of_birth", "attribute:smoking:survey"}


def test_a_unit_that_would_be_stored_unscaled_is_a_warning_with_the_factor(home: Home) -> None:
    found = mapping_of(home, "survey,weight,,3025315,Measurement,9529,,direct,,,APPROVED,")
    warning = next(w for w in found.warnings if "[lb_us] becomes kg" in w.found)
    assert warning.expected == "factor 0.453592"


def test_an_unknown_variable_is_a_warning_with_near_misses(home: Home) -> None:
    found = mapping_of(
        home,
        """
        survey,heigth,,3036277,Measurement,8582,,direct,,,APPROVED,
        hospital,ICD10,I21,4329847,Condition,,,direct,,,APPROVED,
        hospital,small:hospital,X,0,Condition,,,direct,,,APPROVED,
        """,
    )
    assert len(found.warnings) == 1
    assert found.warnings[0].suggestions[0] == "height"


def test_all_faults_of_a_mapping_come_at_once(home: Home) -> None:
    found = mapping_of(
        home,
        """
        survei,height,,3036277,Measurement,8582,,direct,,,APPROVED,
        survey,height,,three,Measurement,8582,,direct,,,APPROVED,
        survey,height,,999999999,Measurement,8582,,direct,,,APPROVED,
        survey,height,,3036277,Mesurement,8582,,direct,,,APPROVED,
        survey,height,,3036277,Measurement,8507,,direct,,,APPROVED,
        survey,height,,3036277,Measurement,8582,,dirct,,,APPROVED,
        survey,height,,3036277,Measurement,8582,,scale,ten,,APPROVED,
        survey,smoking,-3,,,,,direct,,asked-decline,APPROVED,
        survey,smoking,,,,,,direct,,unknown,APPROVED,
        survey,smoking,1,0,Observation,,,direct,,,APROVED,
        survey,smoking,,0,Person,,,direct,year_birth,,APPROVED,
        survey,smoking,2,,,,,direct,,,APPROVED,
        survey,smoking,1,0,Observation,,,direct,,,APPROVED,first
        survey,smoking,1,0,Observation,,,direct,,,UNCHECKED,again
        survey,smoking,1,,,,,direct,,unknown,APPROVED,
        """,
    )
    text = "\n".join(fault.text() for fault in found.faults)
    for said in (
        "row 2: there is no source 'survei'",
        "row 3: target_concept_id 'three' is not a concept id",
        "row 4: target_concept_id 999999999 is not in the vocabulary",
        "a concept of biobraid starter 1",
        "row 5: there is no domain 'Mesurement'",
        "Did you mean: Measurement",
        "row 6: unit_concept_id 8507 is not a unit: its domain is Gender",
        "row 7: there is no rule 'dirct'",
        "Did you mean: direct",
        "row 8: scale argument 'ten' cannot be used",
        "row 9: there is no absent reason 'asked-decline'",
        "row 10: absent_reason without a source_code",
        "row 11: there is no status 'APROVED'",
        "row 12: Person cannot take 'year_birth'",
        "row 13: no target_concept_id",
        "row 15: repeats row 14",
        "row 16: code '1' of smoking is both absent and mapped",
    ):
        assert said in text, said


def test_load_mapping_raises_all_faults(home: Home) -> None:
    study = small_study(home, mapping="survey,a,,x,,,,direct,,,,\nsurvey,b,,y,,,,direct,,,,")
    with pytest.raises(MappingError) as caught:
        load_mapping(home, study, [])
    assert caught.value.exit_code == 10
    assert {fault.where for fault in caught.value.faults} == {
        "studies/small/mapping.csv, row 2",
        "studies/small/mapping.csv, row 3",
    }


def test_an_age_in_parts_of_a_year_becomes_an_age_in_years(home: Home) -> None:
    found = mapping_of(
        home,
        """
        survey,height,,0,Person,,,direct,age/12,,APPROVED,
        hospital,height,,0,Person,,,direct,age/100,,APPROVED,
        """,
    )
    assert not found.faults
    assert {(m.source, m.rule, m.rule_arg, m.scale_factor) for m in found.mappings} == {
        ("survey", "scale", "age", 1 / 12),
        ("hospital", "scale", "age", 0.01),
    }


def test_an_age_in_parts_that_are_none_is_a_fault(home: Home) -> None:
    found = mapping_of(home, "survey,height,,0,Person,,,direct,age/0,,APPROVED,")
    assert "Person cannot take 'age/0'" in found.faults[0].text()
