"""A delimited file comes out as checked records: each is yielded or rejected with its line."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.tabular import Dialect, open_text_table

Rows = list[tuple[str | None, ...]]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def read(path: Path, dialect: Dialect | None = None, **given: Any) -> tuple[Rows, list[Any]]:
    """All rows as tuples, and (row number, reason) of all rejects."""
    rows: Rows = []
    rejects: list[Any] = []
    with open_text_table(path, dialect or Dialect(), where="study/source", **given) as table:
        for block in table:
            columns = [block.table.column(name).to_pylist() for name in table.columns]
            rows += list(zip(*columns, strict=True))
            rejects += [(r["row_number"], r["reason"]) for r in block.rejects.to_pylist()]
    return rows, rejects


def fault(path: Path, dialect: Dialect | None = None, **given: Any) -> str:
    with pytest.raises(SourceFileError) as caught:
        read(path, dialect, **given)
    assert caught.value.exit_code == 11
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def test_empty_cells_are_null_and_values_are_text(file: Path) -> None:
    write(file, "id,bmi,smoker\n007,21.50,\n8,,yes\n")
    assert read(file)[0] == [("007", "21.50", None), ("8", None, "yes")]


def test_ragged_rows_are_rejected_and_shift_nothing(file: Path) -> None:
    write(file, "a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
    rows, rejects = read(file)
    assert rows == [("1", "2", "3"), ("10", "11", "12")]
    assert rejects == [(3, "ragged-row"), (4, "ragged-row")]


def test_quoted_delimiters_line_ends_and_quotes_belong_to_the_value(file: Path) -> None:
    write(file, 'a,b\r\n"x, y","line 1\r\nline 2"\r\n"say ""no""",""\r\n')
    assert read(file)[0] == [("x, y", "line 1\r\nline 2"), ('say "no"', None)]


def test_row_numbers_are_physical_lines_whatever_quotes_hide(file: Path) -> None:
    write(file, 'a,b\n1,"x\ny\nz"\n\nbad\n2,y\n')
    with open_text_table(file, Dialect()) as table:
        block = next(iter(table))
    assert block.row_numbers.tolist() == [2, 7]
    assert block.rejects.column("row_number").to_pylist() == [6]


def test_a_quote_inside_an_unquoted_field_is_text(file: Path) -> None:
    write(file, 'a,b\n5" nail,x\n"7"" nail",y\n')
    assert read(file) == ([('5" nail', "x"), ('7" nail', "y")], [])


def test_text_after_a_closing_quote_rejects_the_record(file: Path) -> None:
    write(file, 'a,b\n"x"y,1\nz,2\n')
    assert read(file) == ([("z", "2")], [(2, "stray-quote")])


def test_quotes_are_text_where_none_is_declared(file: Path) -> None:
    write(file, 'a\tb\n"x\ty"\n')
    assert read(file, Dialect(delimiter="\t", quote=None))[0] == [('"x', 'y"')]


def test_a_quote_that_is_never_closed_fails_the_file(file: Path) -> None:
    write(file, 'a,b\n1,2\n3,"x\n4,5\n')
    text = fault(file)
    assert "row 3" in text and "never closed" in text


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_every_line_ending_is_read(file: Path, ending: str, last: bool) -> None:
    write(file, ending.join(["a,b", "1,2", "3,4"]) + (ending if last else ""))
    assert read(file)[0] == [("1", "2"), ("3", "4")]


def test_a_record_longer_than_a_block_is_whole(file: Path) -> None:
    write(file, "a,b\n" + "x" * 5000 + ",1\n2,3\n")
    rows, _ = read(file, block_bytes=64)
    assert [len(r[0] or "") for r in rows] == [5000, 1]


def test_comments_skipped_lines_and_descriptions_are_no_records(file: Path) -> None:
    write(file, "made by x\n# note\na,b\ndescription,of b\n1,2\n# more, text, here\n\n3,4\n")
    dialect = Dialect(comment="#", skip_rows=1, skip_after_header=1)
    assert read(file, dialect) == ([("1", "2"), ("3", "4")], [])


def test_declared_null_values_are_empty_cells(file: Path) -> None:
    write(file, 'a,b\nNA,1\n"NA",.\n')
    assert read(file, Dialect(null_values=("NA", ".")))[0] == [(None, "1"), (None, None)]
    with open_text_table(file, Dialect(null_values=("NA", "."))) as table:
        cells = next(iter(table)).cells(["a", "b"])
    assert (cells.row.tolist(), cells.column.tolist()) == ([0], [1])
    assert cells.value.to_pylist() == ["1"]


def test_cells_come_row_by_row_for_the_columns_asked_for(file: Path) -> None:
    write(file, 'a,b,c\n1,,"x""y"\n,2,\n3,4,z\n')
    with open_text_table(file, Dialect()) as table:
        cells = next(iter(table)).cells(["c", "a"])
    assert cells.row.tolist() == [0, 0, 2, 2]
    assert cells.column.tolist() == [1, 0, 1, 0]
    assert cells.value.to_pylist() == ["1", 'x"y', "3", "z"]


def test_header_only_is_a_legal_file_without_records(file: Path) -> None:
    write(file, "a,b\n")
    assert read(file) == ([], [])


def test_an_empty_file_is_a_fault(file: Path) -> None:
    assert "0 bytes" in fault(write(file, b""))
    assert "no header" in fault(write(file, b"\n\n"))
    assert "holds nothing" in fault(write(file, gzip.compress(b"")))


def test_all_duplicate_headers_are_named_at_once(file: Path) -> None:
    text = fault(write(file, "a,b,a,c,c,c\n"))
    assert "'a' stands 2 times" in text and "'c' stands 3 times" in text


def test_missing_columns_are_named_with_near_misses(file: Path) -> None:
    text = fault(write(file, "eid,weight\n1,2\n"), columns=["eids", "wieght"])
    assert "'eids'" in text and "Did you mean: eid" in text and "Did you mean: weight" in text


def test_nul_bytes_fail_the_file(file: Path) -> None:
    assert "NUL" in fault(write(file, b"a,b\n1,\x002\n"))


class TestEncoding:
    def test_a_byte_order_mark_is_no_part_of_the_header(self, file: Path) -> None:
        write(file, "a,b\n1,ü\n".encode("utf-8-sig"))
        assert read(file)[0] == [("1", "ü")]

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le"])
    def test_declared_encodings_come_out_as_text(self, file: Path, encoding: Any) -> None:
        write(file, 'a,b\n"Müller, é",ß\n'.encode(encoding))
        assert read(file, Dialect(encoding=encoding))[0] == [("Müller, é", "ß")]

    def test_one_undecodable_record_is_rejected(self, file: Path) -> None:
        write(file, b"a,b\n1,x\n2,\xff\n3,z\n")
        assert read(file) == ([("1", "x"), ("3", "z")], [(3, "bad-encoding")])

    def test_a_byte_without_meaning_in_cp1252_rejects_its_record(self, file: Path) -> None:
        write(file, b"a,b\n1,\xc3\x81\n2,\xe9\n")
        assert read(file, Dialect(encoding="cp1252")) == ([("2", "é")], [(2, "bad-encoding")])

    def test_a_file_in_another_encoding_fails_whole(self, file: Path) -> None:
        write(file, b"a,b\n" + "1,Müller\n".encode("latin-1") * 20)
        assert "another encoding" in fault(file)

    def test_utf16_declared_as_utf8_fails_by_its_mark_or_its_nuls(self, file: Path) -> None:
        assert "byte order mark" in fault(write(file, "a,b\n".encode("utf-16")))
        assert "NUL" in fault(write(file, "a,b\n".encode("utf-16-le")))

    def test_utf8_declared_as_latin1_fails_by_its_mark(self, file: Path) -> None:
        write(file, "a\n1\n".encode("utf-8-sig"))
        assert "UTF-8 byte order mark" in fault(file, Dialect(encoding="latin-1"))


class TestGzip:
    TEXT = "a,b\n" + "".join(f"{i},{i * 7919 % 1000}\n" for i in range(20_000))

    def test_several_members_are_one_text(self, tmp_path: Path) -> None:
        data = self.TEXT.encode()
        path = write(tmp_path / "f.csv.gz", gzip.compress(data[:777]) + gzip.compress(data[777:]))
        assert len(read(path, block_bytes=5000)[0]) == 20_000

    def test_a_truncated_file_fails(self, tmp_path: Path) -> None:
        whole = gzip.compress(self.TEXT.encode())
        assert "ends in the middle" in fault(write(tmp_path / "f.csv.gz", whole[: len(whole) // 2]))
        assert "ends in the middle" in fault(write(tmp_path / "f.csv.gz", whole[:-4]))

    def test_a_damaged_file_fails(self, tmp_path: Path) -> None:
        whole = bytearray(gzip.compress(self.TEXT.encode()))
        whole[-6] ^= 0xFF
        assert "damaged" in fault(write(tmp_path / "f.csv.gz", bytes(whole)))

    def test_a_name_that_promises_gzip_must_hold_it(self, tmp_path: Path) -> None:
        assert "not gzip" in fault(write(tmp_path / "f.csv.gz", "a,b\n1,2\n"))

    def test_other_archives_are_named(self, file: Path) -> None:
        assert "spreadsheet" in fault(write(file, b"PK\x03\x04rest of it"))
