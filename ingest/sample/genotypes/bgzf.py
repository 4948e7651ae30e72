"""BGZF, the blocked gzip of VCF files: independent members of at most 64 KiB."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from types import TracebackType

_BLOCK = 0xFF00
_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class BgzfFile:
    """A file being written; equal content gives equal bytes. Closes with the end marker."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._out = path.open("wb")
        self._waiting = bytearray()

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._waiting += data
        while len(self._waiting) >= _BLOCK:
            self._block(bytes(self._waiting[:_BLOCK]))
            del self._waiting[:_BLOCK]

    def close(self) -> None:
        """Finish the file."""
        if self._waiting:
            self._block(bytes(self._waiting))
            self._waiting.clear()
        self._out.write(_END)
        self._out.close()

    def __enter__(self) -> BgzfFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _block(self, data: bytes) -> None:
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = deflate.compress(data) + deflate.flush()
        self._out.write(
            struct.pack("<4BI2BH2BHH", 31, 139, 8, 4, 0, 0, 255, 6, 66, 67, 2, len(body) + 25)
        )
        self._out.write(body + struct.pack("<II", zlib.crc32(data), len(data)))
