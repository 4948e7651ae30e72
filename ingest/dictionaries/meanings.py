"""Meanings of codes, as dictionaries write them, that say a value is absent and why."""

from __future__ import annotations

# Whole meanings only: "Unknown" is an absent value, "Unknown primary tumour" is not.
_REASONS = {
    "unknown": (
        "missing", "unknown", "unk", "na", "not available", "not known", "no data", "not reported",
        "data missing", "missing data", "missing value",
    ),
    "not-applicable": ("n/a", "not applicable", "does not apply"),
    "asked-declined": (
        "refused", "declined", "declined to answer", "refused to answer", "prefer not to answer",
        "prefer not to say",
    ),
    "asked-unknown": ("don't know", "dont know", "do not know", "does not know"),
    "not-performed": (
        "not assessed", "not done", "not performed", "not collected", "not measured", "not tested",
    ),
    "not-asked": ("not asked", "not administered", "skipped", "question not asked"),
}  # fmt: skip
_BY_MEANING = {meaning: reason for reason, all_ in _REASONS.items() for meaning in all_}


def absent_reason_of(meaning: str | None) -> str | None:
    """FHIR data-absent-reason of a code's meaning; None if the meaning is a value."""
    plain = " ".join((meaning or "").lower().replace("\u2019", "'").split()).rstrip(".!")
    return _BY_MEANING.get(plain)
