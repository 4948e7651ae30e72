"""The first worksheet of an .xlsx file as rows of text (dictionaries arrive as spreadsheets).

Reads what ECMA-376 says of cells: shared strings, inline strings, numbers as written. Formulas
give their stored value; styles, dates among them, are not looked at.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from biobraid.core.errors import Fault, SettingsError

MAX_SHEET_BYTES = 256 << 20  # a dictionary; anything larger is a damaged or hostile file
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_worksheet(path: Path, where: str) -> list[list[str]]:
    """Rows of the first worksheet, trimmed and without empty cells at the end.

    SettingsError: not an .xlsx file, damaged, or without a worksheet.
    """
    try:
        with zipfile.ZipFile(path) as book:
            strings = _shared_strings(book)
            return list(_rows(_part(book, _first_sheet(book)), strings))
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, IndexError):
        raise SettingsError(
            Fault(where, "the spreadsheet cannot be read", "an undamaged .xlsx file")
        ) from None


def _part(book: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if book.getinfo(name).file_size > MAX_SHEET_BYTES:
        raise ValueError("a part of the spreadsheet is too large")
    data = book.read(name)
    if b"<!DOCTYPE" in data[:4096]:
        raise ValueError("the spreadsheet declares entities")
    return ElementTree.fromstring(data)


def _first_sheet(book: zipfile.ZipFile) -> str:
    sheet = _part(book, "xl/workbook.xml").find(f"{_MAIN}sheets/{_MAIN}sheet")
    if sheet is None:
        raise ValueError("no worksheet")
    for relation in _part(book, "xl/_rels/workbook.xml.rels"):
        if relation.get("Id") == sheet.get(_REL):
            target = relation.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise ValueError("no worksheet")


def _shared_strings(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    items = _part(book, "xl/sharedStrings.xml").findall(f"{_MAIN}si")
    return [_text(item) for item in items]


def _text(item: ElementTree.Element) -> str:
    """Text of a string item; its phonetic runs (rPh) are left out."""
    direct = [item.find(f"{_MAIN}t"), *item.findall(f"{_MAIN}r/{_MAIN}t")]
    return "".join(part.text or "" for part in direct if part is not None)


def _rows(sheet: ElementTree.Element, strings: list[str]) -> Iterator[list[str]]:
    for row in sheet.iterfind(f"{_MAIN}sheetData/{_MAIN}row"):
        cells: dict[int, str] = {}
        for place, cell in enumerate(row.iterfind(f"{_MAIN}c")):
            letters = re.match(r"[A-Z]{1,3}", cell.get("r", ""))
            column = place if letters is None else _column(letters[0])
            cells[column] = _value(cell, strings).strip()
        last = max((i for i, text in cells.items() if text), default=-1)
        yield [cells.get(i, "") for i in range(last + 1)]


def _value(cell: ElementTree.Element, strings: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        inline = cell.find(f"{_MAIN}is")
        return "" if inline is None else _text(inline)
    text = cell.findtext(f"{_MAIN}v") or ""
    return strings[int(text)] if cell.get("t") == "s" and text else text


def _column(letters: str) -> int:
    """Index of a column: A is 0, AA is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
