"""What each table of the OMOP CDM lands as: kind, key, times, and where its columns go.

Column names are those of CDM 5.4 (survey_conduct: 6.0). A column without a place of its own in
raw.event or raw.record lands in raw.detail under its own name. Costs, relations and parts of
episodes name no person: parent_record_id leads to the record whose person is theirs, and
staging.record_owner follows it, whichever was delivered first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from biobraid.core.omop import table_fields
from biobraid.ingest.connectors.omop_columns import IGNORED_TABLES

_NUMBERS = ("BIGINT", "INTEGER", "DOUBLE")
Shape = Literal["person", "event", "record"]


@dataclass(frozen=True)
class CdmTable:
    """One CDM table.

    key: its id column; without one the whole row is the key. start, end: (date, datetime)
    columns. columns: column of raw.event or raw.record -> CDM column. references: CDM column ->
    table it leads to. pointers: CDM column -> column that says to which table it leads.
    """

    name: str
    shape: Shape
    kind: str
    key: str | None
    needs: tuple[str, ...] = ()  # columns without which the file is another table's
    has_person: bool = True
    start: tuple[str, str] | None = None
    end: tuple[str, str] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    pointers: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()  # all columns of the standard
    numbers: frozenset[str] = frozenset()  # those that hold ids and other numbers


_OWN_REFERENCES = {
    "provider_id": "provider", "care_site_id": "care_site", "location_id": "location",
    "visit_occurrence_id": "visit_occurrence", "visit_detail_id": "visit_detail",
    "preceding_visit_occurrence_id": "visit_occurrence", "parent_visit_detail_id": "visit_detail",
    "preceding_visit_detail_id": "visit_detail", "episode_id": "episode",
    "episode_parent_id": "episode", "payer_plan_period_id": "payer_plan_period",
    "response_visit_occurrence_id": "visit_occurrence",
}  # fmt: skip
_OWN_PLACES = {
    "visit_record_id": "visit_occurrence_id",
    "visit_detail_record_id": "visit_detail_id",
    "provider_record_id": "provider_id",
    "care_site_record_id": "care_site_id",
}


# A line for each table: name, shape, kind, key=none where the whole row is the key, stem of the
# start and end columns. Below it: columns without which the file is not this table (beyond
# key, person and start), column of raw.event or raw.record = CDM column, and pointer -> column
# that says to which table it leads.
_TABLES = """
person person person
    needs=gender_concept_id needs=year_of_birth
visit_occurrence event visit start=visit_start end=visit_end
    needs=visit_concept_id concept_id=visit_concept_id
    source_concept_id=visit_source_concept_id type_concept_id=visit_type_concept_id
    code=visit_source_value admitted_from=admitted_from_source_value
    discharged_to=discharged_to_source_value parent_record_id=preceding_visit_occurrence_id
visit_detail event visit_detail start=visit_detail_start end=visit_detail_end
    needs=visit_detail_concept_id concept_id=visit_detail_concept_id
    source_concept_id=visit_detail_source_concept_id
    type_concept_id=visit_detail_type_concept_id code=visit_detail_source_value
    admitted_from=admitted_from_source_value discharged_to=discharged_to_source_value
    parent_record_id=parent_visit_detail_id
condition_occurrence event condition start=condition_start end=condition_end
    needs=condition_concept_id concept_id=condition_concept_id
    source_concept_id=condition_source_concept_id type_concept_id=condition_type_concept_id
    code=condition_source_value qualifier_concept_id=condition_status_concept_id
    qualifier_code=condition_status_source_value stop_reason=stop_reason
drug_exposure event drug start=drug_exposure_start end=drug_exposure_end
    needs=drug_concept_id concept_id=drug_concept_id source_concept_id=drug_source_concept_id
    type_concept_id=drug_type_concept_id code=drug_source_value
    qualifier_concept_id=route_concept_id qualifier_code=route_source_value
    stop_reason=stop_reason quantity=quantity days_supply=days_supply refills=refills
    dose_unit=dose_unit_source_value lot_number=lot_number
procedure_occurrence event procedure start=procedure end=procedure_end
    needs=procedure_concept_id concept_id=procedure_concept_id
    source_concept_id=procedure_source_concept_id type_concept_id=procedure_type_concept_id
    code=procedure_source_value qualifier_concept_id=modifier_concept_id
    qualifier_code=modifier_source_value quantity=quantity
device_exposure event device start=device_exposure_start end=device_exposure_end
    needs=device_concept_id concept_id=device_concept_id
    source_concept_id=device_source_concept_id type_concept_id=device_type_concept_id
    code=device_source_value unit_concept_id=unit_concept_id unit=unit_source_value
    quantity=quantity
measurement event measurement start=measurement
    needs=measurement_concept_id concept_id=measurement_concept_id
    source_concept_id=measurement_source_concept_id
    type_concept_id=measurement_type_concept_id code=measurement_source_value
    unit_concept_id=unit_concept_id unit=unit_source_value value=value_as_number
    value_concept_id=value_as_concept_id value_source=value_source_value range_low=range_low
    range_high=range_high operator_concept_id=operator_concept_id
    parent_record_id=measurement_event_id measurement_event_id->meas_event_field_concept_id
observation event observation start=observation
    needs=observation_concept_id concept_id=observation_concept_id
    source_concept_id=observation_source_concept_id
    type_concept_id=observation_type_concept_id code=observation_source_value
    unit_concept_id=unit_concept_id unit=unit_source_value value=value_as_number
    value_concept_id=value_as_concept_id value_source=value_source_value
    qualifier_concept_id=qualifier_concept_id qualifier_code=qualifier_source_value
    parent_record_id=observation_event_id observation_event_id->obs_event_field_concept_id
death event death key=none start=death
    type_concept_id=death_type_concept_id concept_id=cause_concept_id code=cause_source_value
    source_concept_id=cause_source_concept_id
specimen event specimen start=specimen
    needs=specimen_concept_id qualifier_concept_id=anatomic_site_concept_id
    qualifier_code=anatomic_site_source_value unit_concept_id=unit_concept_id
    unit=unit_source_value concept_id=specimen_concept_id
    type_concept_id=specimen_type_concept_id code=specimen_source_value quantity=quantity
note event note start=note
    concept_id=note_class_concept_id type_concept_id=note_type_concept_id
    parent_record_id=note_event_id code=note_source_value
    note_event_id->note_event_field_concept_id
survey_conduct event survey start=survey_start end=survey_end
    concept_id=survey_concept_id source_concept_id=survey_source_concept_id
    code=survey_source_value
episode event episode start=episode_start end=episode_end
    needs=episode_concept_id concept_id=episode_concept_id
    source_concept_id=episode_source_concept_id type_concept_id=episode_type_concept_id
    code=episode_source_value parent_record_id=episode_parent_id
condition_era event condition_era start=condition_era_start end=condition_era_end
    concept_id=condition_concept_id quantity=condition_occurrence_count
drug_era event drug_era start=drug_era_start end=drug_era_end
    concept_id=drug_concept_id quantity=drug_exposure_count value=gap_days
dose_era event dose_era start=dose_era_start end=dose_era_end
    concept_id=drug_concept_id unit_concept_id=unit_concept_id value=dose_value
observation_period record observation_period start=observation_period_start end=observation_period_end
    needs=observation_period_start_date needs=observation_period_end_date
payer_plan_period record payer_plan_period start=payer_plan_period_start end=payer_plan_period_end
cost record cost
    needs=cost_event_id needs=cost_domain_id parent_record_id=cost_event_id
    cost_event_id->cost_domain_id
fact_relationship record fact_relationship key=none
    needs=domain_concept_id_1 needs=fact_id_1 needs=domain_concept_id_2 needs=fact_id_2
    parent_record_id=fact_id_1 fact_id_1->domain_concept_id_1 fact_id_2->domain_concept_id_2
episode_event record episode_event key=none
    needs=episode_id needs=event_id parent_record_id=episode_id
    event_id->episode_event_field_concept_id
location record location
care_site record care_site
    label=care_site_name
provider record provider
    label=provider_name
metadata record metadata key=none start=metadata
    needs=name label=name
"""


def _read(text: str) -> Iterator[CdmTable]:
    for block in re.split(r"\n(?=\S)", text.strip()):
        head, *body = block.splitlines()
        name, shape, kind, *rest = head.split()
        named = dict(word.split("=") for word in rest)
        words = " ".join(body).split()
        places = [word.split("=") for word in words if "=" in word]
        needs = [column for place, column in places if place == "needs"]
        pointers = dict(word.split("->") for word in words if "->" in word)
        columns = {place: column for place, column in places if place != "needs"}
        yield _table(name, cast(Shape, shape), kind, named, needs, columns, pointers)


def _table(
    name: str,
    shape: Shape,
    kind: str,
    named: Mapping[str, str],
    needs: Sequence[str],
    columns: dict[str, str],
    pointers: Mapping[str, str],
) -> CdmTable:
    fields = table_fields(name)
    names = tuple(f.name for f in fields)
    key = None if named.get("key") == "none" else f"{name}_id"
    start, end = (
        (f"{named[which]}_date", f"{named[which]}_datetime") if which in named else None
        for which in ("start", "end")
    )
    has_person = "person_id" in names
    first = [] if key is None else [key]
    if has_person and key != "person_id":
        first.append("person_id")
    if shape == "event":
        if start and name != "survey_conduct":  # the end is what CDM 6 requires there
            first.append(start[0])
        own = {k: v for k, v in _OWN_PLACES.items() if v in names and v != key}
        columns = own | columns
    return CdmTable(
        name=name,
        shape=shape,
        kind=kind,
        key=key,
        needs=tuple(dict.fromkeys([*first, *needs])),
        has_person=has_person,
        start=start,
        end=end,
        columns=columns,
        references={c: t for c, t in _OWN_REFERENCES.items() if c in names and c != key},
        pointers=pointers,
        names=frozenset(names),
        numbers=frozenset(f.name for f in fields if f.type in _NUMBERS),
    )


TABLES: dict[str, CdmTable] = {table.name: table for table in _read(_TABLES)}
EVERY_TABLE: tuple[str, ...] = (*TABLES, *IGNORED_TABLES)
