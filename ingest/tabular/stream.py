"""A delivered text file as UTF-8 bytes: decompressed, without byte order mark, NUL refused."""

from __future__ import annotations

import codecs
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.tabular.dialect import Dialect

READ_BYTES = 1 << 20
READ_GZIP_BYTES = 1 << 16  # may grow a thousandfold
_AGAIN = "Ask for the file again; nothing of it was landed."
_GZIP = b"\x1f\x8b"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_MAGIC = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
}


class ByteStream:
    """Sequential reader of one file. Bytes that are not valid UTF-8 pass through as they are
    (a cp1252 byte without a meaning too), so that the record they stand in can be rejected.
    """

    def __init__(self, path: Path, dialect: Dialect, where: str) -> None:
        self.where = where
        self.bytes_done = 0  # of the file as delivered
        self._handle = path.open("rb")
        self._encoding = dialect.encoding
        self._unzip: zlib._Decompress | None = None
        self._pending = b""
        self._ended = False
        self._carriage_returns: bool | None = None  # lines end in CR alone; known after a read
        self._utf16: codecs.IncrementalDecoder | None = None
        try:
            self._open(path)
        except BaseException:
            self._handle.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    def read(self, n_bytes: int) -> bytes:
        """At least n_bytes of text, less only at the end of the file; b"" after it."""
        parts = [self._pending]
        size = len(self._pending)
        while size < n_bytes and not self._ended:
            raw = self._raw()
            text = self._to_utf8(raw, final=not raw)
            self._ended = not raw
            parts.append(text)
            size += len(text)
        data = b"".join(parts)
        self._pending = b""
        if self._carriage_returns is None and data:
            self._carriage_returns = b"\n" not in data and b"\r" in data
        return data.replace(b"\r", b"\n") if self._carriage_returns else data

    def _open(self, path: Path) -> None:
        head = self._handle.read(6)
        if not head:
            raise self._fault("the file is empty (0 bytes)", "a header and records")
        self._handle.seek(0)
        for magic, what in _OTHER_MAGIC.items():
            if head.startswith(magic):
                raise self._fault(
                    f"the file is {what}",
                    "delimited text, plain or gzip",
                    "Unpack it or save it as text, then run the same command again.",
                )
        if head.startswith(_GZIP):
            self._unzip = zlib.decompressobj(31)
        elif path.name.lower().endswith((".gz", ".bgz")):
            raise self._fault("the file is named .gz but is not gzip data", "a gzip file")
        first = self._raw()
        if not first:
            raise self._fault("the compressed file holds nothing", "a header and records")
        self._pending = self._to_utf8(self._without_mark(first), final=False)

    def _without_mark(self, first: bytes) -> bytes:
        is_utf16 = self._encoding.startswith("utf-16")
        if first.startswith(_UTF16_MARKS) and not is_utf16:
            raise self._fault(
                "the file begins with a UTF-16 byte order mark",
                self._encoding,
                "Declare the source's encoding as utf-16.",
            )
        if is_utf16:
            self._utf16 = codecs.getincrementaldecoder(self._encoding)("strict")
            if self._encoding != "utf-16" and first.startswith(_UTF16_MARKS):
                return first[2:]
        elif first.startswith(codecs.BOM_UTF8):
            if not self._encoding.startswith("utf-8"):
                raise self._fault(
                    "the file begins with a UTF-8 byte order mark",
                    self._encoding,
                    "Declare the source's encoding as utf-8.",
                )
            return first[3:]
        return first

    def _raw(self) -> bytes:
        """Next decompressed bytes; b"" only at the end of the file."""
        while True:
            raw = self._handle.read(READ_BYTES if self._unzip is None else READ_GZIP_BYTES)
            self.bytes_done += len(raw)
            if self._unzip is None:
                return raw
            if not raw:
                if not self._unzip.eof:
                    raise self._fault("the compressed data ends in the middle", "a whole gzip file")
                return b""
            data = self._inflate(self._unzip, raw)
            if data:
                return data

    def _inflate(self, unzip: zlib._Decompress, raw: bytes) -> bytes:
        """Decompress; a new gzip member begins where one ends (zero padding is skipped)."""
        parts = []
        try:
            while raw:
                if unzip.eof:
                    raw = raw.lstrip(b"\x00")
                    if not raw:
                        break
                    unzip = self._unzip = zlib.decompressobj(31)
                parts.append(unzip.decompress(raw))
                raw = unzip.unused_data
        except zlib.error:
            raise self._fault("the compressed data is damaged", "a whole gzip file") from None
        return b"".join(parts)

    def _to_utf8(self, raw: bytes, final: bool) -> bytes:
        if self._utf16 is not None:
            try:
                raw = self._utf16.decode(raw, final).encode("utf-8")
            except UnicodeError:
                raise self._fault("the file is not UTF-16 throughout", "utf-16") from None
        if b"\x00" in raw:
            raise self._fault(
                "the file holds NUL bytes: it is binary, damaged, or UTF-16",
                f"{self._encoding} text",
                "Ask for the file again, or declare its encoding.",
            )
        if self._encoding in ("latin-1", "cp1252") and not raw.isascii():
            # A byte without a meaning comes out as itself, alone: never valid UTF-8.
            decoded = raw.decode(self._encoding, errors="surrogateescape")
            return decoded.encode("utf-8", errors="surrogateescape")
        return raw

    def _fault(self, found: str, expected: str, todo: str = _AGAIN) -> SourceFileError:
        return SourceFileError(Fault(self.where, found, expected, todo))
