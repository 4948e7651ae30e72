"""Bytes of a VCF: unpacking on a thread of its own, whole lines, and files that are cut off."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.genotype_files import broken

Kind = Literal["vcf", "vcf.gz", "bcf"]
_GZIP = b"\x1f\x8b"
_BGZF_EXTRA = b"BC\x02\x00"
# The empty block that ends every BGZF file (SAM specification, 4.1.2).
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def kind_of(job: FileJob) -> Kind:
    """What the file is, by its first bytes; SourceFileError if it is none of them or cut off."""
    with job.path.open("rb") as file:
        head = file.read(1 << 16)
    is_packed = head[:2] == _GZIP
    if is_packed:
        if head[12:16] == _BGZF_EXTRA and not _ends_well(job.path):
            raise broken(job, "the file is cut off: its last block is missing")
        try:
            head = zlib.decompressobj(31).decompress(head)
        except zlib.error:
            raise broken(job, "the file cannot be unpacked: it is damaged") from None
    if head[:5] == b"BCF\x02\x02":
        return "bcf"
    if is_packed and len(head) < 16:
        raise broken(job, "the file is cut off within its first block")
    if not head.startswith(b"##fileformat=VCF"):
        raise broken(job, "the file does not begin as a VCF does", "##fileformat=VCF… or a BCF 2.2")
    # Cut within the last call, 0|1 reads as 0: only packed files tell by their end.
    if not is_packed and _last_bytes(job.path, 1) != b"\n":
        raise broken(job, "the file is cut off: its last line has no end", "a line feed at the end")
    return "vcf.gz" if is_packed else "vcf"


def _ends_well(path: Path) -> bool:
    return _last_bytes(path, len(_BGZF_END)) == _BGZF_END


def _last_bytes(path: Path, n: int) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(n, path.stat().st_size), 2)
        return file.read()


def header_text(job: FileJob, kind: Kind) -> str:
    """The lines of a text VCF that begin with '#'."""
    found = b""
    for block, _ in blocks(job, kind, size=1 << 16, read=1 << 14):
        start = 0
        while block[start : start + 1] == b"#":
            start = block.find(b"\n", start) + 1 or len(block)
        found += block[:start]
        if start < len(block):
            break
    return found.decode("utf-8", errors="replace")


def blocks(
    job: FileJob, kind: Kind, size: int = 8 << 20, read: int = 1 << 20
) -> Iterator[tuple[bytes, int]]:
    """(whole lines, delivered bytes read for them); the last line may lack its line feed.

    size: bytes of a block, unpacked; read: delivered bytes read at a time.

    The next block is unpacked while one is worked on.
    """
    raw = _unpacked(job, read) if kind == "vcf.gz" else _plain(job, read)
    with ThreadPoolExecutor(1) as pool:
        gathered = _gathered(raw, size)
        waiting = pool.submit(next, gathered, None)
        while (block := waiting.result()) is not None:
            waiting = pool.submit(next, gathered, None)
            yield block


def _gathered(pieces: Iterator[tuple[bytes, int]], size: int) -> Iterator[tuple[bytes, int]]:
    held: list[bytes] = []
    n_held = n_read = 0
    for piece, n_bytes in pieces:
        held.append(piece)
        n_held += len(piece)
        n_read += n_bytes
        if n_held < size:
            continue
        text = b"".join(held)
        end = text.rfind(b"\n") + 1
        if end:
            yield text[:end], n_read
            held, n_held, n_read = [text[end:]], len(text) - end, 0
        else:  # a line longer than the block
            held = [text]
    if n_held:
        yield b"".join(held), n_read


def _plain(job: FileJob, read: int) -> Iterator[tuple[bytes, int]]:
    with job.path.open("rb") as file:
        while piece := file.read(read):
            yield piece, len(piece)


def _unpacked(job: FileJob, read: int) -> Iterator[tuple[bytes, int]]:
    """Members of a gzip or BGZF file one after the other."""
    with job.path.open("rb") as file:
        member = zlib.decompressobj(31)
        has_begun = False
        while piece := file.read(read):
            n_bytes, out = len(piece), []
            while piece:
                try:
                    out.append(member.decompress(piece))
                except zlib.error:
                    raise broken(job, "the file cannot be unpacked: it is damaged") from None
                has_begun = True
                piece = member.unused_data
                if member.eof:
                    member = zlib.decompressobj(31)
                    has_begun = False
                    piece = piece.lstrip(b"\x00")
            yield b"".join(out), n_bytes
        if has_begun:
            raise broken(job, "the file is cut off in the middle of a packed block")
