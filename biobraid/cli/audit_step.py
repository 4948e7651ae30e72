"""The audit at the end of `biobraid run`: of the warehouse, where the settings name margins.

Only everybody is raked, so that it stays cheap; `biobraid audit run` rakes every set. What was
not built anew since the last such audit is not audited again.
"""

from __future__ import annotations

import hashlib
from typing import Any

from biobraid.cli.main import Invocation
from biobraid.core.errors import UserError
from biobraid.core.home import SETTINGS_FILE, Home
from biobraid.core.manifest import Manifest
from biobraid.core.runs import Run, code_version

NOTE = "audit"
NO_MARGINS = f"no audit: {SETTINGS_FILE} names no audit_margins"
_GIVEN: dict[str, Any] = {
    "release": None, "cohort": None, "export": None, "margins": None, "demo_margins": False,
    "no_margins": False, "rescale": False, "by": "modality", "attributes": (), "seed": 1,
    "sets": "none", "boot": 200,
}  # fmt: skip


def audit_built(call: Invocation, home: Home, run: Run) -> None:
    """Audit the warehouse for a caller who is the home's writer; a fault in the margins is said.

    What was done, or why nothing was, is kept for `biobraid status`. A fault of the margins
    does not take back what was built and checked.
    """
    path = home.audit_margins
    if path is None:
        _keep(home, run, {"state": NO_MARGINS})
        return
    from biobraid.cli.audit_reference import reference_of_call
    from biobraid.cli.audit_run import audit_subject
    from biobraid.cli.audit_subject import Subject

    subject = Subject("warehouse")
    try:
        reference = reference_of_call(home, _GIVEN)
        state = _state(home)
        with Manifest(home) as manifest:
            before = manifest.note(NOTE, {})
        if before.get("of") == state and (subject.folder(home) / "audit.json").is_file():
            call.out.say("\nAudit: nothing changed since the last one")
            run.detail["audit"] = {"state": "nothing changed since the last one"}
            return
        done, folder = audit_subject(call, home, run.run_id, subject, reference, _GIVEN)
    except UserError as error:
        call.out.warn(f"\nNo audit:\n{error}")
        _keep(home, run, {"state": f"no audit: {type(error).__name__}, see biobraid audit run"})
        return
    _keep(home, run, {
        "state": "audited", "run_id": run.run_id, "population": done.reference_id,
        "verdicts": done.verdicts(), "report": str((folder / "audit.html").relative_to(home.root)),
        "of": state,
    })  # fmt: skip


def _state(home: Home) -> str:
    """What an audit depends on: what was built, the margins, the code."""
    digest = hashlib.sha256(code_version().encode())
    with Manifest(home) as manifest:
        digest.update(repr(sorted(manifest.note("build", {}).items())).encode())
    path = home.audit_margins
    digest.update(path.read_bytes() if path else b"")
    return digest.hexdigest()


def _keep(home: Home, run: Run, note: dict[str, Any]) -> None:
    with Manifest(home) as manifest, manifest.transaction():
        manifest.set_note(NOTE, note)
    run.detail["audit"] = {k: v for k, v in note.items() if k in ("state", "verdicts")}
