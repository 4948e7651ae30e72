"""Any table of samples by features, either way up, in any delimited form or Parquet."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SourceFileError
from tests.omics.delivery import Omics, deliver

N_SAMPLES, N_FEATURES = 40, 3000


def _values(seed: int = 3) -> np.ndarray:
    values = np.round(np.random.default_rng(seed).normal(size=(N_SAMPLES, N_FEATURES)), 3)
    values[np.random.default_rng(4).random(values.shape) < 0.3] = np.nan
    return values


def _is_the_matrix(got: Omics, values: np.ndarray) -> None:
    found = np.full(values.shape, np.nan)
    for specimen, feature, value in got.values():
        found[specimen, int(feature[1:])] = value
    assert np.array_equal(found, values, equal_nan=True)
    assert got.books == (N_SAMPLES, N_SAMPLES, 0, 0)


@pytest.mark.parametrize("form", ["csv", "tsv.gz", "parquet", "transposed"])
def test_thousands_of_columns_come_out_as_they_went_in(tmp_path: Path, form: str) -> None:
    values = _values()
    names, samples = [f"g{i}" for i in range(N_FEATURES)], [f"S{i}" for i in range(N_SAMPLES)]
    path, options = tmp_path / f"m.{form}", {"kind": "transcript", "unit": "TPM"}
    if form == "parquet":
        columns: dict[str, Any] = {"sample": samples}
        columns |= {n: pa.array(values[:, i], from_pandas=True) for i, n in enumerate(names)}
        pq.write_table(pa.table(columns), path)
    else:
        sign = "\t" if form == "tsv.gz" else ","
        turned = form == "transposed"
        head, side = (samples, names) if turned else (names, samples)
        options |= {"rows": "features"} if turned else {}
        lines = [sign.join(["sample", *head])]
        for name, row in zip(side, values.T if turned else values, strict=True):
            lines.append(sign.join([name, *("" if np.isnan(v) else f"{v}" for v in row)]))
        data = ("\n".join(lines) + "\n").encode()
        path.write_bytes(gzip.compress(data) if form.endswith("gz") else data)
    got = deliver(path, "feature_matrix", options)
    _is_the_matrix(got, values)
    assert {(f["kind"], f["unit"]) for f in got.features.values()} == {("transcript", "TPM")}


def test_columns_that_are_no_features_are_named_or_matched(tmp_path: Path) -> None:
    text = """
        sample;who;run;flag;ENSG1;ENSG2;sex
        a;p1;R1;PASS;1,5;<0,1;F
        b;p1;R2;LOW;2,5;n.d.;M
        pool;;R2;PASS;9;9;
    """
    options = {
        "sample": "sample", "plate": "run", "qc": {"sample": "flag"}, "decimal": ",",
        "feature_columns": ["ENSG.*"], "controls": {"sample": "pool"},
        "absent": {"n.d.": "not-performed"},
    }  # fmt: skip
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text, person_id="who")
    columns = ("value", "limit_value", "censored", "absent_reason", "qc_flag", "plate_id")
    assert got.values(*columns) == [
        (0, "ENSG1", 1.5, None, None, None, None, "R1"),
        (0, "ENSG2", None, 0.1, "left", None, None, "R1"),
        (1, "ENSG1", 2.5, None, None, None, "sample=LOW", "R2"),
        (1, "ENSG2", None, None, None, "not-performed", "sample=LOW", "R2"),
    ]
    assert got.tally.ignored == {"control-sample": 1, "unread-column": 2}
    assert len(set(got.persons)) == 1


def test_rows_of_features_that_are_spoilt_are_rejected_cells(tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("tube,person\nS1,anna\nS2,anna\n")
    text = """
        gene,name,S1,S2,S3
        g1,first,1,2,3
        g1,again,1,2,3
        ,nameless,1,2,3
        g2,short,1
        g3,word,x,2,3
    """
    options = {
        "rows": "features", "about": {"label": "name"},
        "samples": {"files": "who.csv", "key": "tube"},
    }  # fmt: skip
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text, person_id="person")
    assert got.values() == [(0, "g1", 1.0), (1, "g1", 2.0), (1, "g3", 2.0)]
    assert got.rejects == [
        (3, "", "unknown-sample"), (3, "gene", "duplicate-feature"), (4, "gene", "missing-feature"),
        (5, "", "ragged-row"), (6, "", "invalid-number"),
    ]  # fmt: skip
    assert {f["label"] for f in got.features.values()} == {"first", "word"}


def test_a_table_without_features_or_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="none of the 1 columns is a feature"):
        deliver(tmp_path / "m.csv", "feature_matrix", {}, "sample\nS1\n")
    with pytest.raises(SourceFileError, match="no column is a sample"):
        deliver(tmp_path / "m.csv", "feature_matrix", {"rows": "features"}, "gene\ng1\n")


def test_no_message_names_a_sample(tmp_path: Path) -> None:
    """Where columns are samples, the header holds ids of participants."""
    options = {"rows": "features", "about": {"label": "nam"}}
    for text in ("gene,name,Okafor7,Okafor7\n", "gene,name,nami\n"):
        with pytest.raises(SourceFileError) as caught:
            deliver(tmp_path / "m.csv", "feature_matrix", options, text)
        assert "Okafor7" not in str(caught.value)
        assert "nami" not in str(caught.value)


NAMES = ("Okafor7", "Ng12", "Silva4")


@pytest.mark.parametrize(("options", "first", "said"), [
    ({}, "x", "nothing says whether the rows are samples"),
    ({}, "", "nothing says whether the rows are samples"),
    ({"rows": "samples"}, "gene_id", "named as one of features"),
    ({"samples": {"files": "who.csv", "key": "tube"}, "rows": "samples"}, "x",
     "2 columns are samples: column 2, 4"),
    ({"controls": {"sample": ["Ng.*"]}, "rows": "samples"}, "x", "1 columns are samples: column 3"),
    ({"features": {"files": "what.csv", "key": "gene"}, "rows": "samples"}, "x",
     "knows none of the 3 columns"),
])  # fmt: skip
def test_columns_that_are_samples_are_no_features(
    tmp_path: Path, options: dict[str, Any], first: str, said: str
) -> None:
    """Landed as features, their names would be ids of participants in the warehouse."""
    (tmp_path / "who.csv").write_text("tube,person\nOkafor7,anna\nSilva4,bert\n")
    (tmp_path / "what.csv").write_text("gene\ng1\n")
    text = f"{first},{','.join(NAMES)}\ng1,1,2,3\n"
    with pytest.raises(SourceFileError, match=said) as caught:
        deliver(tmp_path / "m.csv", "feature_matrix", options, text)
    assert "rows: features" in str(caught.value)
    assert not any(name in str(caught.value) for name in NAMES)


def test_a_column_that_the_table_of_features_knows_is_a_feature(tmp_path: Path) -> None:
    (tmp_path / "who.csv").write_text("tube,person\n1,anna\n2,bert\n")
    (tmp_path / "what.csv").write_text("gene\n1\n3\n")
    options = {"sample": "x", "samples": {"files": "who.csv", "key": "tube"},
               "features": {"files": "what.csv", "key": "gene"}}  # fmt: skip
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, "x,1,3\n1,5,6\n",
                  person_id="person")  # fmt: skip
    assert got.values() == [(0, "1", 5.0), (0, "3", 6.0)]


@pytest.mark.parametrize(("connector", "options", "text", "said"), [
    ("feature_matrix", {}, "sample,Okafor7,g,Okafor7\n", "2 columns .*: column 2, 4"),
    ("feature_matrix", {"sample": "Okafor"}, "sample,Okafor7\na,1\n", "no column 'Okafor'"),
    ("feature_matrix", {"collected": "Okafor", "feature_columns": ["g"]},
     "sample,Okafor7,g\na,1,1\n", "no column 'Okafor'"),
    ("feature_matrix", {"features": {"files": "what.csv", "key": "gene", "name": "name"}},
     "sample,Okafor7,Okafor8\na,1,1\n", "2 columns are not features of their own: column 2, 3"),
    ("olink", {}, "SampleID,Okafor7,Okafor7\n", "column 2, 3"),
    ("nightingale", {}, "Sample id,Okafor7,Okafor7\n", "column 2, 3"),
])  # fmt: skip
def test_no_message_names_a_column_of_a_matrix(
    tmp_path: Path, connector: str, options: dict[str, Any], text: str, said: str
) -> None:
    (tmp_path / "what.csv").write_text("gene,name\nOkafor7,a\nOkafor8,a\n")
    with pytest.raises(SourceFileError, match=said) as caught:
        deliver(tmp_path / "m.csv", connector, options, text)
    assert "Okafor7" not in str(caught.value)


def test_repeated_columns_of_parquet_are_told_by_place(tmp_path: Path) -> None:
    rows = pa.table([["a"], [1], [2]], names=["sample", "Okafor7", "Okafor7"])
    pq.write_table(rows, tmp_path / "m.parquet")
    with pytest.raises(SourceFileError, match="column 2, 3") as caught:
        deliver(tmp_path / "m.parquet", "feature_matrix")
    assert "Okafor7" not in str(caught.value)


def test_identifiers_among_the_columns_are_withheld_and_counted(tmp_path: Path) -> None:
    text = "sample,Phone Number,nhs_no,DateOfBirth,home.postcode2,NHS,NHSL1,HLA-DOB,IDS,EID1\n"
    text += "a,7700900123,9434765919,19610203,4051,1,2,3,4,5\n"
    got = deliver(tmp_path / "m.csv", "feature_matrix", {}, text)
    assert [name for _, name, _ in got.values()] == ["EID1", "HLA-DOB", "IDS", "NHSL1"]
    assert got.tally.ignored == {"identifier-undeclared": 5}
    assert got.tally.warnings == {"column-ignored:identifier-undeclared": 5}


@pytest.mark.parametrize("declared", [
    {"options": {"feature_columns": ["NHS", "g.*"]}},
    {"options": {"features": {"files": "what.csv", "key": "gene"}}},
    {"free_text": [{"variable": "NHS", "rule": "allow", "reason": "a gene"}]},
])  # fmt: skip
def test_a_declared_feature_is_none_of_the_identifiers(
    tmp_path: Path, declared: dict[str, Any]
) -> None:
    (tmp_path / "what.csv").write_text("gene\nNHS\n")
    got = deliver(tmp_path / "m.csv", "feature_matrix", text="sample,NHS,g1\na,1,2\n", **declared)
    assert got.values() == [(0, "NHS", 1.0), (0, "g1", 2.0)]
