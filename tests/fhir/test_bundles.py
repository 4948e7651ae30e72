"""Bundles of every kind, whole and cut, and which form a file is in."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors import fhir_bundle, fhir_stream
from tests.fhir.delivery import bundle, ndjson, read
from tests.fhir.samples import condition, resource

ROWS = [condition(f"c{i}", onsetDateTime=f"20{i:02d}-01-01") for i in range(12)]
STARTS = [(row["onsetDateTime"],) for row in ROWS]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bundle.json"


def entries(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"resource": row} for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        bundle(*entries(*ROWS)),
        bundle(*entries(*ROWS), type="searchset", total=12, link=[{"relation": "self"}]),
        json.dumps({"entry": entries(*ROWS), "resourceType": "Bundle"}),
        ndjson(*ROWS),
        ndjson({"resourceType": "Bundle", "entry": entries(*ROWS)}),
        "".join(ndjson({"resourceType": "Bundle", "entry": entries(row)}) for row in ROWS),
        "\n\n" + "\n  \n".join(ndjson(*ROWS).splitlines()),
        "\ufeff" + ndjson(*ROWS).replace("\n", "\r\n"),
        ndjson(*ROWS).rstrip("\n"),
        bundle(*entries(*ROWS[:6])) + "\n" + bundle(*entries(*ROWS[6:])),
    ],
    ids=["pretty", "searchset", "type-last", "lines", "one-line", "a-bundle-a-line", "blank-lines",
         "crlf", "no-last-newline", "two-documents"],
)  # fmt: skip
def test_the_same_resources_in_every_form(
    file: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (fhir_stream.BLOCK_BYTES, 700):
        monkeypatch.setattr(fhir_bundle, "BLOCK_BYTES", size)
        monkeypatch.setattr(fhir_stream, "BLOCK_BYTES", size)
        monkeypatch.setattr(fhir_stream, "_SNIFF_BYTES", min(size, 1 << 20))
        found = read(file, text)
        assert found.events("start_time") == STARTS
        assert found.books == (12, 12, 0, 0)
    packed = read(file.with_name("b.json.gz"), gzip.compress(text.encode()))
    assert packed.events("start_time") == STARTS


def test_a_single_resource_is_a_delivery_too(file: Path) -> None:
    assert read(file, json.dumps(ROWS[0], indent=1)).books == (1, 1, 0, 0)
    # A List has entries as well, and is no Bundle.
    found = read(file, json.dumps({"resourceType": "List", "id": "l", "entry": []}, indent=1))
    assert found.ignored == {"resource-type:List": 1}


def test_texts_with_brackets_quotes_and_line_breaks_do_not_mislead(file: Path) -> None:
    nasty = 'a "quote\\" , { [ ] } : \\\\'
    rows = [condition("a", note=[{"text": nasty}]), condition("b", code={"text": nasty})]
    rule = {"variable": "Condition.code.text", "rule": "allow", "reason": "for the test"}
    found = read(file, bundle(*entries(*rows)), free_text=[rule])
    assert found.events("code_text") == [("Diabetes",), (nasty,)]


def test_entries_without_a_resource(file: Path) -> None:
    found = read(file, bundle(
        {"request": {"method": "DELETE", "url": "Condition/c9"}},
        {"request": {"method": "DELETE", "url": "Condition?code=1"}},
        {"request": {"method": "GET", "url": "Patient"}},
        {"resource": condition(), "request": {"method": "PUT", "url": "Condition/c1"}},
    ))  # fmt: skip
    assert found.books == (4, 1, 1, 2)
    assert found.ignored == {"deletion-record": 1, "entry-without-resource": 1}
    assert [reason for *_, reason in found.rejects] == ["unresolved-deletion"]
    assert found.tally.warnings == {"deletion-without-delta:delivery": 1}


def test_rejects_of_a_bundle_name_its_lines(file: Path) -> None:
    text = bundle(*entries(condition("a"), condition("b", subject={})))
    line = 1 + text[: text.index('"id": "b"')].count("\n")
    ((number, *_),) = read(file, text).rejects
    assert line - 4 <= number <= line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (bundle(*entries(*ROWS))[:-300], "ends in the middle of its entries"),
        (bundle(*entries(*ROWS))[:40], "ends in the middle"),
        (bundle(*entries(*ROWS)).rstrip("}"), "ends in the middle"),
        (bundle(*entries(*ROWS)) + "rest", "something else than a JSON object"),
        ("[]", "something else than a JSON object"),
        ('{\n"entry": [{}]}', "is no Bundle"),
        (bundle(*entries(condition(code={"text": "x"}))).replace('"x"', '"x\ny"'),
         "a line ends inside a string"),
        (bundle(*entries(*ROWS)).encode().replace(b"Diabetes", b"Diab\xe8te"), "not UTF-8"),
        (gzip.compress(bundle(*entries(*ROWS)).encode())[:-20], "ends in the middle"),
        (ndjson(*ROWS).encode("utf-16"), "byte order mark"),
        (ndjson(*ROWS).replace("c5", "c\x00"), "NUL"),
        ("", "0 bytes"),
    ],
)  # fmt: skip
def test_a_faulty_document_is_told_where_and_why(file: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(SourceFileError) as raised:
        read(file, text)
    assert words in str(raised.value)
    assert "Diabetes" not in str(raised.value)


def test_faulty_lines_are_counted_and_hurt_nobody_else(file: Path) -> None:
    lines: list[bytes] = [line.encode() for line in ndjson(*ROWS).splitlines()]
    lines[1] = lines[1][:-30]
    lines[3] = b"not JSON at all"
    lines[5] = lines[5].replace(b"Diabetes", b"Diab\xe8te")
    lines[7] = b'{"no":"resource"}'
    lines[9] = ndjson(resource("Condition")).encode().replace(b'"id":"r1"', b'"id":""').rstrip()
    lines[11] = lines[11][:-1]
    found = read(file, b"\n".join(lines))
    assert found.rejects == [
        (2, None, "not-json"), (4, None, "not-json"), (6, None, "bad-encoding"),
        (8, None, "not-a-resource"), (10, "Condition.id", "missing-record-key"),
        (12, None, "not-json"),
    ]  # fmt: skip
    assert found.books == (12, 6, 6, 0)
    assert found.events("start_time") == STARTS[0:12:2]
