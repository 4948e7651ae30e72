"""The clean CDM and the one with every defect, each checked once and read by every test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import pytest

from biobraid.quality.checks.evaluate import Result
from biobraid.quality.checks.run import Asked, Checked, run_checks
from tests.checks.clean import clean_cdm
from tests.checks.planted import DEFECTS

ASKED = Asked("run", "sample", date(2026, 1, 1), with_vocabulary=True)


@dataclass(frozen=True)
class Spoilt:
    """The database, its run, and that of the same database before the defects."""

    con: duckdb.DuckDBPyConnection
    clean: Checked
    done: Checked

    def result(self, check_id: str) -> Result:
        """The result of one check after the defects."""
        return next(r for r in self.done.results if r.rule.check_id == check_id)


@pytest.fixture(scope="session")
def spoilt() -> Spoilt:
    """The clean CDM, checked, then spoilt and checked again."""
    con = clean_cdm()
    clean = run_checks(con, ASKED)
    for defect in DEFECTS:
        con.execute(defect.sql)
    return Spoilt(con, clean, run_checks(con, ASKED))
