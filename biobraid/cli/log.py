"""The home's log file: what ran and how it ended, redacted, safe to send to us."""

from __future__ import annotations

import logging
import re
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path

from biobraid.core.home import Home

# Paths, e-mail addresses, long digit runs and quoted text may hold a participant's data.
_REDACTIONS = (
    (re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\s\\/:'\"]+){2,}[\\/]?"), "<path>"),
    (re.compile(r"[^\s@'\"]+@[^\s@'\"]+"), "<address>"),
    (re.compile(r"'[^']{3,}'|\"[^\"]{3,}\""), "<quoted>"),
    (re.compile(r"(?<![0-9a-f])\d{5,}(?![0-9a-f])"), "<number>"),
)


def redact(text: str) -> str:
    """The text without paths, addresses, quoted passages and long numbers."""
    for pattern, word in _REDACTIONS:
        text = pattern.sub(word, text)
    return text


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record = logging.makeLogRecord(record.__dict__)
        record.exc_info, record.exc_text, record.stack_info = None, None, None
        return redact(super().format(record))


class _QuietHandler(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """Do without the line: on a full disk, logging would print a traceback of its own."""


def open_log(home: Home) -> logging.Logger:
    """The home's logger; one file of at most 5 MB and three older ones."""
    logger = logging.getLogger("biobraid")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    home.logs.mkdir(exist_ok=True)
    handler = _QuietHandler(
        home.logs / "biobraid.log", maxBytes=5_000_000, backupCount=3, encoding="utf-8", delay=True
    )
    handler.setFormatter(_RedactingFormatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


def bug_lines(error: BaseException) -> list[str]:
    """Where an unforeseen exception came from: type, files and lines, never its message.

    The message of a foreign exception may quote a participant's value (DuckDB's casts do).
    """
    lines = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__}")
        lines += [f"  {Path(f.filename).name}, line {f.lineno}, in {f.name}" for f in frames]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return lines
