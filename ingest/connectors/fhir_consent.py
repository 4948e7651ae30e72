"""Consent: who allows the use of what, since when and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.schemas import MODALITIES
from biobraid.ingest.connectors.fhir_resources import Resources, constant
from biobraid.ingest.connectors.fhir_tokens import Bools

# Provisions inside the first one, to any depth: the exceptions to it.
_EXCEPTION = re.compile(r"provision(\.provision)+")
# Classes of data (Consent.provision.class) that tell which modalities an exception is about.
_CLASSES: Mapping[str, tuple[str, ...]] = {
    **{modality: (modality,) for modality in MODALITIES},
    "genetics": ("genotype", "omics"),
    "genomics": ("genotype", "omics"),
    "imagingstudy": ("imaging",),
    "molecularsequence": ("genotype", "omics"),
    "questionnaireresponse": ("questionnaire",),
}


def land_consents(found: Resources) -> None:
    """raw.consent rows; consents of other scopes (treatment, advance directives) are ignored.

    active with a provision that denies, and rejected, are `refused`; inactive (ended or
    replaced) is `expired`. A permission that ends is `given`, and `expired` from its end. What
    an exception to it denies is `refused`: the modalities that its classes tell, or everything
    the consent speaks about where they do not tell. A FHIR Consent never erases anybody:
    withdrawals of that reach are declared in study.yaml.
    """
    found, said = _said(_of_scope(found))
    frame, options = found.frame, found.file.options
    start = found.times(frame.either("provision.period.start", "dateTime"), "dateTime")
    end = found.times(frame.text("provision.period.end"), "provision.period.end")
    denied, is_denied_all = _exceptions(found)
    gives = pc.equal(said, "given").to_numpy(zero_copy_only=False)
    # A permission that had ended when it was given never was one.
    begins, ends = start["start_time"].cast(pa.string()), end["start_time"].cast(pa.string())
    is_over = pc.less_equal(ends, begins).fill_null(False).to_numpy(zero_copy_only=False)
    said = pc.if_else(pa.array(gives & is_denied_all), "refused", said)
    stands = gives & ~is_denied_all
    said = pc.if_else(pa.array(stands & is_over), "expired", said)
    whole = constant(options.consent_modality, len(found))
    found.land("raw.consent", {"modality": whole, "status": said, **start}, "consent")
    ending = np.flatnonzero(stands & ~is_over & ends.is_valid().to_numpy(zero_copy_only=False))
    _land_at(found, ending, options.consent_modality, "expired", end)
    for modality, mask in denied.items():
        _land_at(found, np.flatnonzero(mask & stands), modality, "refused", start)


def _of_scope(found: Resources) -> Resources:
    scope = found.frame.peek("scope.coding.code")
    known = pc.is_in(scope, pa.array(found.file.options.consent_scopes, pa.string()))
    is_other = pc.and_(scope.is_valid(), pc.invert(known)).to_numpy(zero_copy_only=False)
    found = found.ignore(is_other, "consent-scope")
    found.frame.text("scope.coding.code")
    found.frame.text("scope.coding.system")
    return found


def _said(found: Resources) -> tuple[Resources, pa.StringArray]:
    """The consents of a known status, and what each says as a whole."""
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
    return kept, said.filter(pa.array(~unknown))


def _exceptions(found: Resources) -> tuple[dict[str, Bools], Bools]:
    """Modality -> which consents have an exception that denies it, and which deny all."""
    frame, n = found.frame, len(found)
    denied: dict[str, Bools] = {}
    is_all = np.zeros(n, dtype=bool)
    for path in [name for name in found.file.paths.names if _EXCEPTION.fullmatch(name)]:
        inner = frame.nested(path)
        # Where the type is missing, the exception is the other way round: FHIR asks for it.
        denies = pc.not_equal(inner.text("type"), "permit").fill_null(True)
        inner = inner.only(denies.to_numpy(zero_copy_only=False))
        codes, rows = inner.all_texts("class.code")
        inner.all_texts("class.system")
        told = pc.utf8_lower(codes)
        has_told = np.zeros(len(inner), dtype=bool)
        has_told[rows] = True
        for word in pc.unique(told).to_pylist():
            mine = rows[pc.equal(told, word).to_numpy(zero_copy_only=False)]
            if word not in _CLASSES:
                is_all[inner.owner[mine]] = True
            for modality in _CLASSES.get(word, ()):
                denied.setdefault(modality, np.zeros(n, dtype=bool))[inner.owner[mine]] = True
        is_all[inner.owner[~has_told]] = True
    return denied, is_all


def _land_at(
    found: Resources, at: np.ndarray, modality: str, status: str, times: dict[str, pa.Array]
) -> None:
    columns = {
        "modality": constant(modality, len(at)),
        "status": constant(status, len(at)),
        **{name: values.take(pa.array(at)) for name, values in times.items()},
    }
    found.land("raw.consent", columns, f"{status}:{modality}", at)
