"""Whose a sample is: words for nobody are no person, words for absence are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.omics.delivery import deliver


@pytest.mark.parametrize("word", [
    "2058:unknown", "unknown", "Not collected", "not applicable", "missing: lab stock", "N.A.",
    "restricted access", "-", "?", "Unspecified", "blank",
])  # fmt: skip
def test_two_samples_of_nobody_are_no_person(tmp_path: Path, word: str) -> None:
    text = f"sample,who,g1\na,anna,1\nb,{word},2\nc,{word},3\n"
    options = {"sample": "sample"}
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text, person_id="who")
    assert got.books == (3, 1, 2, 0)
    assert {reason for *_, reason in got.rejects} == {"placeholder-person-id"}


@pytest.mark.parametrize("word", ["NA", "None", "nan"])
def test_a_word_for_nothing_is_nothing_in_columns_about_samples_too(
    tmp_path: Path, word: str
) -> None:
    text = f"sample,who,when,g1\na,anna,{word},1\nb,{word},2020-01-01,2\n{word},bert,,3\n"
    options = {"sample": "sample", "collected": "when"}
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text, person_id="who")
    assert got.rejects == [(3, "", "missing-person-id"), (4, "", "missing-sample-id")]
    assert got.tables["raw.event"][0]["start_time"] is None


def test_a_sample_named_by_several_empty_columns_has_no_name(tmp_path: Path) -> None:
    text = "eid,ins,g1\n1,0,5\n,,6\n , ,7\n"
    options = {"sample": ["eid", "ins"]}
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text, person_id="sample")
    assert [reason for *_, reason in got.rejects] == ["missing-sample-id"] * 2
    assert got.books == (3, 1, 2, 0)


def test_rows_of_the_tables_beside_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    """Their samples would be unknown ones, with nothing to say why."""
    (tmp_path / "who.csv").write_bytes(b"tube,person\nS1,anna\nS2\n,bert\nS3,\xff\n")
    (tmp_path / "what.csv").write_text("gene,label\ng1,first\ng2,a,b\n")
    options = {
        "samples": {"files": "who.csv", "key": "tube"}, "sample": "sample",
        "features": {"files": "what.csv", "key": "gene", "label": "label"},
    }  # fmt: skip
    text = "sample,g1,g2\nS1,1,2\nS2,1,2\nS3,1,2\n"
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text, person_id="person")
    assert got.rejects == [(3, "", "unknown-sample"), (4, "", "unknown-sample")]
    assert got.tally.warnings == {
        "samples-row-unreadable": 2, "samples-row-without-key": 1, "features-row-unreadable": 1,
    }  # fmt: skip
