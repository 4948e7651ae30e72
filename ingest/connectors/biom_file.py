"""BIOM tables as ids, metadata and blocks of non-zero entries, sample by sample.

Format 2.1 is HDF5 with the matrix once by observation (CSR) and once by sample (CSC stored as
CSR of the transpose); the latter is read in slices, so memory does not grow with the table.
Format 1.0 is JSON and is read as a whole. Both may be gzipped.
http://biom-format.org/documentation/biom_format.html
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.files import PARTIAL
from biobraid.ingest.connectors.contract import FileJob

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
ENTRIES = 1 << 20  # of a block
_GZIP, _HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
Metadata = Mapping[str, list[str | None]]


@dataclass(frozen=True)
class Entries:
    """Non-zero entries of samples first .. first + n_samples - 1: sample, observation, value."""

    first: int
    n_samples: int
    sample: Ints
    observation: Ints
    value: Floats


class BiomTable(Protocol):
    """An open BIOM table."""

    samples: list[str]
    observations: list[str]
    sample_metadata: Metadata
    observation_metadata: Metadata

    def blocks(self) -> Iterator[Entries]:
        """All entries, samples in the table's order, each sample in one block."""


@contextmanager
def open_biom(job: FileJob) -> Iterator[BiomTable]:
    """The table, whatever its format. SourceFileError: damaged, truncated or no BIOM file."""
    with _plain(job) as path, path.open("rb") as handle:
        head = handle.read(4096)
        if head.startswith(_HDF5):
            with _open_hdf5(job, path) as file:
                yield _Hdf5Table(job, file)
        elif head.lstrip().startswith(b"{"):
            yield _JsonTable(job, path)
        elif not head:
            raise _fault(job, "the file is empty (0 bytes)", "a BIOM table")
        else:
            raise _fault(job, "the file is neither HDF5 nor JSON", "a BIOM table, 1.0 or 2.1")


@contextmanager
def _plain(job: FileJob) -> Iterator[Path]:
    """The file, unpacked into the home's own folder if it is gzipped."""
    with job.path.open("rb") as handle:
        is_gzip = handle.read(2) == _GZIP
    if not is_gzip:
        yield job.path
        return
    if job.tmp is not None:
        job.tmp.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(suffix=PARTIAL, dir=job.tmp) as folder:
        target = Path(folder) / "table"
        try:
            with gzip.open(job.path, "rb") as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise _fault(
                job, "the compressed data is damaged or ends in the middle", "a whole gzip file"
            ) from None
        yield target


@contextmanager
def _open_hdf5(job: FileJob, path: Path) -> Iterator[h5py.File]:
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise _fault(
            job, "the HDF5 file is damaged or ends in the middle", "a whole file"
        ) from None
    with file:
        yield file


class _Hdf5Table:
    """BIOM 2.x."""

    def __init__(self, job: FileJob, file: h5py.File) -> None:
        self._job = job
        try:
            self.samples = _texts(file["sample/ids"])
            self.observations = _texts(file["observation/ids"])
            self.sample_metadata = _metadata(file.get("sample/metadata"))
            self.observation_metadata = _metadata(file.get("observation/metadata"))
            self._matrix = file["sample/matrix"]
            self._indptr: Ints = np.asarray(self._matrix["indptr"][:], dtype=np.int64)
            self._n_data = int(self._matrix["data"].shape[0])
            n_indices = int(self._matrix["indices"].shape[0])
        except KeyError:
            raise _fault(
                job,
                "the HDF5 file lacks ids or the matrix by sample",
                "groups observation and sample with ids and matrix, as BIOM 2.1 has them",
            ) from None
        except (OSError, RuntimeError):
            raise self._damaged() from None
        steps = np.diff(self._indptr)
        whole = (
            len(self._indptr) == len(self.samples) + 1
            and self._indptr[0] == 0
            and self._indptr[-1] == self._n_data == n_indices
            and (steps >= 0).all()
            and all(len(v) == len(self.samples) for v in self.sample_metadata.values())
            and all(len(v) == len(self.observations) for v in self.observation_metadata.values())
        )
        if not whole:
            raise self._damaged()

    def blocks(self) -> Iterator[Entries]:
        first, n = 0, len(self.samples)
        while first < n:
            start = self._indptr[first]
            last = int(np.searchsorted(self._indptr, start + ENTRIES, side="right")) - 1
            last = min(max(last, first + 1), n)
            stop = self._indptr[last]
            try:
                observation = np.asarray(self._matrix["indices"][start:stop], dtype=np.int64)
                value = np.asarray(self._matrix["data"][start:stop], dtype=np.float64)
            except (OSError, RuntimeError):
                raise self._damaged() from None
            if len(observation) and not (0 <= observation.min() <= observation.max()
                                         < len(self.observations)):  # fmt: skip
                raise self._damaged()
            counts = np.diff(self._indptr[first : last + 1])
            sample = np.repeat(np.arange(first, last), counts)
            yield Entries(first, last - first, sample, observation, value)
            first = last

    def _damaged(self) -> SourceFileError:
        return _fault(
            self._job,
            "the HDF5 file is damaged: matrix or metadata do not fit its ids",
            "a whole file",
        )


class _JsonTable:
    """BIOM 1.0."""

    def __init__(self, job: FileJob, path: Path) -> None:
        self._job = job
        try:
            given = json.loads(path.read_bytes())
        except (ValueError, UnicodeDecodeError):
            raise _fault(job, "the JSON is damaged or ends in the middle", "a whole file") from None
        try:
            rows, columns = given["rows"], given["columns"]
            self.samples = [str(column["id"]) for column in columns]
            self.observations = [str(row["id"]) for row in rows]
            self.sample_metadata = _json_metadata(columns)
            self.observation_metadata = _json_metadata(rows)
            self._observation, self._sample, self._value = _json_entries(given)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _fault(
                job,
                "the JSON is no BIOM table: rows, columns or data are missing or malformed",
                "rows and columns with ids, data, shape and matrix_type, as BIOM 1.0 has them",
            ) from None
        n_rows, n_columns = len(self.observations), len(self.samples)
        inside = (
            given.get("shape", [n_rows, n_columns]) == [n_rows, n_columns]
            and (self._observation < n_rows).all() and (self._observation >= 0).all()
            and (self._sample < n_columns).all() and (self._sample >= 0).all()
        )  # fmt: skip
        if not inside:
            raise _fault(
                job, "data or shape do not fit the ids of rows and columns", "a whole file"
            )

    def blocks(self) -> Iterator[Entries]:
        order = np.argsort(self._sample, kind="stable")
        sample, n = self._sample[order], len(self.samples)
        starts = np.searchsorted(sample, np.arange(n + 1))
        first = 0
        while first < n:
            last = int(np.searchsorted(starts, starts[first] + ENTRIES, side="right")) - 1
            last = min(max(last, first + 1), n)
            at = order[starts[first] : starts[last]]
            yield Entries(
                first, last - first, self._sample[at], self._observation[at], self._value[at]
            )
            first = last


def _json_entries(given: dict[str, Any]) -> tuple[Ints, Ints, Floats]:
    """Observation, sample and value of each entry that the file gives; of dense ones, non-zero."""
    data = given["data"]
    if given.get("matrix_type", "sparse") == "dense":
        dense = np.array(data, dtype=np.float64).reshape(len(given["rows"]), len(given["columns"]))
        observation, sample = np.nonzero(dense)
        return observation, sample, dense[observation, sample]
    entries = np.array(data, dtype=np.float64).reshape(-1, 3)
    return entries[:, 0].astype(np.int64), entries[:, 1].astype(np.int64), entries[:, 2]


def _json_metadata(things: list[dict[str, Any]]) -> Metadata:
    names = {name for thing in things for name in (thing.get("metadata") or {})}
    return {
        name: [_flat((thing.get("metadata") or {}).get(name)) for thing in things]
        for name in sorted(names)
    }


def _flat(value: Any) -> str | None:
    """Text of a metadata value; the ranks of a lineage joined."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return "; ".join(str(part).strip() for part in value if str(part).strip()) or None
    return str(value)


def _texts(dataset: Any) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else str(v) for v in dataset[:]]


def _metadata(group: Any) -> Metadata:
    found: dict[str, list[str | None]] = {}
    for name in sorted(group or ()):
        values = group[name][:]
        found[name] = [_flat(_plain_value(v)) for v in values]
    return found


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain_value(v) for v in value]
    return value.decode() if isinstance(value, bytes) else value


def _fault(job: FileJob, found: str, expected: str) -> SourceFileError:
    todo = "Ask for the file again; nothing of it was landed."
    return SourceFileError(Fault(job.where, found, expected, todo))
