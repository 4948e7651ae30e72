"""JSON of exports: whole documents of a bounded size, and the finite numbers in them."""

from __future__ import annotations

import json
import math
import re
from typing import IO, Any

from biobraid.core.errors import Fault, SourceFileError

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
MOST_BYTES = 64 << 20  # a document takes some ten times as much while it is read


def read_document(stream: IO[bytes], where: str) -> Any:
    """The document; SourceFileError if it is broken, cut off, or larger than MOST_BYTES."""
    data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise SourceFileError(
            Fault(
                where,
                f"the JSON is larger than {MOST_BYTES >> 20} MB",
                "smaller files, or one entry a line where the format has lines",
                "Deliver the export in parts; nothing of the file was landed.",
            )
        )
    return parsed(data, where)


def parsed(data: bytes, where: str) -> Any:
    """The JSON of some bytes; SourceFileError if they are none."""
    try:
        found = json.loads(data)
        if _SURROGATE.search(data):  # half a character, which no text column can hold
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
        return found
    except json.JSONDecodeError as error:
        where = f"{where}, line {error.lineno}"
    except (ValueError, RecursionError):  # no text, a number of thousands of digits, a bomb
        pass
    raise SourceFileError(
        Fault(
            where,
            "the JSON is broken or cut off",
            "a whole JSON document",
            "Ask for the file again; nothing of it was landed.",
        )
    )


def is_whole(line: bytes) -> bool:
    """Whether a line is an object of its own, as where there is one a line."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def finite(value: Any) -> float | None:
    """The value as a number; None if it is none, or an infinite one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def entries_of(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
