"""BIOM tables as ids, metadata and blocks of non-zero entries, sample by sample.

Format 2.1 is HDF5 with the matrix once by observation (CSR) and once by sample (CSC stored as
CSR of the transpose); the latter is read in slices, so memory does not grow with the table.
Format 1.0 is JSON (biom_json.py): its numbers are held together while they are sorted by sample,
and a table too large for that is refused. Both may be gzipped.
http://biom-format.org/documentation/biom_format.html
"""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import h5py
import numpy as np

from biobraid.core.errors import SourceFileError
from biobraid.core.files import PARTIAL
from biobraid.ingest.connectors.biom_heap import has_endless_heap
from biobraid.ingest.connectors.biom_json import JsonTable
from biobraid.ingest.connectors.biom_parts import (
    Entries,
    Ints,
    Metadata,
    as_text,
    end_of_block,
    fault,
    flat,
)
from biobraid.ingest.connectors.contract import FileJob

_GZIP, _HDF5 = b"\x1f\x8b", b"\x89HDF\r\n\x1a\n"
# What h5py raises, one way or another, about a file whose bytes are not what they were.
_SPOILT = (OSError, RuntimeError, ValueError, TypeError, IndexError, AttributeError, OverflowError)


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
            yield JsonTable(job, path)
        elif not head:
            raise fault(job, "the file is empty (0 bytes)", "a BIOM table")
        else:
            raise fault(job, "the file is neither HDF5 nor JSON", "a BIOM table, 1.0 or 2.1")


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
            raise fault(
                job, "the compressed data is damaged or ends in the middle", "a whole gzip file"
            ) from None
        yield target


@contextmanager
def _open_hdf5(job: FileJob, path: Path) -> Iterator[h5py.File]:
    try:
        if has_endless_heap(path):
            raise OSError("libhdf5 would never come back")
        file = h5py.File(path, "r")
    except OSError:
        raise fault(job, "the HDF5 file is damaged or ends in the middle", "a whole file") from None
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
            raise fault(
                job,
                "the HDF5 file lacks ids or the matrix by sample",
                "groups observation and sample with ids and matrix, as BIOM 2.1 has them",
            ) from None
        except _SPOILT:
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
            last = end_of_block(self._indptr, first, n)
            stop = self._indptr[last]
            try:
                observation = np.asarray(self._matrix["indices"][start:stop], dtype=np.int64)
                value = np.asarray(self._matrix["data"][start:stop], dtype=np.float64)
            except _SPOILT:
                raise self._damaged() from None
            if len(observation) and not (0 <= observation.min() <= observation.max()
                                         < len(self.observations)):  # fmt: skip
                raise self._damaged()
            counts = np.diff(self._indptr[first : last + 1])
            sample = np.repeat(np.arange(first, last), counts)
            yield Entries(first, last - first, sample, observation, value)
            first = last

    def _damaged(self) -> SourceFileError:
        return fault(
            self._job,
            "the HDF5 file is damaged: matrix or metadata do not fit its ids",
            "a whole file",
        )


def _texts(dataset: Any) -> list[str]:
    return [v.decode() if isinstance(v, bytes) else as_text(v) for v in dataset[:]]


def _metadata(group: Any) -> Metadata:
    found: dict[str, list[str | None]] = {}
    for name in sorted(group or ()):
        values = group[name][:]
        found[name] = [flat(_plain_value(v)) for v in values]
    return found


def _plain_value(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain_value(v) for v in value]
    return value.decode() if isinstance(value, bytes) else value
