"""biobraid doctor."""

from __future__ import annotations

import click

from biobraid.cli.main import Invocation
from biobraid.core.home import open_home

_MARKS = {"error": "ERROR", "warning": "warning", "note": "note"}


@click.command("doctor")
@click.option("--study", "studies", multiple=True, help="Only this study (repeatable).")
@click.pass_obj
def command(call: Invocation, studies: tuple[str, ...]) -> int:
    """Report every fault of the studies' settings at once.

    Exit code 10 if there is an error; warnings and notes leave it 0.
    """
    from biobraid.ingest.doctor import examine

    findings = examine(open_home(call.home), list(studies) or None)
    for finding in findings:
        count = f"  ({finding.count:,} times)" if finding.count else ""
        call.out.say(f"{_MARKS[finding.severity]}: {finding.fault.text()}{count}")
    n = {s: sum(f.severity == s for f in findings) for s in _MARKS}
    call.out.say(f"\n{n['error']} errors, {n['warning']} warnings, {n['note']} notes")
    call.out.result(
        {
            **n,
            "findings": [
                {
                    "severity": f.severity,
                    "where": f.fault.where,
                    "found": f.fault.found,
                    "expected": f.fault.expected,
                    "todo": f.fault.todo,
                    "suggestions": list(f.fault.suggestions),
                    "count": f.count,
                }
                for f in findings
            ],
        }
    )
    return 10 if n["error"] else 0
