"""Options are checked when study.yaml is read, all faults at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from biobraid.ingest.connectors.contract import get_connector
from biobraid.ingest.connectors.delimited_options import DelimitedOptions


def check(**options: Any) -> DelimitedOptions:
    checked = get_connector("delimited").check_options(options)
    assert isinstance(checked, DelimitedOptions)
    return checked


def test_short_forms_mean_the_long_ones() -> None:
    options = check(layout="event", kind="drug", code="a", time="at", delimiter="\\t")
    assert options.code == {"a": None} and options.delimiter == "\t"
    assert options.time is not None and options.time.column == "at"
    assert check(layout="event", kind="drug", code=["a", "b"]).code == {"a": None, "b": None}


def test_dates_may_stand_without_quotes_as_yaml_reads_them() -> None:
    day = dt.date(1903, 3, 3)
    options = check(time={"column": "a", "sentinels": [day]})
    assert options.time is not None and options.time.sentinels == {"1903-03-03": "sentinel-unknown"}
    fixed = check(time={"fixed": day}).time
    assert fixed is not None and fixed.fixed == "1903-03-03"


def test_options_that_landing_reads_are_no_fault() -> None:
    assert check(dropped_columns=["x"]).layout == "wide"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layuot": "wide"}, "layuot"),
        ({"layout": "long"}, "needs the option 'variable'; layout long needs the option 'value'"),
        ({"layout": "wide", "code": "x"}, "layout wide has no option 'code'"),
        ({"layout": "event", "kind": "illness"}, "kind 'illness' is not one of visit"),
        ({"layout": "consent", "status": {"column": "a", "values": {"1": "yes"}}}, "status 'yes'"),
        ({"delimiter": "||"}, "one ASCII character"),
        ({"delimiter": '"'}, "same character"),
        ({"encoding": "ebcdic"}, "encoding"),
        ({"time": {"column": "a", "fixed": "2001-01-01"}}, "either `column` or `fixed`"),
        ({"time": {"column": "a", "kind": "offset_days"}}, "anchor"),
        ({"placeholder_ids": ["("]}, "regular expression"),
        ({"time": {"column": "a", "anchor": "2000-01-01"}}, "anchor_column"),
        (
            {
                "time": {
                    "column": "a",
                    "kind": "offset_years",
                    "anchor": "2000-01-01",
                    "anchor_column": "b",
                }
            },
            "anchor_column",
        ),
        (
            {"time": {"column": "a", "kind": "offset_days", "anchor": "start"}},
            "belongs to end_time",
        ),
        (
            {
                "layout": "event",
                "kind": "visit",
                "end_time": {"column": "a", "kind": "offset_days", "anchor": "start"},
            },
            "needs the option 'time'",
        ),
        ({"time": {"fixed": "2001-01-01", "fallback": "b"}}, "`fallback`"),
        ({"time": {"column": "a", "sentinels": ["1903-13-03"]}}, "not a date"),
        ({"time": {"column": "a", "sentinels": {"1903-03-03": "odd"}}}, "sentinel-unknown"),
        ({"split": {"bp": {"separator": "/", "into": ["a"]}}}, "at least 2"),
        ({"split": {"bp": {"separator": "/", "into": ["a", "a"]}}}, "names a part twice"),
        ({"split": {"bp": {"separator": "", "into": ["a", "b"]}}}, "at least 1"),
        ({"layout": "consent", "status": "given", "split": {}}, "no option 'split'"),
        ({"layout": "long", "variable": "a", "value": ["b", "c"]}, "one column as `value`"),
        ({"empty": {"a": ["0"]}}, "no option names the column 'a'"),
        ({"only": {"a": ["1"]}, "drop": ["a"]}, "another option names the column 'a'"),
        ({"header_case": "title"}, "header_case"),
        ({"layout": "event", "kind": "drug", "code": {"a": {"sytem": "x"}}}, "sytem"),
        ({"layout": "event", "kind": "drug", "code": {"a": {"kind": "pill"}}}, "kind 'pill'"),
        ({"layout": "event", "kind": "drug", "concepts": {"concept": "a"}}, "concept_id"),
        (
            {"layout": "event", "kind": "drug", "position": {"column": "a", "otherwise": "third"}},
            "position 'third'",
        ),
        ({"layout": "record", "kind": "note_metadata"}, "kind 'note_metadata'"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(**options)
    assert words in str(caught.value)
