"""What `biobraid export` brings along: an audit of exactly the exported people, and weights."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow as pa

from biobraid.cli.audit_reference import margins_file
from biobraid.cli.audit_subject import Subject, min_cell_of
from biobraid.cli.main import Invocation
from biobraid.core.errors import Fault, QualityError
from biobraid.core.home import Home
from biobraid.core.runs import code_version
from biobraid.export.companion import Beside, Companion
from biobraid.export.session import release_session
from biobraid.quality.bias.audit import Asked, Audited, audit
from biobraid.quality.bias.margins import read_margins
from biobraid.quality.bias.reference import Reference
from biobraid.quality.bias.sections_people import COHORT
from biobraid.quality.bias.sentences import (
    AUDIT_WORDS,
    WEIGHT_WORDS,
    card_lines,
    rai_fields,
    weight_lines,
)
from biobraid.quality.bias.store import AUDIT_JSON, payload, write_payload, write_weights

WEIGHTS = "weights.parquet"
_SHIPPED = ("n", "ess", "ess_share", "design_effect", "max_to_mean", "max_smd_before",
            "max_smd_after", "margins", "left_out", "verdict", "reason")  # fmt: skip


def companion_of(
    call: Invocation, home: Home, project: str, name: str, given: Mapping[str, Any]
) -> Companion | None:
    """The companion of an export as asked for; None where nothing is."""
    path = margins_file(home, given)
    if given["weights"] and path is None:
        raise click.UsageError("--weights needs --margins FILE, or audit_margins in biobraid.toml")
    if given["no_audit"] and not given["weights"]:
        return None
    reference = read_margins(path, rescale=given["rescale"]) if path else None

    def beside(folder: Path, release: Path, person_id: pa.Array) -> Beside:
        # Named by the dataset and not by the run, so that equal exports have equal bytes.
        asked = Asked(
            f"{project}/{name}", f"export {project}/{name}",
            min_cell_of(home, Subject("export", f"{project}/{name}")), code_version(), sets=[],
        )  # fmt: skip
        with release_session(home, release) as con:
            con.execute("USE release")
            done = audit(con, reference, asked, person_id)
        weights = None
        if given["weights"] and reference is not None and path is not None:
            weights = _ship(done, reference, path, folder, person_id)
            if weights["left_out"]:
                call.out.warn(f"Warning: margins not used: {weights['left_out']}")
        return _written(done, folder, weights, with_audit=not given["no_audit"])

    return beside


def _ship(
    done: Audited, reference: Reference, margins: Path, folder: Path, person_id: pa.Array
) -> dict[str, Any]:
    """Write weights.parquet and return what the manifest says of it; QualityError if refused."""
    shown = next(r for r in done.shown()["weight_diagnostic"] if r["set_name"] == COHORT)
    if COHORT not in done.weights:
        raise QualityError(
            Fault("weights", str(shown["reason"]), "people who support the margins",
                  "Export without --weights, widen the cohort, or use fewer or coarser margins.")
        )  # fmt: skip
    frame, _ = done.weights[COHORT]
    if not np.array_equal(np.sort(frame.person_id), np.sort(person_id.to_numpy())):
        raise AssertionError("weights are not of the exported people")
    write_weights(done, COHORT, folder / WEIGHTS)
    return {
        "file": WEIGHTS,
        "weight_set_id": f"{done.asked.run_id}:{COHORT}",
        "population": reference.reference_id,
        "margins_sha256": hashlib.sha256(margins.read_bytes()).hexdigest(),
        **{name: shown[name] for name in _SHIPPED},
    }


def _written(
    done: Audited, folder: Path, weights: dict[str, Any] | None, *, with_audit: bool
) -> Beside:
    content = payload(done)
    files, card = {}, []
    manifest: dict[str, Any] = {}
    rai: dict[str, Any] = {}
    if with_audit:
        write_payload(folder, content)
        files[AUDIT_JSON] = AUDIT_WORDS
        manifest["audit"] = {
            "file": AUDIT_JSON, "population": done.reference_id, "verdicts": done.verdicts()
        }  # fmt: skip
        rai = rai_fields(content)
        card += card_lines(content, AUDIT_JSON)
    if weights is not None:
        files[WEIGHTS] = WEIGHT_WORDS
        manifest["weights"] = weights
        card += weight_lines(weights)
    return Beside(manifest, card, rai, files)
