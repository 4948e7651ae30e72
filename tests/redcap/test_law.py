"""Whatever an export holds, the books hold, nothing lands twice, and no cell is lost."""

from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biobraid.core.errors import SourceFileError
from tests.redcap.delivery import dictionary, read, variables

FIELDS = """
    pid; base; text
    sex; base; radio; 0, F | 1, M; ; ; [meds(1)] = '1'
    dob; base; text; ; date_ymd; y
    meds; base; checkbox; 1, one | -1, none
    sbp; bp; text; ; integer; ; [sex] = '0' or [second_arm_1][sex] > 0
    cuff; bp; checkbox; 1, left | 2, right; ; ; [first_arm_1][sbp] <> ''
    said; bp; notes
    scan; bp; file
"""
EVENTS = "event_name,arm_num,unique_event_name\nF,1,first_arm_1\nS,1,second_arm_1\n"
COLUMNS = (
    "pid", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance",
    "redcap_data_access_group", "base_timestamp", "sex", "dob", "meds___1", "meds____1",
    "base_complete", "sbp", "cuff___1", "cuff___2", "said", "scan", "bp_complete", "unknown",
)  # fmt: skip
CELLS = {
    "pid": ["a", "b", ""], "redcap_event_name": ["first_arm_1", "second_arm_1", "x", ""],
    "redcap_repeat_instrument": ["", "bp", "base", "zz"],
    "redcap_repeat_instance": ["", "1", "2", "1000", "x"],
    "base_timestamp": ["", "[not completed]", "2020-01-02 03:04:05", "2020-13-01"],
    "dob": ["", "1961-02-03", "1961-02-31", "1961"], "said": ["", "text, with \n a line"],
}  # fmt: skip


@st.composite
def exports(draw: st.DrawFn) -> list[list[str]]:
    """A header with the record id and event, in any order, and rows."""
    chosen = draw(st.sets(st.sampled_from(COLUMNS[2:])))
    header = list(draw(st.permutations([*COLUMNS[:2], *sorted(chosen)])))
    row = st.tuples(*(st.sampled_from(CELLS.get(c, ["", "0", "1", "7"])) for c in header))
    return [header, *map(list, draw(st.lists(row, min_size=1, max_size=8)))]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(export=exports())
def test_the_books_hold_for_any_export(tmp_path: Path, export: list[list[str]]) -> None:
    (tmp_path / "events.csv").write_text(EVENTS)
    known = variables([dictionary(tmp_path / "d.csv", FIELDS)], [tmp_path / "events.csv"])
    header, *given_rows = export
    at = [header.index(c) for c in COLUMNS[:4] if c in header]
    # Records that stand twice in a file are landing's to tell apart; here each stands once.
    rows = list({tuple(row[i] for i in at): row for row in given_rows}.values())
    with (tmp_path / "data.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    try:
        found = read(tmp_path / "data.csv", known)
    except SourceFileError as error:
        raise AssertionError(error.faults) from None
    assert found.books[0] == len(rows)
    assert sum(found.books[1:]) == len(rows)
    rejected = {row[0] for row in found.rejects if row[1] != "dob"}
    landed = [tuple(r) for r in found.rows("raw.value", "variable", "value") if r[1] is not None]
    line = 2
    for row in rows:
        cells = dict(zip(header, row, strict=True))
        if line not in rejected:
            for name in ("sex", "sbp"):
                if cells.get(name):
                    landed.remove((name, cells[name]))
        line += 1 + sum(cell.count("\n") for cell in row)
    assert not [v for v in landed if v[0] in ("sex", "sbp")], "nothing was made up"
