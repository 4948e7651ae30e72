"""The text lists beside binary genotypes: .fam, .psam, .sample, .bim and .pvar."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.genotype_files import broken
from biobraid.ingest.connectors.genotype_samples import Sample, sex_code

_BLANKS = re.compile(rb"[ \t]+")
_NO_PHENOTYPE = frozenset({"-9", "0", "NA", "nan", ""})


@dataclass(frozen=True)
class SampleList:
    """Samples in the file's order, and how many cells of other columns stand beside them."""

    samples: list[Sample]
    n_other_cells: int  # phenotypes and covariates, which are not read


def read_fam(job: FileJob, text: bytes, what: str = ".fam") -> SampleList:
    """FID IID father mother sex phenotype, without a header."""
    samples, n_other = [], 0
    for number, line in enumerate(text.decode("utf-8-sig", errors="replace").splitlines(), 1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) < 5:
            raise broken(job, f"line {number} of the {what} has {len(cells)} columns", "six")
        fid, iid, father, mother, sex = cells[:5]
        for cell in cells[5:]:
            n_other += cell not in _NO_PHENOTYPE
        samples.append(Sample(iid, fid, father, mother, sex_code(sex), number))
    return SampleList(samples, n_other)


def read_psam(job: FileJob, text: bytes) -> SampleList:
    """.psam: a header that begins with #FID or #IID, or none (then as .fam)."""
    lines = text.decode("utf-8-sig", errors="replace").splitlines()
    start = next((n for n, line in enumerate(lines) if not line.startswith("##")), len(lines))
    if start == len(lines) or not lines[start].startswith(("#FID", "#IID")):
        return read_fam(job, text, ".psam")
    names = lines[start].lstrip("#").split()
    place = {name: i for i, name in enumerate(names)}
    if "IID" not in place:
        raise broken(job, "the .psam has no column IID", "#IID, or #FID and IID")
    others = [i for n, i in place.items() if n not in ("FID", "IID", "SID", "PAT", "MAT", "SEX")]
    samples, n_other = [], 0
    for number, line in enumerate(lines[start + 1 :], start + 2):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != len(names):
            raise broken(
                job, f"line {number} of the .psam has {len(cells)} columns", f"{len(names)}"
            )
        given = {name: cells[place[name]] for name in place}
        n_other += sum(cells[i] not in _NO_PHENOTYPE for i in others)
        samples.append(
            Sample(
                given["IID"],
                given.get("FID", ""),
                given.get("PAT", ""),
                given.get("MAT", ""),
                sex_code(given.get("SEX", "")),
                number,
            )
        )
    return SampleList(samples, n_other)


def read_sample_file(job: FileJob, text: bytes) -> SampleList:
    """Oxford .sample: names, kinds (0 0 0 D ...), then ID_1 ID_2 missing and more."""
    lines = text.decode("utf-8-sig", errors="replace").splitlines()
    if len(lines) < 2 or lines[1].split()[:1] != ["0"]:
        raise broken(job, "the .sample has no two header lines", "names, then '0 0 0 …'")
    names = lines[0].lower().split()
    with_second = len(names) > 1 and names[1] in ("id_2", "id2")
    sex_at = names.index("sex") if "sex" in names else None
    kept = 2 if with_second else 1
    samples, n_other = [], 0
    for number, line in enumerate(lines[2:], 3):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != len(names):
            raise broken(
                job, f"line {number} of the .sample has {len(cells)} columns", f"{len(names)}"
            )
        sex = sex_code(cells[sex_at]) if sex_at is not None else 0
        others = [c for i, c in enumerate(cells) if i >= kept and i != sex_at]
        n_other += sum(c not in _NO_PHENOTYPE for c in others)
        samples.append(Sample(cells[kept - 1], cells[0], sex=sex, line=number))
    return SampleList(samples, n_other)


def read_bim(job: FileJob, text: bytes) -> pl.DataFrame:
    """chromosome, label, position, first, second (allele): all text, in the file's order."""
    table = _columns(job, text, ".bim")
    if table.width < 6:
        raise broken(job, f"the .bim has {table.width} columns", "six")
    picked = {"chromosome": 0, "label": 1, "position": 3, "first": 4, "second": 5}
    return table.select(pl.col(table.columns[i]).alias(name) for name, i in picked.items())


def read_pvar(job: FileJob, text: bytes) -> tuple[pl.DataFrame, int]:
    """The variants, and the line of the first.

    Columns: chromosome, label, position, ref, alts and, where there are any, quality, filter, info.
    """
    start = 0
    while text[start : start + 2] == b"##":
        start = text.find(b"\n", start) + 1 or len(text)
    if text[start : start + 1] != b"#":  # no header: the columns of a .bim
        table = read_bim(job, text[start:]).rename({"first": "alts", "second": "ref"})
        return table, text.count(b"\n", 0, start) + 1
    end = text.find(b"\n", start)
    names = text[start + 1 : end].decode("utf-8", errors="replace").split()
    table = _columns(job, text[end + 1 :], ".pvar")
    wanted = {
        "CHROM": "chromosome", "POS": "position", "ID": "label", "REF": "ref", "ALT": "alts",
        "QUAL": "quality", "FILTER": "filter", "INFO": "info",
    }  # fmt: skip
    missing = [n for n in ("CHROM", "POS", "ID", "REF", "ALT") if n not in names]
    if missing or (table.width and table.width != len(names)):
        found = f"no column {missing[0]}" if missing else f"lines of {table.width} columns"
        raise broken(job, f"the .pvar has {found}", f"the columns of its header ({len(names)})")
    picked = table.select(
        pl.col(table.columns[i]).alias(wanted[name])
        for i, name in enumerate(names)
        if name in wanted
    )
    return picked, text.count(b"\n", 0, end) + 2


def _columns(job: FileJob, text: bytes, what: str) -> pl.DataFrame:
    """A table without header as text columns; blanks or tabs between cells."""
    if b"\t" not in text[: text.find(b"\n") + 1 or len(text)] or b" " in text[:200]:
        text = b"\n".join(_BLANKS.sub(b"\t", line.strip()) for line in text.splitlines())
    if not text.strip():
        raise broken(job, f"the {what} lists no variant", "one line per variant")
    try:
        table = pl.read_csv(
            text, has_header=False, separator="\t", quote_char=None, infer_schema=False
        )
        # polars fills up lines that are too short
        is_ragged = text.count(b"\t") != (table.width - 1) * len(table)
    except pl.exceptions.PolarsError:
        is_ragged = True
    if is_ragged:
        found = f"lines of the {what} have different numbers of columns"
        raise broken(job, found, "the same columns in every line")
    return table.with_columns(pl.all().fill_null(""))
