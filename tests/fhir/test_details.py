"""Every detail field the connector lands is read by a model, or stated to reach no column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
import sqlglot
from sqlglot import exp

from biobraid.ingest.connectors.fhir_admit import PERSON
from biobraid.ingest.connectors.fhir_resources import Resources
from biobraid.ingest.connectors.fhir_specs import EVENTS
from tests.fhir.delivery import ndjson, read
from tests.fhir.samples import ANNA, resource

ROOT = Path(__file__).parent.parent.parent
RECORDS = ("Coverage", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole")
KINDS = (*EVENTS, *RECORDS, "Observation", "Patient", "QuestionnaireResponse", "Consent")
# A row of the table in docs/how-to/fhir.md: | kind | `field`, `field` |
_ROW = re.compile(r"^\| (?P<kind>[a-z_]+) \| (?P<fields>(?:`[a-z_]+`(?:, )?)+) \|$", re.MULTILINE)
Field = tuple[str, str]


def stated() -> set[Field]:
    """(kind, field) of what the documentation says reaches no column."""
    text = (ROOT / "docs" / "how-to" / "fhir.md").read_text(encoding="utf-8")
    return {
        (row["kind"], field)
        for row in _ROW.finditer(text)
        for field in re.findall("`([a-z_]+)`", row["fields"])
    }


def read_by_models() -> set[Field]:
    """(kind, field) of the details that a model asks for; kind * where it asks for any."""
    found: set[Field] = set()
    for path in (ROOT / "models").rglob("*.sql"):
        query = path.read_text(encoding="utf-8").partition("\n);\n")[2]
        for select in sqlglot.parse_one(query, read="duckdb").find_all(exp.Select):
            sources = [select.args.get("from_") or select.args.get("from")]
            sources += list(select.args.get("joins") or [])
            names = {
                source.this.alias
                for source in sources
                if source is not None and source.this.name in ("source_detail", "detail")
            }
            kinds = _asked(select, "kind", names) or {"*"}
            found |= {(kind, field) for kind in kinds for field in _asked(select, "field", names)}
    return found


def _asked(select: exp.Select, column: str, tables: set[str]) -> set[str]:
    """Words that a column of these tables is compared with in a query, not in those inside it."""
    return {
        str(word.this)
        for test in select.find_all(exp.EQ, exp.In, exp.Case)
        if test.find_ancestor(exp.Select) is select
        and isinstance(test.this, exp.Column)
        and (test.this.name, test.this.table) in {(column, table) for table in tables}
        for word in test.find_all(exp.Literal)
        if word.is_string
    }


@pytest.fixture
def landable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[Field]:
    """(kind, field) of all that the connector offers to land, given or not."""
    found: set[Field] = set()
    land = Resources.details

    def spy(self: Resources, kind: str, fields: Mapping[str, pa.Array]) -> None:
        found.update((kind, field) for field in fields)
        land(self, kind, fields)

    monkeypatch.setattr(Resources, "details", spy)
    status = {"Encounter": "finished", "Consent": "active"}
    for kind in KINDS:
        about = {PERSON[kind]: ANNA} if kind in PERSON else {}
        one = resource(kind, status=status.get(kind, "completed"), **about)
        assert read(tmp_path / "a.ndjson", ndjson(one)).tally.records_landed == 1, kind
    found |= {(kind, "alias_record_id") for kind in ("location", "care_site", "provider")}
    return found


def test_every_detail_reaches_a_model_or_is_stated_not_to(landable: set[Field]) -> None:
    known = read_by_models()
    unread = {(k, f) for k, f in landable if (k, f) not in known and ("*", f) not in known}
    assert len(landable) > 30
    assert unread == stated(), f"docs/how-to/fhir.md: {sorted(unread ^ stated())}"


def test_models_read_what_the_connector_lands_for_people_and_places() -> None:
    known = read_by_models()
    for field in (
        ("provider", "gender_source_value"), ("provider", "care_site_id"),
        ("care_site", "location_id"), ("location", "state"),
        ("payer_plan_period", "payer_record_id"), ("*", "medication_record_id"),
    ):  # fmt: skip
        assert field in known
    assert ("provider", "gender") not in known, "a name of nobody's is no name that is read"
