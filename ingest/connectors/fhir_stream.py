"""A FHIR file as blocks of lines, each one resource or one entry of a Bundle.

NDJSON is cut at its line ends, so that a faulty line hurts nobody but itself. Anything else is
one JSON document, a Bundle of any size or a single resource; fhir_bundle cuts it up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.fhir_leaves import ROOT
from biobraid.ingest.connectors.fhir_tokens import Bools, Ints
from biobraid.ingest.tabular.dialect import Dialect
from biobraid.ingest.tabular.stream import ByteStream

BLOCK_BYTES = 8 << 20
MAX_LINE_BYTES = 256 << 20
_SNIFF_BYTES = 1 << 20

Format = Literal["auto", "ndjson", "json"]


@dataclass(frozen=True)
class Block:
    """Lines that are not empty, each ended by a newline.

    numbers: line of the file each starts on. root: path of the object each holds, ROOT or
    ENTRY. undecodable: numbers of lines that are not UTF-8, already left out.
    """

    text: bytes
    numbers: Ints
    root: int
    undecodable: tuple[int, ...] = ()
    bytes_done: int = 0
    stamp: str | None = None  # when the Bundle was made, if it says so before its entries

    def __len__(self) -> int:
        return len(self.numbers)

    def without(self, wrong: Bools) -> Block:
        """The block without some lines."""
        lines = self.text.split(b"\n")[:-1]
        kept = [b + b"\n" for b, out in zip(lines, wrong.tolist(), strict=True) if not out]
        text, numbers = b"".join(kept), self.numbers[~wrong]
        return replace(self, text=text, numbers=numbers, undecodable=())


def read_blocks(path: Path, where: str, form: Format) -> Iterator[Block]:
    """Blocks of a plain or gzipped file.

    Raises SourceFileError: an empty, truncated or damaged file, NUL bytes, UTF-16, a document
    that ends in the middle or is followed by something else.
    """
    from biobraid.ingest.connectors.fhir_bundle import read_document

    with ByteStream(path, Dialect(), where) as stream:
        head = stream.read(_SNIFF_BYTES)
        if form == "ndjson" or (form == "auto" and _is_ndjson(path, head)):
            yield from _read_lines(stream, head, where)
        else:
            yield from read_document(stream, head, where)


def _is_ndjson(path: Path, head: bytes) -> bool:
    """Whether the first line is whole JSON, or the name says that lines are."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".ndjson", ".jsonl")):
        return True
    first, newline, rest = head.lstrip().partition(b"\n")
    if not newline or not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except ValueError:
        return False


def _read_lines(stream: ByteStream, head: bytes, where: str) -> Iterator[Block]:
    number, carry, told = 1, head, 0
    while True:
        more = stream.read(BLOCK_BYTES)
        text = carry + more
        cut = len(text) if not more else text.rfind(b"\n") + 1
        if cut == 0 and len(text) > MAX_LINE_BYTES:
            raise SourceFileError(
                Fault(
                    f"{where}, line {number}",
                    f"the line is longer than {MAX_LINE_BYTES >> 20} MiB",
                    "one resource per line",
                    "A Bundle on one line needs `format: json` in the source's options.",
                )
            )
        carry = text[cut:]
        done, text = text[:cut], b""
        if done and not done.endswith(b"\n"):
            done += b"\n"
        if done:
            block, n_lines = _block(done, number, stream.bytes_done - told)
            number += n_lines
            told = stream.bytes_done
            yield block
        if not more:
            return


def _block(text: bytes, number: int, bytes_done: int) -> tuple[Block, int]:
    """Lines of the text, and how many there are: blank and undecodable ones are left out."""
    data = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(data == 10)
    starts = np.concatenate([[0], ends[:-1] + 1])
    numbers = number + np.arange(len(ends))
    suspect = np.flatnonzero((data[starts] <= 32) | (ends - starts < 2))
    blank = [i for i in suspect.tolist() if not text[starts[i] : ends[i]].strip()]
    bad = [] if _is_utf8(text) else _undecodable(text)
    block = Block(text, numbers, ROOT, tuple(numbers[bad].tolist()), bytes_done)
    if not blank and not bad:
        return block, len(ends)
    wrong = np.zeros(len(ends), dtype=bool)
    wrong[blank + bad] = True
    kept = block.without(wrong)
    return replace(kept, undecodable=block.undecodable), len(ends)


def _is_utf8(text: bytes) -> bool:
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _undecodable(text: bytes) -> list[int]:
    return [i for i, line in enumerate(text.split(b"\n")[:-1]) if not _is_utf8(line)]
