"""The tables of units that ingest publishes."""

from __future__ import annotations

import duckdb
import pyarrow.parquet as pq
import pytest

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest import unit_tables
from biobraid.ingest.unit_tables import publish_units
from tests.models.bank import land

GIVEN = """
  person | variable | value | unit
  -------+----------+-------+--------
  1      | weight   | 70    | Kilos
  1      | weight   | 70    | furlong
  1      | weight   | 70    |

  raw.event
  person | kind        | code | unit
  -------+-------------+------+--------
  1      | measurement | x    | MG/DL
  1      | measurement | x    | Kilos

  vocab.variable
  variable | unit     | ucum_unit
  ---------+----------+----------
  height   | metres   | m

  vocab.mapping
  variable | target_concept_id | unit_concept_id
  ---------+-------------------+----------------
  height   | 3036277           | 9327
"""


def published(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Rows of the tables of units, after publishing."""
    with Manifest(home) as manifest, duckdb.connect(":memory:") as con:
        publish_units(home, manifest, con)
        paths = {n: home.landing / p for n, (p, _, _) in manifest.objects().items()}
    return {
        name: [tuple(row.values()) for row in pq.read_table(paths[f"vocab.{name}"]).to_pylist()]
        for name in ("unit_spelling", "unit_conversion", "unit_target")
    }


def test_every_unit_that_occurs_is_spelled_and_converted_to_where_it_may_go(home: Home) -> None:
    land(home, GIVEN)
    tables = published(home)
    assert tables["unit_spelling"] == [
        ("Kilos", "kg"),
        ("MG/DL", "mg/dL"),
        ("furlong", None),
        ("metres", "m"),
    ]
    ways = {row[:3]: row[3:] for row in tables["unit_conversion"]}
    assert ways["", "m", "[in_i]"] == (39.3700787402, 0.0)  # 9327: the mapping's unit
    assert ways["", "kg", "kg"] == (1.0, 0.0)
    assert ways["glucose", "mg/dL", "mmol/L"] == (pytest.approx(10 / 180.156), 0.0)
    assert ("", "mg/dL", "mmol/L") not in ways
    assert ("", "kg", "cm") not in ways
    assert ("LOINC", "29463-7", "kg", "") in tables["unit_target"]


def test_nothing_is_read_where_nothing_has_changed(home: Home) -> None:
    land(home, GIVEN)
    first = published(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_tables, "_distinct", lambda *_: pytest.fail("read again"))
        assert published(home) == first
    land(home, "raw.value\nperson | variable | value | unit\n1 | weight | 1 | stone\n", batch="b2")
    assert ("stone", "[stone_av]") in published(home)["unit_spelling"]
