"""What `run` and `check --delivery` do with the delivery contract: judge, report, remember."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from biobraid.cli.main import Invocation
from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.runs import Run
from biobraid.core.study import Study
from biobraid.core.warehouse import duckdb_settings
from biobraid.quality.contract.judge import Judged, judge, remember, summary
from biobraid.quality.contract.limits import prepare_limits, write_limits
from biobraid.quality.contract.report import write_reports
from biobraid.quality.contract.scan import variables_delivered
from biobraid.quality.contract.suite import write_suite

MAX_LINES = 30


def judge_deliveries(
    call: Invocation,
    home: Home,
    run: Run,
    studies: Sequence[Study],
    accept: str = "",
    *,
    everything: bool = False,
    always_gx: bool = False,
    junit: Path | None = None,
) -> int:
    """Judge what waits, remember the outcome, and say it; 13 if a delivery is refused.

    accept: why breaches are let pass; kept with them. always_gx: see `judge`.
    """
    with call.out.progress("contract") as update:
        update("judge", None)
        judged = judge(home, studies, everything=everything, always_gx=always_gx)
    for one in judged:
        if one.breaches:
            one.why = accept.strip()
    remember(home, judged, run.run_id, run.started_at)
    if not judged:
        if always_gx:
            call.out.say("No delivery waits for a judgement (--all judges accepted ones again).")
        call.out.result({"contract": {"judged": []}})
        return 0
    made = write_reports(home.reports / "contract", judged)
    if junit is not None:
        write_text(junit, made["junit"].read_text(encoding="utf-8"))
    run.detail["contract"] = {
        one.study: {"state": one.state, "why": one.why, "n_breaches": len(one.breaches)}
        for one in judged
    }
    _say(call, judged, made["html"])
    call.out.result(
        {
            "contract": {
                "judged": [summary(one) for one in judged],
                "reports": {kind: str(path) for kind, path in made.items()},
            }
        }
    )
    return 13 if any(one.state == "refused" for one in judged) else 0


def _say(call: Invocation, judged: Sequence[Judged], page: Path) -> None:
    rows = [
        [
            one.study, one.state, len(one.deliveries), sum(len(m.values) for m in one.measures),
            len(one.breaches), len(one.complaints) - len(one.breaches),
        ]
        for one in judged
    ]  # fmt: skip
    header = ["study", "judgement", "sources", "measures", "breaches", "warnings"]
    call.out.table("Delivery contract", header, rows)
    breaches = [c for one in judged for c in one.breaches]
    warnings = [c for one in judged for c in one.complaints if not c.is_breach]
    for complaint in breaches[:MAX_LINES]:
        call.out.warn(f"QualityError: {complaint.text}")
    if len(breaches) > MAX_LINES:
        call.out.warn(f"  and {len(breaches) - MAX_LINES} more, in the report")
    for complaint in warnings[:MAX_LINES]:
        call.out.say(f"  Note: {complaint.text}")
    if len(warnings) > MAX_LINES:
        call.out.say(f"  and {len(warnings) - MAX_LINES} more, in the report")
    call.out.say(f"Report: {page}")


def write_contracts(call: Invocation, home: Home, studies: Sequence[Study]) -> None:
    """Write suite.json and variables.csv of each study, keeping what people edited."""
    written = []
    with Manifest(home) as manifest:
        con = duckdb.connect(config={**duckdb_settings(home.settings, home.tmp)})
        try:
            prepare_limits(con, home, manifest, [s.id for s in studies])
            for study in studies:
                delivered = variables_delivered(con, home.landing, manifest.parts(None, study.id))
                written.append(write_suite(home, study.id))
                written.append(write_limits(con, home, study.id, delivered))
        finally:
            con.close()
    call.out.table("Written", ["file"], [[p.relative_to(home.root).as_posix()] for p in written])
    call.out.result({"written": [str(p) for p in written]})
