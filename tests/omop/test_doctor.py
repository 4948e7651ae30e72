"""What doctor says of an OMOP delivery before and after it landed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.ingest.doctor import examine
from tests.omop import database
from tests.omop.test_run import STUDY


@pytest.fixture
def delivered(home: Home) -> Iterator[Home]:
    """A home with the delivery in its folder."""
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(STUDY)
    folder = home.deliveries / "toy"
    folder.mkdir(parents=True)
    database.as_text(database.make_database(), folder)
    yield home


def _said(home: Home) -> dict[str, tuple[str, int]]:
    return {f.fault.found: (f.severity, f.count) for f in examine(home, ["toy"])}


def test_concepts_that_the_vocabulary_lacks_are_told_with_counts(delivered: Home) -> None:
    con = database.make_database(["device_exposure"])
    con.execute("UPDATE device_exposure SET device_concept_id = 2000001408")  # a site's own concept
    database.as_text(con, delivered.deliveries / "toy")
    for is_landed in (False, True):
        if is_landed:
            assert run(["--home", str(delivered.root), "--quiet", "ingest"]) == 0
        said = _said(delivered)
        told = [text for text in said if "delivered concepts are not in the vocabulary" in text]
        assert len(told) == 1
        assert "2000001408 (12)" in told[0]
        assert ("landed rows" in told[0]) == is_landed
        severity, count = said[told[0]]
        assert (severity, count >= 12) == ("warning", True)


def test_doctor_knows_the_standards_columns_and_tells_what_is_dropped(delivered: Home) -> None:
    said = _said(delivered)
    assert not [text for text in said if "not in the dictionary" in text or "not mapped" in text]
    assert not [text for text in said if "free text without a rule" in text]
    notes = {text.rpartition(" ")[2]: n for text, (_, n) in said.items() if "ignored in" in text}
    assert notes["free-text-undeclared"] == 72 + 72 + 12
    assert notes["identifier-undeclared"] == 198
    assert not [text for text, (severity, _) in said.items() if severity == "error"]


def test_doctor_names_a_rule_for_a_column_that_is_none(delivered: Home) -> None:
    path = delivered.studies / "toy" / "study.yaml"
    rule = "\n    free_text: [{variable: note_txt, rule: allow, reason: we may}]\n"
    path.write_text(path.read_text().rstrip() + rule)
    said = {f.fault.found: f.fault.suggestions for f in examine(delivered, ["toy"])}
    assert "note_text" in said["there is no variable 'note_txt'"]


def test_doctor_tells_a_truncated_file(delivered: Home) -> None:
    con = database.make_database(["person"])
    database.as_parquet(con, delivered.deliveries / "toy")
    path = delivered.deliveries / "toy" / "person.parquet"
    (delivered.deliveries / "toy" / "person.csv").write_bytes(path.read_bytes()[:200])
    path.unlink()
    said = _said(delivered)
    assert said["the file is not whole Parquet"][0] == "error"
