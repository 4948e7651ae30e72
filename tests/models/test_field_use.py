"""What of the delivered records and fields a model reads, and what is left over and counted."""

from __future__ import annotations

import re

from tests.models.conftest import Build
from tests.models.warehouse import MODELS, model_query

PLANTED = """
  raw.record
  person | kind              | record_id | row_id | start_time
  -------+-------------------+-----------+--------+-----------
         | care_site         | 11        | 1      |
  1      | payer_plan_period | 12        | 2      | 2019-01-01
  1      | horoscope         | 13        | 3      |

  raw.detail
  person | kind              | record_id | field               | value
  -------+-------------------+-----------+---------------------+------
         | care_site         | 11        | location_id         | 5
         | care_site         | 11        | location_id         | 6
         | care_site         | 11        | shoe_size           | 42
  1      | payer_plan_period | 12        | payer_source_value  | NHS
  1      | payer_plan_period | 12        | sig                 | daily
  1      | drug              | 14        | sig                 | daily
"""


def test_a_field_or_kind_that_no_model_reads_is_counted(build: Build) -> None:
    assert (
        build("stem.leftover", PLANTED)
        == """
      study | source | kind              | field       | reason         | n_rows
      ------+--------+-------------------+-------------+----------------+-------
      s     | main   | care_site         | location_id | field-repeated | 1
      s     | main   | care_site         | shoe_size   | field-unused   | 1
      s     | main   | payer_plan_period | sig         | field-unused   | 1
      s     | main   | horoscope         |             | kind-unused    | 1
    """
    )
    assert (
        build("stem.books", PLANTED)
        == """
      table_name | n_rows | n_unlinked | n_records | n_unused
      -----------+--------+------------+-----------+---------
      record     | 3      | 0          | 2         | 1
      detail     | 6      | 0          | 3         | 3
    """
    )


def test_every_field_said_to_be_read_is_read_and_the_other_way_round() -> None:
    """The list in stem.field_use against the fields that the query of each model names."""
    said: dict[str, set[str]] = {}
    found = re.findall(
        r"WHEN d\.kind (?:=|IN) .*?AND d\.field (?:=|IN) (\(.*?\)|'\w+')\s+THEN '([\w.]+)'",
        model_query("stem.field_use"),
        re.DOTALL,
    )
    for fields, model in found:
        said.setdefault(model, set()).update(re.findall(r"'(\w+)'", fields))
    assert len(said) == 23
    of_events = set(re.findall(r"AS (\w+)", model_query("stem.event_detail")))
    named = "meas_event_field_concept_id obs_event_field_concept_id note_event_field_concept_id"
    for model, fields in said.items():
        query = model_query(model)
        missing = {
            field
            for field in fields
            if f"'{field}'" not in query
            and f"d.{field}" not in query
            and not (field in named.split() and "d.event_field_concept_id" in query)
        }
        assert not missing, f"{model} does not read {missing}"
    read = {
        (path.stem, field)
        for path in (MODELS / "cdm").glob("*.sql")
        for field in re.findall(r"d\.field = '(\w+)'", path.read_text(encoding="utf-8"))
    }
    read |= {
        (path.stem, field)
        for path in (MODELS / "cdm").glob("*.sql")
        if "stem.event_detail" in path.read_text(encoding="utf-8")
        for field in re.findall(r"\bd\.(\w+)", path.read_text(encoding="utf-8"))
        if field in of_events - {"record_id", "kind", "event_field_concept_id"}
    }
    unsaid = {
        (table, field)
        for table, field in read
        if not any(field in fields for fields in said.values())
    }
    assert not unsaid
