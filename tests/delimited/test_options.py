"""Options are checked when study.yaml is read, all faults at once."""

from __future__ import annotations

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
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check(**options)
    assert words in str(caught.value)
