"""What `biobraid check` does: open the subject, count, compare, keep, report, judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from biobraid.cli.audit_subject import Subject, opened
from biobraid.cli.main import Invocation
from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.runs import Run, code_version
from biobraid.core.warehouse import duckdb_settings, open_duckdb
from biobraid.export.release import MANIFEST, find_release
from biobraid.quality.checks.custom import SqlCheck, custom_keys, read_checks
from biobraid.quality.checks.evaluate import Result, fatal, totals
from biobraid.quality.checks.place import SCHEMAS
from biobraid.quality.checks.report import junit, sentence, write_reports
from biobraid.quality.checks.rules import SEVERITIES, Rule, read_rules, shipped_rules
from biobraid.quality.checks.run import (
    Asked,
    Checked,
    judge_anew,
    open_setting,
    origins_of,
    run_checks,
)
from biobraid.quality.checks.store import keep, read_results, run_before
from biobraid.quality.checks.violations import violating_keys

NOTHING_SPECIAL: Mapping[str, Any] = {
    "thresholds": None, "reevaluate": False, "release": None, "database": None, "schemas": (),
    "with_vocabulary": False, "no_parts": False, "junit": None, "limit": 100,
}  # fmt: skip
MAX_LINES = 30


def check(call: Invocation, home: Home, run: Run, given: Mapping[str, Any]) -> int:
    """Run or judge the checks; 13 if a fatal one failed."""
    subject = _subject(given)
    if subject.kind == "warehouse":
        with writer(home):
            return check_built(call, home, run, given)
    asked = _asked(home, run.run_id, subject, given)
    with _opened(home, subject, given) as con:
        done = _counted(call, con, asked)
    return _finish(call, home, run, subject, done, given)


def check_built(call: Invocation, home: Home, run: Run, given: Mapping[str, Any]) -> int:
    """Check the warehouse for a caller who is the home's writer; 13 if a fatal check failed."""
    subject = Subject("warehouse")
    asked = _asked(home, run.run_id, subject, given)
    done = _of_warehouse(call, home, run, asked, given["reevaluate"])
    return _finish(call, home, run, subject, done, given)


def _finish(
    call: Invocation, home: Home, run: Run, subject: Subject, done: Checked,
    given: Mapping[str, Any],
) -> int:  # fmt: skip
    made = write_reports(home.reports / "checks" / _folder(subject), done)
    if given["junit"]:
        write_text(given["junit"], junit(done))
        made["junit_copy"] = given["junit"]
    run.detail["checks"] = {"subject": subject.title, **totals(done.results)}
    _say(call, done, made)
    return 13 if fatal(done.results) else 0


def list_rows(call: Invocation, home: Home, check_id: str, given: Mapping[str, Any]) -> None:
    """Print the keys of the rows that violate one check now."""
    subject = _subject(given)
    asked = _asked(home, "rows", subject, given)
    with _opened(home, subject, given) as con:
        found = _rule(con, asked, check_id, subject)
        if isinstance(found, SqlCheck):
            name, keys = "key", custom_keys(con, found, given["limit"])
        else:
            setting = open_setting(con, asked)
            name, keys = violating_keys(con, setting, found, origins_of(con), given["limit"])
    call.out.table(f"Rows that violate {check_id} (up to {given['limit']})", [name],
                   [[str(key)] for key in keys])  # fmt: skip
    call.out.result({"check_id": check_id, "key": name, "keys": keys})


def _rule(
    con: duckdb.DuckDBPyConnection, asked: Asked, check_id: str, subject: Subject
) -> Rule | SqlCheck:
    """The rule of that name: of the last run (for those the data make), one's own, or shipped."""
    known: dict[str, Rule | SqlCheck] = {r.check_id: r for r in shipped_rules()}
    known.update({r.check_id: r for r in asked.own_rules})
    if subject.kind == "warehouse" and (run_id := run_before(con, None)):
        known.update({r.rule.check_id: r.rule for r in read_results(con, run_id)})
    known.update({c.rule.check_id: c for c in asked.sql_checks})
    if check_id not in known:
        raise SettingsError(
            Fault("--rows", f"there is no check '{check_id}'", "the name of a check in the report",
                  suggestions=near_misses(check_id, known))
        )  # fmt: skip
    return known[check_id]


def _subject(given: Mapping[str, Any]) -> Subject:
    if given["database"]:
        return Subject("database", Path(given["database"]).stem)
    return Subject("release", given["release"]) if given["release"] else Subject("warehouse")


def _folder(subject: Subject) -> str:
    return "-".join([subject.kind, *subject.name.split("/")]).strip("-")


def _asked(home: Home, run_id: str, subject: Subject, given: Mapping[str, Any]) -> Asked:
    own = home.root / "checks"
    rules, sql_checks = read_checks(own) if subject.kind != "database" else ([], [])
    path = given["thresholds"]
    schemas = given["schemas"] or ((*SCHEMAS, "main") if given["database"] else SCHEMAS)
    return Asked(
        run_id, subject.title, datetime.now(UTC).date(), schemas, given["with_vocabulary"],
        not given["no_parts"], read_rules(path, as_thresholds=True) if path else (), path.name if path else "",
        rules, sql_checks, _left_out(home, subject),
    )  # fmt: skip


def _left_out(home: Home, subject: Subject) -> frozenset[str]:
    """Tables of the CDM that a release leaves out, by its own manifest."""
    if subject.kind != "release":
        return frozenset()
    text = (find_release(home, subject.name) / MANIFEST).read_text(encoding="utf-8")
    return frozenset(name.partition(".")[2] for name in json.loads(text)["left_out"])


@contextmanager
def _opened(
    home: Home, subject: Subject, given: Mapping[str, Any]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the subject."""
    if subject.kind != "database":
        with opened(home, subject) as source:
            yield source.con
        return
    home.tmp.mkdir(exist_ok=True)
    config = duckdb_settings(home.settings, home.tmp)
    con = open_duckdb(given["database"], config, read_only=True)
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def _of_warehouse(
    call: Invocation, home: Home, run: Run, asked: Asked, reevaluate: bool
) -> Checked:
    """Count (or judge the last counts), compare with an earlier run, keep."""
    with opened(home, Subject("warehouse"), write=True) as source:
        con = source.con
        last_release = _last_release(home)
        before = (run_before(con, last_release) if last_release else None) or run_before(con, None)
        counted_in = None
        if reevaluate:
            counted_in = run_before(con, None)
            if counted_in is None:
                raise SettingsError(
                    Fault(
                        "--reevaluate", "nothing has been counted yet", todo="Run: biobraid check"
                    )
                )
            done = judge_anew(asked, read_results(con, counted_in))
            done.coverage.vocabulary_version = _vocabulary(con, counted_in)
        else:
            done = _counted(call, con, asked)
        if before is not None and before != counted_in:
            counts = {r.rule.check_id: r.n_violated for r in read_results(con, before)
                      if r.n_violated is not None}  # fmt: skip
            why = "that of the last release" if last_release else "the run before"
            done.compare(before, why, counts)
        keep(con, done, run.started_at, code_version(), counted_in)
    return done


def _vocabulary(con: duckdb.DuckDBPyConnection, run_id: str) -> str | None:
    row = con.execute(
        "SELECT vocabulary_version FROM audit.check_run WHERE run_id = ?", [run_id]
    ).fetchone()
    return row[0] if row else None


def _counted(call: Invocation, con: duckdb.DuckDBPyConnection, asked: Asked) -> Checked:
    with call.out.progress("check") as progress:
        return run_checks(con, asked, progress)


def _last_release(home: Home) -> str | None:
    """UTC time at which the newest release was written; None without one."""
    times = [p.stat().st_mtime for p in home.releases.glob("*/*/manifest.json")]
    if not times:
        return None
    return datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds")


def _say(call: Invocation, done: Checked, made: Mapping[str, Path]) -> None:
    counts = totals(done.results)
    failed = sorted(
        (r for r in done.results if r.state == "failed"),
        key=lambda r: (SEVERITIES.index(r.severity), r.rule.check_id),
    )
    errors = [r for r in done.results if r.state == "error"]
    call.out.table(
        f"Checks of the {done.asked.subject}",
        ["checks", "passed", "failed", "errors", "not applicable", "fatal failures"],
        [[counts[n] for n in ("n_checks", "n_passed", "n_failed", "n_error", "n_not_applicable",
                              "n_fatal_failed")]],
    )  # fmt: skip
    call.out.table("Failed", ["severity", "check", "violating", "of", "threshold"],
                   [_line(r) for r in failed[:MAX_LINES]])  # fmt: skip
    if len(failed) > MAX_LINES:
        call.out.say(f"  and {len(failed) - MAX_LINES} more, in the report")
    for result in errors[:MAX_LINES]:
        call.out.warn(f"Not counted: {result.rule.check_id}: {result.reason}")
    for result in fatal(done.results):
        call.out.warn(f"QualityError: {result.rule.check_id}: {sentence(result, done.names)}")
    call.out.say(f"\nReport: {made['html']}")
    call.out.result({"check": {
        "totals": counts,
        "failed": [{"check_id": r.rule.check_id, "severity": r.severity,
                    "n_violated": r.n_violated, "n_denominator": r.n_denominator} for r in failed],
        "errors": {r.rule.check_id: r.reason for r in errors},
        "reports": {kind: str(path) for kind, path in made.items()},
    }})  # fmt: skip


def _line(result: Result) -> list[Any]:
    return [result.severity, result.rule.check_id, result.n_violated, result.n_denominator,
            result.rule.threshold]  # fmt: skip
