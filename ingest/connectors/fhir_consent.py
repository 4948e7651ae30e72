"""Consent: who allows the use of what, and since when."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_resources import Resources, constant


def land_consents(found: Resources) -> None:
    """raw.consent rows; consents of other scopes (treatment, advance directives) are ignored.

    active with a provision that denies, and rejected, are `refused`; inactive (ended or
    replaced) is `expired`. A FHIR Consent never erases anybody: withdrawals of that reach are
    declared in study.yaml.
    """
    options = found.file.options
    scope = found.frame.peek("scope.coding.code")
    known = pc.is_in(scope, pa.array(options.consent_scopes, pa.string()))
    is_other = pc.and_(scope.is_valid(), pc.invert(known)).to_numpy(zero_copy_only=False)
    found = found.ignore(is_other, "consent-scope")
    found.frame.text("scope.coding.code")
    found.frame.text("scope.coding.system")
    status, kind = found.frame.peek("status"), found.frame.text("provision.type")
    denies = pc.equal(kind, "deny").fill_null(False)
    said = pc.case_when(
        pc.make_struct(
            pc.and_(pc.equal(status, "active"), denies),
            pc.equal(status, "active"),
            pc.equal(status, "rejected"),
            pc.equal(status, "inactive"),
        ),
        "refused", "given", "refused", "expired",
    )  # fmt: skip
    said = said if isinstance(said, pa.Array) else said.combine_chunks()
    unknown = said.is_null().to_numpy(zero_copy_only=False)
    expected = "active, inactive or rejected"
    kept = found.reject(unknown, "unknown-status", expected, "status")
    when = kept.frame.either("provision.period.start", "dateTime")
    columns = {
        "modality": constant(options.consent_modality, len(kept)),
        "status": said.filter(pa.array(~unknown)),
        **kept.times(when, "dateTime"),
    }
    kept.land("raw.consent", columns, "consent")
