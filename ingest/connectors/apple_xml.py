"""Streaming an Apple Health export.xml through expat, whatever state its head is in.

Three defects of real exports are mended before expat sees them: the document type definition
(that of iOS 16 is no valid DTD) is taken out whole, control characters that XML forbids (0x0b in
names of apps) are taken out and counted, and so are references to them (&#11;). Line numbers stay
those of the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from biobraid.core.errors import Fault, SourceFileError

READ_BYTES = 1 << 20
_FORBIDDEN = bytes([*range(9), 11, 12, *range(14, 32)])
_REFERENCE = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2\d|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));"
)
_OWN_KEY = re.compile(r"_?HK[A-Za-z0-9]{1,100}")
_LARGEST_HEAD = 4 << 20
Attributes = dict[str, str]

# Elements that are records of their own; every other element is counted as part of one.
RECORD, WORKOUT, SUMMARY, CORRELATION, ME = (
    "Record",
    "Workout",
    "ActivitySummary",
    "Correlation",
    "Me",
)
_OTHER_RECORDS = ("ExportDate", "ClinicalRecord", "Audiogram", "VisionPrescription")
_ROOTS = ("HealthData", "ClinicalDocument")


class ExportReader:
    """Reads one export.xml; what was met since the last `take` stands in the lists.

    line numbers of records are given by `lines`, beside `records`.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.root: str | None = None
        self.records: list[Attributes] = []
        self.lines: list[int] = []
        self.workouts: list[Attributes] = []
        self.summaries: list[Attributes] = []
        self.me: list[Attributes] = []
        self.export_date: str | None = None
        self.ignored_records: Counter[str] = Counter()
        self.ignored_facts: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self._current: Attributes = {}
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin

    def read(self, stream: IO[bytes], on_bytes: Callable[[int], None]) -> Iterator[None]:
        """Parse the stream, a piece at a time; SourceFileError where it is no whole XML."""
        pieces = self._mended(stream, on_bytes)
        try:
            for piece in pieces:
                self._parser.Parse(piece, False)
                yield
                if self.root == "ClinicalDocument":
                    return
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            if self.root == "ClinicalDocument":  # has several roots, as a rule; it is not read on
                return
            said = f"the XML is broken: {expat.ErrorString(error.code)}"
            raise self._broken(error.lineno, said) from None
        except (LookupError, ValueError):  # what expat hands to Python's codecs
            raise self._broken(1, "the XML is in an encoding that cannot be read") from None
        yield

    def _broken(self, line: int, found: str) -> SourceFileError:
        return SourceFileError(
            Fault(
                f"{self.where}, line {line}",
                found,
                "a whole export.xml in UTF-8, to its closing </HealthData>",
                "Export it again from the Health app; nothing of the file was landed.",
            )
        )

    def _mended(self, stream: IO[bytes], on_bytes: Callable[[int], None]) -> Iterator[bytes]:
        """Pieces that end behind a `>`, so that no reference is torn."""
        data = _without_doctype(stream)
        on_bytes(len(data))
        rest = b""
        while data:
            whole = rest + data
            end = whole.rfind(b">") + 1
            piece, rest = whole[:end], whole[end:]
            yield self._clean(piece)
            data = stream.read(READ_BYTES)
            on_bytes(len(data))
        yield self._clean(rest)

    def _clean(self, piece: bytes) -> bytes:
        cleaned = piece.translate(None, _FORBIDDEN)
        n = len(piece) - len(cleaned)
        if b"&#" in cleaned:
            cleaned, n_references = _REFERENCE.subn(b"", cleaned)
            n += n_references
        if n:
            self.warnings["control-characters-removed"] += n
        return cleaned

    def _begin(self, name: str, attributes: Attributes) -> None:
        if name == RECORD:
            self._current = attributes
            self.records.append(attributes)
            self.lines.append(self._parser.CurrentLineNumber)
        elif name == "MetadataEntry":
            self._metadata(attributes)
        elif name == SUMMARY:
            self.summaries.append(attributes)
        elif name == WORKOUT:
            self._current = attributes
            self.workouts.append(attributes)
        elif name == CORRELATION:
            # Its records stand again at the top of the document (Apple's own note in the DTD).
            self.ignored_records["correlation"] += 1
            self._parser.StartElementHandler = self._begin_inside
            self._parser.EndElementHandler = self._end_inside
        elif name == ME:
            self.me.append(attributes)
        elif name == "ExportDate":
            self.export_date = attributes.get("value")
            self.ignored_records["export-date"] += 1
        elif name in _OTHER_RECORDS:
            self._current = {}
            self.ignored_records[f"element:{name}"] += 1
        elif self.root is None:
            self._root(name)
        else:
            self.ignored_facts[f"element:{name}"] += 1

    def _metadata(self, attributes: Attributes) -> None:
        key = attributes.get("key", "")
        if key == "HKTimeZone" and "startDate" in self._current:
            self._current["zone"] = attributes.get("value", "")
        else:  # names of keys that apps made up may say anything
            rule = f"metadata:{key}" if _OWN_KEY.fullmatch(key) else "metadata:other"
            self.ignored_facts[rule] += 1

    def _root(self, name: str) -> None:
        self.root = name
        if name not in _ROOTS:
            raise SourceFileError(
                Fault(
                    self.where,
                    "the XML is not an Apple Health export",
                    "an export.xml with the root element HealthData",
                    "Take the file out of the source's globs.",
                )
            )

    def _begin_inside(self, name: str, _attributes: Attributes) -> None:
        if name == RECORD:
            self.ignored_records["correlation-member"] += 1
        else:
            self.ignored_facts["element:Correlation"] += 1

    def _end_inside(self, name: str) -> None:
        if name == CORRELATION:
            self._parser.StartElementHandler = self._begin
            self._parser.EndElementHandler = None


def _without_doctype(stream: IO[bytes]) -> bytes:
    """The head of the file with line breaks in place of its DOCTYPE."""
    head = stream.read(READ_BYTES)
    start = head.find(b"<!DOCTYPE")
    if start < 0:
        return head
    while len(head) < _LARGEST_HEAD:
        bracket, close = head.find(b"[", start), head.find(b">", start)
        if close >= 0 and (bracket < 0 or close < bracket):
            return _blanked(head, start, close + 1)
        end = re.search(rb"\]\s*>\s*<HealthData|\]\s*>\s*<!--|\]\s*>\s*$", head[start:])
        if end is not None:
            last = head.index(b">", start + end.start())
            return _blanked(head, start, last + 1)
        more = stream.read(READ_BYTES)
        if not more:
            break
        head += more
    return head


def _blanked(head: bytes, start: int, end: int) -> bytes:
    return head[:start] + b"\n" * head.count(b"\n", start, end) + head[end:]
