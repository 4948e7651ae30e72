"""An Athena download as it lies on disk: which file holds which table, in a folder or a zip."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.vocabulary.tables import VOCABULARY_TABLES

# Tables of every download, in the order in which they are read: small ones first, so that
# what is wrong with them is known early.
ATHENA_TABLES = (
    "vocabulary", "domain", "concept_class", "relationship", "concept", "drug_strength",
    "concept_synonym", "concept_relationship", "concept_ancestor",
)  # fmt: skip
# CPT4 concepts come in a file of their own, without names, until Athena's cpt4 step was run.
CPT4 = "concept_cpt4"
OPTIONAL_TABLES = (CPT4, "source_to_concept_map")
DELIMITER = "\t"
_HEAD_BYTES = 65_536


def athena_schema(table: str) -> pa.Schema:
    """Columns of a table of the download."""
    return VOCABULARY_TABLES["concept" if table == CPT4 else table]


@dataclass(frozen=True)
class Member:
    """One file of a download. `name` is what people are told; it names no folder above it."""

    table: str
    name: str
    container: Path  # the file itself, or the zip that holds it
    inner: str  # name inside the zip; empty for a file
    n_bytes: int  # unpacked
    mark: str  # changes when the file is another one

    @property
    def is_parquet(self) -> bool:
        """True for Parquet, false for tab-separated text."""
        return self.name.lower().endswith(".parquet")

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes; those of a zip are checked against its checksum at their end."""
        if not self.inner:
            with self.container.open("rb") as handle:
                yield handle
            return
        with zipfile.ZipFile(self.container) as archive, archive.open(self.inner) as handle:
            yield handle


@dataclass
class Download:
    """The files of a download by table, and everything that can be seen wrong at once."""

    name: str
    members: dict[str, Member] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)  # of text files, lower case
    faults: list[Fault] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """Hash over names, sizes and times or checksums; not over where the download lies."""
        lines = [f"{m.table} {m.inner or m.name} {m.n_bytes} {m.mark}" for m in self.in_order()]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def n_bytes(self) -> int:
        """Unpacked size of the tables."""
        return sum(m.n_bytes for m in self.members.values())

    def in_order(self) -> list[Member]:
        """Members in the order they are read."""
        order = (*ATHENA_TABLES, *OPTIONAL_TABLES)
        return [self.members[t] for t in order if t in self.members]


def open_download(path: Path) -> Download:
    """Look at a download: names, first lines and last bytes; SourceFileError with all faults."""
    found = examine_download(path)
    if found.faults:
        raise SourceFileError(found.faults)
    return found


def examine_download(path: Path) -> Download:
    """Like `open_download`, with the faults inside."""
    out = Download(path.name)
    if path.is_dir():
        members = list(_in_folder(path))
    elif path.is_file():
        try:
            members = list(_in_zip(path))
        except zipfile.BadZipFile:
            todo = "Download it again; compare its size with what Athena says."
            out.faults.append(Fault(path.name, "is no whole zip file: it may be cut", "", todo))
            return out
    else:
        expected = "an Athena download: a folder or a .zip"
        out.faults.append(Fault(path.name, "there is no such file or folder", expected))
        return out
    for member in members:
        other = out.members.setdefault(member.table, member)
        if other is not member:
            found = f"{other.inner or other.name} and {member.inner or member.name} are both "
            out.faults.append(Fault(path.name, f"{found}{member.table.upper()}", "one of them"))
    missing = [t for t in ATHENA_TABLES if t not in out.members]
    out.faults += [
        Fault(path.name, f"{table.upper()}.csv is missing", "all files of an Athena download",
              "Unpack or download it again." if table != "drug_strength" else
              "Athena writes it even where it has no rows.")
        for table in missing
    ]  # fmt: skip
    for member in out.in_order():
        try:
            out.columns[member.table] = _look(member, out.faults)
        except (RuntimeError, NotImplementedError):  # zipfile's words for both
            found = "is encrypted or packed in a way that cannot be read"
            out.faults.append(Fault(member.name, found, "a plain zip", "Unpack it to a folder."))
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, pa.ArrowInvalid):
            out.faults.append(Fault(member.name, "cannot be read: the file is damaged or cut"))
    return out


def _in_folder(path: Path) -> Iterator[Member]:
    for file in sorted(path.iterdir()):
        table = _table_of(file.name)
        if table and file.is_file():
            stat = file.stat()
            yield Member(table, file.name, file, "", stat.st_size, str(stat.st_mtime_ns))


def _in_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in sorted(archive.infolist(), key=lambda i: i.filename):
            name = info.filename.rsplit("/", 1)[-1]
            table = _table_of(name)
            if table and not info.filename.startswith("__MACOSX/"):
                mark = f"{info.CRC:08x}"
                yield Member(table, name, path, info.filename, info.file_size, mark)


def _table_of(name: str) -> str:
    stem, _, suffix = name.lower().rpartition(".")
    is_table = stem in (*ATHENA_TABLES, *OPTIONAL_TABLES) and suffix in ("csv", "parquet")
    return stem if is_table else ""


def _look(member: Member, faults: list[Fault]) -> list[str]:
    """Columns of a member; what is wrong with its first and last bytes goes to `faults`."""
    if member.is_parquet:
        if member.inner:  # its columns stand at its end: seen when it is read
            return []
        columns = [name.lower() for name in pq.read_schema(member.container).names]
        faults += column_faults(member, columns)
        return columns
    with member.open() as handle:
        head = handle.read(_HEAD_BYTES)
        if not member.inner and head:
            handle.seek(-1, 2)
            if handle.read(1) != b"\n":
                faults.append(cut_fault(member))
    if not head:
        faults.append(Fault(member.name, "the file is empty", "a line with the column names"))
        return []
    line = head.split(b"\n", 1)[0].rstrip(b"\r").removeprefix(b"\xef\xbb\xbf")
    text = line.decode("utf-8", "replace").lower()
    other = next((d for d in (",", ";", "|") if d in text), None)
    if DELIMITER not in text and other:
        todo = "Load the files as Athena gives them; a spreadsheet must not have saved them."
        found = f"columns are separated by '{other}'"
        faults.append(Fault(member.name, found, "a tab between columns, no quotes", todo))
        return []
    columns = text.split(DELIMITER)
    faults += column_faults(member, columns)
    return columns


def column_faults(member: Member, columns: list[str]) -> list[Fault]:
    """Columns that the table needs and the file lacks."""
    lacking = [c for c in athena_schema(member.table).names if c not in columns]
    if not lacking:
        return []
    found = f"no column {', '.join(lacking)}"
    return [Fault(member.name, found, f"the columns of OMOP {member.table.upper()}")]


def cut_fault(member: Member) -> Fault:
    """The last line of a text file does not end."""
    return Fault(
        member.name,
        "the last line has no end: the file is cut",
        "a line break after the last row",
        "Download or unpack it again.",
    )
