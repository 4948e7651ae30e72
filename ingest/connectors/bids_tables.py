"""Tables of a BIDS dataset: participants, and the times of sessions and scans."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.bids_options import BidsOptions, native_id
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.ukb_persons import constant, identities, native_ids
from biobraid.ingest.file_groups import GroupFile
from biobraid.ingest.hashing import mix, person_keys, positive, record_ids, value_hash
from biobraid.ingest.tabular import Dialect, TextTable, open_text_table
from biobraid.ingest.tabular.block import TextBlock, reject_table

_NA = ("n/a", "N/A", "NA")
_NONE = pa.scalar(None, pa.string())
ID = "participant_id"


def _open(path: Path, where: str) -> TextTable:
    return open_text_table(path, Dialect(delimiter="\t", quote=None, null_values=_NA), where=where)


def acquisition_times(job: FileJob, file: GroupFile) -> dict[str, str]:
    """acq_time of scans.tsv by path in the dataset, of sessions.tsv by sub-XX/ses-YY."""
    found: dict[str, str] = {}
    folder = PurePosixPath(file.name).parent
    is_scans = file.name.endswith("_scans.tsv")
    key = "filename" if is_scans else "session_id"
    with _open(file.path, job.where) as table:
        if not {key, "acq_time"} <= set(table.header):
            return found
        for block in table:
            names, times = block.column(key).to_pylist(), block.column("acq_time").to_pylist()
            for name, time in zip(names, times, strict=True):
                if name and time:
                    found[f"{folder}/{name}"] = time
    return found


class Participants:
    """participants.tsv: one record a row, one fact for each declared cell."""

    def __init__(self, job: FileJob, path: Path, options: BidsOptions) -> None:
        self._job, self._path, self._options = job, path, options
        self._told: set[str] = set()
        self._seen: set[str] = set()

    def read(self, counts: Counts) -> Iterator[Chunk]:
        """Chunks; what was met is added to `counts`. Raises SourceFileError without the id."""
        with _open(self._path, f"{self._job.where}, participants.tsv") as table:
            if ID not in table.header:
                raise SourceFileError(
                    Fault(table.where, f"the table has no column '{ID}'", "a BIDS participants.tsv")
                )
            counts.columns = tuple(table.header)
            for block in table:
                counts.records_read += block.n_rows + block.rejects.num_rows
                counts.records_rejected += block.rejects.num_rows
                if block.rejects.num_rows:
                    yield Chunk("raw.reject", block.rejects)
                yield from self._block(block, table.header, counts)

    def _block(self, block: TextBlock, header: tuple[str, ...], counts: Counts) -> Iterator[Chunk]:
        job = self._job
        given = pc.utf8_trim_whitespace(block.column(ID))
        good = self._good(given)
        nobody = (~good) & np.asarray(pc.equal(pc.fill_null(given, ""), ""))
        for rows, reason, expected in (
            (nobody, "missing-person-id", "a participant_id"),
            (~good & ~nobody, "duplicate-key", "each participant once"),
        ):
            if rows.any():
                bad = reject_table(block.row_numbers[rows], reason, expected)
                counts.records_rejected += bad.num_rows
                yield Chunk("raw.reject", bad)
        names = given.filter(pa.array(good)).to_pylist()
        dataset = job.path.name
        natives = pa.array([native_id(self._options, dataset, n) for n in names], pa.string())
        persons = person_keys(job.keys, job.study.person_namespace, natives)
        scope = f"bids/{job.study.id}/{job.source_id}/participants"
        records = record_ids(job.keys, scope, [(ID, natives)])
        chunk = native_ids(natives, persons, self._told)
        if chunk is not None:
            yield chunk
        counts.ignored["record-key"] += len(natives)
        counts.facts_ignored += len(natives)
        counts.facts_read += len(natives)
        for name in header:
            if name == ID:
                continue
            values = pc.utf8_trim_whitespace(block.column(name).filter(pa.array(good)))
            values = pc.if_else(pc.equal(values, ""), _NONE, values)
            at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
            n = len(at)
            counts.facts_read += n
            if name in job.source.identity:
                counts.facts_to_vault += n
                chunk = identities(job, job.source.identity[name], values, persons, records)
                if chunk is not None:
                    yield chunk
            elif name not in job.variables:
                counts.facts_ignored += n
                counts.ignored["undeclared-column"] += n
            elif n:
                fact = np.uint64(value_hash(job.keys, "bids", name))
                zero = pa.array(np.zeros(n, np.int32))
                columns = {
                    "row_id": positive(mix(records[at], fact)),
                    "record_id": positive(records[at]),
                    "source_person_key": persons.take(pa.array(at)),
                    "variable": constant(name, n),
                    "instance": zero,
                    "array_index": zero,
                    "value": values.take(pa.array(at)),
                }
                yield Chunk("raw.value", pa.table(columns))

    def _good(self, natives: pa.StringArray) -> np.ndarray:
        good = np.ones(len(natives), dtype=bool)
        for place, name in enumerate(natives.to_pylist()):
            good[place] = bool(name) and name not in self._seen
            self._seen.add(name or "")
        return good
