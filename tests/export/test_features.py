"""Measured features in a release: by source, day and study, like any row that names its source."""

from __future__ import annotations

import duckdb

from biobraid.core.home import Home
from biobraid.export.release import DATABASE, release
from tests.export.conftest import person, put_links, rows

MEASURED = [
    (5, "one", "scanner", "2021-06-01"),  # refuses the source's modality
    (6, "one", "scanner", "2021-06-01"),
    (6, "one", "scanner", "2022-06-01"),  # after access ended
    (6, "one", "scanner", None),  # of an unknown day
    (7, "left", "scanner", "2021-06-01"),  # of a study the person is no longer linked in
    (8, "one", "scanner", None),
]


def test_features_go_where_source_day_and_study_may(bank: Home) -> None:
    con = duckdb.connect(str(bank.warehouse))
    con.execute("CREATE SCHEMA IF NOT EXISTS omics")
    con.execute(
        "CREATE TABLE omics.feature_value (person_id BIGINT, specimen_id BIGINT, "
        "feature_id BIGINT, study VARCHAR, source VARCHAR, specimen_date DATE, value DOUBLE)"
    )
    con.executemany(
        "INSERT INTO omics.feature_value VALUES (?, ?, 9, ?, ?, ?, 1.5)",
        [(person(n), i + 1, study, source, day)
         for i, (n, study, source, day) in enumerate(MEASURED)],
    )  # fmt: skip
    con.close()
    put_links(
        bank,
        consents=[
            (5, "imaging", "refused", None, "2021-01-01"),
            (6, "imaging", "withdrawn", "no_access", "2021-12-31"),
        ],
    )
    database = release(bank, None, "r", internal=True).folder / DATABASE
    found = rows(database, "SELECT specimen_id FROM r.omics.feature_value ORDER BY 1")
    assert [row[0] for row in found] == [2, 6]
