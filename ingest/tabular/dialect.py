"""How a delimited text file is written, declared and never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]


@dataclass(frozen=True)
class Dialect:
    """Declared form of a delimited text file.

    delimiter, quote: one ASCII character each; quote None where quotes are ordinary text.
    A quote counts only as the first character of a field and is doubled inside (RFC 4180).
    null_values: cells that are the same as empty ones.
    comment: lines that begin so are no records. skip_rows: physical lines above the header.
    skip_after_header: records below the header that hold no data (NDA's descriptions).
    decimal: decimal mark of numbers; cells are yielded as delivered, `to_point` converts.
    """

    delimiter: str = ","
    quote: str | None = '"'
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    null_values: tuple[str, ...] = ()
    comment: str | None = None
    skip_rows: int = 0
    skip_after_header: int = 0

    def __post_init__(self) -> None:
        for name, sign in (("delimiter", self.delimiter), ("quote", self.quote)):
            if sign is not None and (len(sign) != 1 or not sign.isascii() or sign in "\r\n\0"):
                raise ValueError(f"{name} must be one ASCII character other than a line end")
        if self.quote == self.delimiter:
            raise ValueError("quote and delimiter are the same character")
        if self.comment is not None and not self.comment:
            raise ValueError("comment must not be empty")
