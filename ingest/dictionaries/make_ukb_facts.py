"""Make the tables of ingest/dictionaries/ukb from UK Biobank's public field list.

    python -m biobraid.ingest.dictionaries.make_ukb_facts FIELD_TXT

FIELD_TXT is schema 1 ("field.txt", tab-separated, perhaps gzipped) of the Showcase. Written:

    date_fields.tsv       which field's date dates a field's values
    bulk_fields.tsv       fields whose cells name files (bulk, records, samples): never landed
    free_text_fields.tsv  text without an encoding: landed only if the study allows it

Ranges are inclusive and cover known fields; a newer field between two known ones of a range
is taken to be like them.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path

FOLDER = Path(__file__).parent / "ukb"
Field = Mapping[str, str]
DateRule = tuple[str, str]  # date field, and by what its cell is found: instance or array

# Fields with an own instance numbering (instance_id), dated by a field of the same numbering.
_BY_INSTANCE = {
    "1": "105010",  # online diet questionnaires
    "2": "53",  # assessment centre visits
    "12": "28008",  # repeated antibody samples
    "154": "27982",  # antibody self-tests
    "693": "30095",  # pathology samples
    "9000001": "40000",  # death certificates
    "9000002": "40005",  # cancer registrations
}
# Online questionnaires and sub-studies: category -> the field that says when it was completed.
_BY_CATEGORY = {
    **dict.fromkeys([str(c) for c in range(136, 148)], "20400"),  # mental health, 2016
    **{"153": "21023", "154": "120128", "160": "28755", "989": "28167", "991": "28127"},
    **{"1039": "20750", "123": "22500", "1009": "90010", "1011": "90010"},
    **{"117": "20134", "118": "20135", "120": "20138", "121": "20136", "122": "20137"},
    **{"161": "20765"},
    **{str(1501 + i): str(29197 + i) for i in range(13)},  # mental well-being, 2022
    **{"206": "30489", "207": "30491", "208": "30493", "209": "32120"},  # sleep
    **{str(210 + i): str(32122 + 2 * i) for i in range(7)},
    **{str(517 + i): str(32356 + 2 * i) for i in range(4)},  # social interactions
}
# Summaries of hospital records: the date stands in another field at the same array index.
_BY_ARRAY = {
    "41270": "41280", "41271": "41281", "41272": "41282", "41273": "41283",
    "41202": "41262", "41203": "41263", "41200": "41260", "41256": "41257",
}  # fmt: skip
_UNDATED = {"40009"}  # a count of registrations, of no one registration
_FIRST_OCCURRENCE = range(130000, 133000)  # date in the even field, its source in the next
_OUTCOME = range(42000, 42040)  # the same layout
_DATE_TYPES = ("51", "61")
_FREE_TEXT_TYPES = ("41", "101")


def date_rule(field: Field) -> DateRule | None:
    """What dates the field's values; None if nothing does."""
    number, instance = field["field_id"], field["instance_id"]
    if number in _UNDATED:
        return None
    if number in _BY_ARRAY:
        return _BY_ARRAY[number], "array"
    if number in _BY_ARRAY.values():
        return number, "array"
    if int(number) in _FIRST_OCCURRENCE or int(number) in _OUTCOME:
        return str(int(number) // 2 * 2), "instance"
    dated_by = _BY_CATEGORY.get(field["main_category"])
    if dated_by and instance in ("0", "178"):
        # An invitation or the start is not when the answers were given.
        is_other_date = field["value_type"] in _DATE_TYPES and number != dated_by
        return None if is_other_date else (dated_by, "instance")
    if instance in _BY_INSTANCE:
        return _BY_INSTANCE[instance], "instance"
    return None


def is_bulk(field: Field) -> bool:
    """True where a cell holds a file's name, which contains the eid."""
    return field["item_type"] != "0"


def is_free_text(field: Field) -> bool:
    """True for text that no encoding bounds."""
    return field["value_type"] in _FREE_TEXT_TYPES and field["encoding_id"] == "0"


def read_fields(path: Path) -> list[dict[str, str]]:
    """Rows of field.txt, by field id."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
    rows = csv.DictReader(StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    return sorted(rows, key=lambda r: int(r["field_id"]))


def ranges(keys: list[tuple[int, DateRule | None]]) -> Iterator[tuple[int, int, DateRule]]:
    """Runs of neighbouring fields that share a key other than None."""
    first, last, current = 0, 0, None
    for number, key in keys:
        if key == current:
            last = number
            continue
        if current is not None:
            yield first, last, current
        first, last, current = number, number, key
    if current is not None:
        yield first, last, current


def write_facts(fields: list[dict[str, str]], folder: Path) -> None:
    """Write the three tables."""
    dated = [(int(f["field_id"]), date_rule(f)) for f in fields]
    lines = [f"{a}\t{b}\t{rule[0]}\t{rule[1]}" for a, b, rule in ranges(dated)]
    _write(folder / "date_fields.tsv", "first_field\tlast_field\tdate_field\taligned_by", lines)
    for name, holds in (("bulk", is_bulk), ("free_text", is_free_text)):
        marked = [(int(f["field_id"]), ("", "") if holds(f) else None) for f in fields]
        lines = [f"{a}\t{b}" for a, b, _ in ranges(marked)]
        _write(folder / f"{name}_fields.tsv", "first_field\tlast_field", lines)


def _write(path: Path, header: str, lines: list[str]) -> None:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_facts(read_fields(Path(sys.argv[1])), FOLDER)
