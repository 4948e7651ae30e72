"""A study's withdrawal lists: one native person id a line, no header, as UK Biobank sends them.

They become raw.consent rows (modality *, status withdrawn) of the source `@withdrawals`.
No identity goes to the vault: whoever withdrew is to be forgotten, not remembered better.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.study import Source, Study
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.hashing import mix, person_keys, positive, record_ids, value_hash

SOURCE_ID = "@withdrawals"
# What an id may look like; a comma, blank or quote says the file is no such list.
_ID = re.compile(r"-?[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}")
_LINES_PER_CHUNK = 100_000


def with_withdrawals(study: Study) -> Study:
    """The study with its withdrawal lists as one more source, if it declares any."""
    if study.withdrawals is None:
        return study
    source = Source(
        connector=SOURCE_ID, files=study.withdrawals.files, delivery="append", mints_persons=False
    )
    return study.model_copy(update={"sources": {**study.sources, SOURCE_ID: source}})


def read_withdrawals(job: FileJob) -> Iterator[Chunk | Counts]:
    """Consent rows of one list; malformed lines are rejected and counted, blank ones ignored.

    A line that stands in the list twice is the same record and counts as ignored.
    """
    if job.study.withdrawals is None:
        raise ValueError("the study declares no withdrawals")
    seen: set[str] = set()
    n_done = 0
    chunk: list[tuple[int, str]] = []
    with job.path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if b"\x00" in raw:
                raise SourceFileError(
                    Fault(
                        f"{job.where}, line {number}",
                        "the list holds NUL bytes",
                        "plain text with one participant id a line",
                        "Deliver it again as UTF-8 text.",
                    )
                )
            chunk.append((number, raw.decode("utf-8-sig", errors="replace").strip()))
            n_done += len(raw)
            if len(chunk) == _LINES_PER_CHUNK:
                yield from _lines(job, chunk, seen, n_done)
                chunk, n_done = [], 0
    yield from _lines(job, chunk, seen, n_done)
    yield Counts(columns=("participant id",), keys_are_unique=True)


def _lines(
    job: FileJob, lines: list[tuple[int, str]], seen: set[str], n_bytes: int
) -> Iterator[Chunk | Counts]:
    ignored: Counter[str] = Counter()
    ids, bad = [], []
    for number, text in lines:
        if not text:
            ignored["empty-record"] += 1
        elif not _ID.fullmatch(text):
            bad.append(number)
        elif text in seen:
            ignored["repeated-line"] += 1
        else:
            seen.add(text)
            ids.append(text)
    if ids:
        yield Chunk("raw.consent", _consent(job, ids))
    if bad:
        yield Chunk("raw.reject", _rejected(bad))
    yield Counts(
        records_read=len(lines),
        records_rejected=len(bad),
        records_ignored=ignored.total(),
        facts_read=len(ids),
        ignored=ignored,
        bytes_done=n_bytes,
    )


def _consent(job: FileJob, ids: list[str]) -> pa.Table:
    native = pa.array(ids, pa.string())
    scope = f"{job.study.id}/{SOURCE_ID}"
    records = record_ids(job.keys, scope, [("participant id", native)])
    fact = np.uint64(value_hash(job.keys, "fact", "consent"))
    level = job.study.withdrawals.level if job.study.withdrawals else None
    n = len(ids)
    return pa.table(
        {
            "row_id": positive(mix(records, fact)),
            "record_id": positive(records),
            "source_person_key": person_keys(job.keys, job.study.person_namespace, native),
            "modality": ["*"] * n,
            "status": ["withdrawn"] * n,
            "level": [level] * n,
        }
    )


def _rejected(row_numbers: list[int]) -> pa.Table:
    n = len(row_numbers)
    return pa.table(
        {
            "row_number": pa.array(row_numbers, pa.int64()),
            "unit_of_count": ["record"] * n,
            "reason": ["malformed-id"] * n,
            "expected": ["one participant id, without blanks, commas or quotes"] * n,
        }
    )
