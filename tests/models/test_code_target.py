"""How codes are compared with the vocabulary, and which way they take to standard concepts."""

from __future__ import annotations

import pytest

from tests.models.conftest import Build

# vocabulary | code in the vocabulary | as delivered | is it found
SPELLINGS = """
  ICD10   | E11.9          | E119          | yes
  ICD10   | E11.9          | e11.9         | yes
  ICD10   | I10            | I10X          | yes
  ICD10   | I10            | I10.X         | yes
  ICD10   | E10.3          | E10.3†        | yes
  ICD10   | H36.0          | H36.0*        | yes
  ICD10   | G59.0          | G590A         | yes
  ICD10   | G01            | G01XA         | yes
  ICD10   | E10.4          | E104D         | yes
  ICD10   | E10            | E10.-         | yes
  ICD10   | E11            | E11.9         | no
  ICD10   | E11.9          | E11           | no
  ICD10CM | S02.10XA       | S0210XA       | yes
  ICD10CM | I10            | I10X          | no
  ICD9CM  | 250.00         | 25000         | yes
  ICD9CM  | V10.1          | v10.1         | yes
  OPCS4   | K40.1          | K401          | yes
  Read    | G30..00        | G30..         | yes
  Read    | G30..00        | G30           | yes
  Read    | G30..00        | G30..11       | yes
  Read    | G3000          | G3000         | yes
  Read    | G3000          | G30..00       | no
  Read    | C10E.          | c10E.         | no
  SNOMED  | 44054006       | 44054006      | yes
  dm+d    | 322280009      | 322280009     | yes
  ATC     | A10BA02        | a10ba02       | yes
  RxNorm  | 860975         | 860975        | yes
  LOINC   | 29463-7        | 29463-7       | yes
  LOINC   | 29463-7        | 294637        | no
  LOINC   | LA33-6         | la33-6        | yes
  CVX     | 08             | 8             | yes
  CVX     | 140            | 140           | yes
  NDC     | 00002143380    | 00002143380   | yes
  NDC     | 00002143380    | 0002-1433-80  | yes
  NDC     | 00002143380    | 00002-1433-80 | yes
  NDC     | 50242004062    | 50242-040-62  | yes
  NDC     | 60505007001    | 60505-0070-1  | yes
  NDC     | 000021433      | 0002-1433     | yes
  NDC     | 00002143380    | 0002143380    | yes
  NDC     | 50242004062    | 5024204062    | yes
  NDC     | 00002143380    | 2143380       | no
"""


@pytest.mark.parametrize("row", [line.strip() for line in SPELLINGS.strip().splitlines()])
def test_a_code_is_found_however_it_is_written_and_never_by_its_parent(
    row: str, build: Build
) -> None:
    vocabulary, known, delivered, found = (cell.strip() for cell in row.split("|"))
    given = f"""
      raw.event
      person | code | code_system | start_time
      -------+------+-------------+-----------
      1      | {delivered} | {vocabulary} | 2010-05-06

      vocab.concept
      concept_id | concept_name | domain_id | vocabulary_id | concept_code | standard_concept
      -----------+--------------+-----------+---------------+--------------+-----------------
      11         | one          | Condition | {vocabulary}  | {known}      | S
    """
    facts = build("stem.event", given)
    assert facts.column("concept_id") == ([11] if found == "yes" else [0])
    assert facts.column("source_code") == [delivered]


def test_ten_digits_that_fit_two_drugs_are_no_drug(build: Build) -> None:
    given = """
      raw.event
      person | kind | code       | code_system | start_time
      -------+------+------------+-------------+-----------
      1      | drug | 1234567890 | NDC         | 2010-05-06
      1      | drug | 2234567890 | NDC         | 2010-05-06

      vocab.concept
      concept_id | concept_name | domain_id | vocabulary_id | concept_code | standard_concept
      -----------+--------------+-----------+---------------+--------------+-----------------
      11         | one          | Drug      | NDC           | 01234567890  | S
      12         | two          | Drug      | NDC           | 12345067890  | S
      13         | three        | Drug      | NDC           | 22345678900  | S
      14         | four         | Drug      | NDC           | 22345067890  | S
      15         | five         | Drug      | NDC           | 99999999999  | S
    """
    assert (
        build("stem.event", given.replace("22345678900", "22345678999"))
        == """
      source_code | concept_id
      ------------+-----------
      1234567890  | 0
      2234567890  | 14
    """
    )


def test_the_preferred_term_of_a_read_code_stands_for_its_synonyms(build: Build) -> None:
    given = """
      raw.event
      person | code    | code_system | start_time
      -------+---------+-------------+-----------
      1      | G30..15 | Read        | 2010-05-06

      vocab.concept
      concept_id | concept_name | domain_id | vocabulary_id | concept_code | standard_concept
      -----------+--------------+-----------+---------------+--------------+-----------------
      11         | synonym      | Condition | Read          | G30..15      | S
      12         | preferred    | Condition | Read          | G30..00      | S
    """
    assert build("stem.event", given).column("concept_id") == [12]


def test_local_codes_are_compared_as_they_are(build: Build) -> None:
    given = """
      raw.event
      person | code | code_system | start_time
      -------+------+-------------+-----------
      1      | 1.0  | s:main      | 2010-05-06
      2      | 10   | s:main      | 2010-05-06
      3      | a    | s:main      | 2010-05-06

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id
      ---------+-------------+-------------------+-----------------
      s:main   | 1.0         | 21                | Condition
      s:main   | 10          | 22                | Condition
      s:main   | A           | 23                | Condition
    """
    assert (
        build("stem.event", given)
        == """
      person | source_code | concept_id
      -------+-------------+-----------
      1      | 1.0         | 21
      2      | 10          | 22
      3      | a           | 0
    """
    )


WAYS = """
  raw.event
  person | code | code_system | start_time | row_id
  -------+------+-------------+------------+-------
  1      | A00  | ICD10       | 2010-05-06 | 4096
  1      | B00  | ICD10       | 2010-05-06 | 8192
  1      | C00  | ICD10       | 2010-05-06 | 16384
  1      | D00  | ICD10       | 2010-05-06 | 32768
  1      | F00  | ICD10       | 2010-05-06 | 65536

  vocab.concept
  concept_id | concept_name       | domain_id   | vocabulary_id | concept_code | standard_concept | invalid_reason
  -----------+--------------------+-------------+---------------+--------------+------------------+---------------
  1          | two conditions     | Condition   | ICD10         | A00          |                  |
  2          | history of         | Condition   | ICD10         | B00          |                  |
  3          | replaced twice     | Condition   | ICD10         | C00          |                  | U
  4          | successor          | Condition   | ICD10         | C01          |                  | U
  5          | its successor      | Condition   | ICD10         | C02          |                  |
  6          | deprecated         | Condition   | ICD10         | D00          |                  | D
  7          | old                | Condition   | ICD10         | F00          |                  | D
  8          | new                | Condition   | ICD10         | F00          |                  |
  101        | diabetes           | Condition   | SNOMED        | 101          | S                |
  102        | ketoacidosis       | Condition   | SNOMED        | 102          | S                |
  103        | family history of  | Observation | SNOMED        | 103          | S                |
  104        | counselling        | Procedure   | SNOMED        | 104          | S                |

  vocab.concept_relationship
  concept_id_1 | concept_id_2 | relationship_id     | invalid_reason
  -------------+--------------+---------------------+---------------
  1            | 101          | Maps to             |
  1            | 102          | Maps to             |
  1            | 104          | Maps to             |
  2            | 103          | Maps to             |
  2            | 102          | Maps to value       |
  2            | 101          | Maps to value       |
  3            | 4            | Concept replaced by |
  4            | 5            | Concept replaced by |
  5            | 101          | Maps to             |
  6            | 101          | Concept poss_eq to  |
  7            | 102          | Maps to             |
  8            | 101          | Maps to             |
"""


def test_several_targets_values_and_successors(build: Build) -> None:
    """4096 + 101: one delivered code made three facts, each with an id of its own."""
    assert (
        build("stem.event", WAYS)
        == """
      fact_id | cdm_table            | source_code | source_concept_id | concept_id | value_concept_id
      --------+----------------------+-------------+-------------------+------------+-----------------
      4197    | condition_occurrence | A00         | 1                 | 101        |
      4198    | condition_occurrence | A00         | 1                 | 102        |
      4200    | procedure_occurrence | A00         | 1                 | 104        |
      8295    | observation          | B00         | 2                 | 103        | 101
      16485   | condition_occurrence | C00         | 3                 | 101        |
      32768   | condition_occurrence | D00         | 6                 | 0          |
      65637   | condition_occurrence | F00         | 8                 | 101        |
    """
    )
    assert (
        build("stem.books", WAYS)
        == """
      table_name | n_rows | n_rows_with_facts | n_fan_out | n_facts | n_unmapped
      -----------+--------+-------------------+-----------+---------+-----------
      event      | 5      | 5                 | 2         | 7       | 1
    """
    )
    assert (
        build("stem.unmapped", WAYS)
        == """
      variable | source_code | reason   | n_facts
      ---------+-------------+----------+--------
      ICD10    | D00         | unmapped | 1
    """
    )


def test_the_domain_of_the_concept_decides_the_table(build: Build) -> None:
    """A code of every domain, delivered as a condition; 9 has no domain of its own table."""
    domains = {
        "Condition": "condition_occurrence",
        "Drug": "drug_exposure",
        "Procedure": "procedure_occurrence",
        "Device": "device_exposure",
        "Measurement": "measurement",
        "Meas/Procedure": "measurement",
        "Observation": "observation",
        "Specimen": "specimen",
        "Meas Value": "observation",
        "Geography": "observation",
    }
    events = "".join(f"1 | {n} | SNOMED | 2010-05-06\n" for n, _ in enumerate(domains))
    concepts = "".join(f"{100 + n} | {d} | SNOMED | {n} | S\n" for n, d in enumerate(domains))
    given = (
        f"raw.event\nperson | code | code_system | start_time\n{events}\nvocab.concept\n"
        f"concept_id | domain_id | vocabulary_id | concept_code | standard_concept\n{concepts}"
    )
    facts = build("stem.event", given)
    found = dict(zip(facts.column("concept_id"), facts.column("cdm_table"), strict=True))
    assert found == {100 + n: table for n, table in enumerate(domains.values())}
