"""riverside's gut microbiome: a BIOM table (2.1, HDF5) and the mapping file of its samples.

Kits have ids of their own; the mapping file names the participant, or `unknown` behind the kit.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import h5py
import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import DelimitedFile, date, joined, number, same
from biobraid.ingest.sample.draws import Draws, Flags, Floats, Ints
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, Planted

STUDY, SOURCE = "riverside", "microbiome"
TABLE, MAPPING = "microbiome/table.biom", "microbiome/mapping.tsv"
SHARE = 0.35
_GENERA = (
    ("Bacteroidales", "Bacteroidaceae", "Bacteroides"),
    ("Bacteroidales", "Prevotellaceae", "Prevotella"),
    ("Clostridiales", "Lachnospiraceae", "Blautia"),
    ("Clostridiales", "Ruminococcaceae", "Faecalibacterium"),
    ("Bifidobacteriales", "Bifidobacteriaceae", "Bifidobacterium"),
    ("Verrucomicrobiales", "Verrucomicrobiaceae", "Akkermansia"),
)
N_TAXA = 40
_BLANKS = 2
_PRIME, _FACTOR = 999_983, 271_829
_COLUMNS = ("#SampleID", "participant", "collected", "body_site")
_PLACEHOLDER = "4711:unknown"


def kit_ids(draws: Draws) -> pa.Array:
    """Ids of the kits' samples: 10317. and nine digits, as Qiita writes them."""
    return joined(["10317.000", number(1_000_000 + draws.numbers * _FACTOR % _PRIME)])


def sampled(block: People) -> Flags:
    """Who sent a kit back, after the visit."""
    chosen = block.draws.chance("microbiome", SHARE) | np.isin(block.draws.numbers, CANARIES)
    return chosen & block.part.in_riverside & ~np.isnat(block.part.riverside_visit)


class MicrobiomeFiles:
    """Both files; the table is written when all samples are known."""

    def __init__(self, folder: Path, planted: Planted) -> None:
        self._folder, self._planted = folder, planted
        self._mapping = DelimitedFile(folder / MAPPING, _COLUMNS, "\t")
        self._samples: list[str] = []
        self._counts: list[Floats] = []

    def __enter__(self) -> MicrobiomeFiles:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mapping.close()

    def write(self, block: People) -> None:
        """Append a block of persons."""
        rows = np.flatnonzero(sampled(block))
        draws = block.draws.at(rows)
        ids = kit_ids(draws)
        self._mapping.write(
            {
                "#SampleID": ids,
                "participant": block.identity.riverside_id.take(pa.array(rows)),
                "collected": date(block.part.riverside_visit[rows] + 5, "%m/%d/%Y"),
                "body_site": same("UBERON:feces", len(rows)),
            }
        )
        counts = _counts(draws)
        self._add(ids.to_pylist(), counts)
        self._planted.expect(STUDY, "taxon", "landed", int((counts > 0).sum()))
        self._planted.expect(STUDY, "gut specimen", "landed", len(rows))
        for i in np.flatnonzero(np.isin(block.draws.numbers[rows], CANARIES)).tolist():
            self._planted.canary("sample_id", ids[i].as_py(), STUDY, MAPPING, "#SampleID")

    def finish(self, seed: int) -> None:
        """Blanks, samples of nobody, a sample without a line in the mapping file; the table."""
        blanks = [f"BLANK.{i + 1}" for i in range(_BLANKS)]
        nobody = ["10317.000000001", "10317.000000002"]
        self._mapping.write(
            {
                "#SampleID": pa.array([*blanks, *nobody]),
                "participant": pa.array([_PLACEHOLDER] * (_BLANKS + len(nobody))),
                "body_site": pa.array(["not applicable"] * _BLANKS + ["UBERON:feces"] * 2),
            }
        )
        others = [*blanks, *nobody, "10317.000000003"]
        self._add(others, _counts(Draws(seed, np.arange(len(others)) - len(others))))
        self._planted.count("control-sample", STUDY, TABLE, "#SampleID", _BLANKS)
        self._planted.count("placeholder-person", STUDY, TABLE, "participant", len(nobody))
        self._planted.count("unknown-sample", STUDY, TABLE, "#SampleID")
        write_biom(self._folder / TABLE, self._samples, np.concatenate(self._counts))

    def _add(self, names: list[str], counts: Floats) -> None:
        self._samples += names
        self._counts.append(counts)


def _counts(draws: Draws) -> Floats:
    """Reads of each sample (row) and taxon: most taxa are not found in most samples."""
    n = len(draws.numbers)
    person = np.repeat(np.arange(n), N_TAXA)
    taxon = np.tile(np.arange(N_TAXA), n)
    each = draws.at(person)
    common = 0.9 * np.power(0.94, taxon.astype(np.float64))
    found = each.chance("taxon-found", common, taxon)
    reads = np.exp(5.0 - 0.08 * taxon + 1.2 * each.normal("reads", taxon))
    out: Floats = np.where(found, np.rint(reads), 0.0).reshape(n, N_TAXA)
    return out


def _lineages() -> list[list[str]]:
    out = []
    for i in range(N_TAXA):
        order, family, genus = _GENERA[i % len(_GENERA)]
        out.append(["k__Bacteria", f"o__{order}", f"f__{family}", f"g__{genus}", f"s__{i + 1}"])
    return out


def write_biom(path: Path, samples: list[str], counts: Floats) -> None:
    """A BIOM 2.1 table with the matrix by observation and by sample; equal input, equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    taxa = [f"{1_000_000 + 37 * i}" for i in range(counts.shape[1])]
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["id"] = "No Table ID"
        file.attrs["type"] = "OTU table"
        file.attrs["format-url"] = "http://biom-format.org"
        file.attrs["format-version"] = np.array([2, 1])
        file.attrs["generated-by"] = "biobraid sample"
        file.attrs["creation-date"] = "2013-01-01T00:00:00"
        file.attrs["shape"] = np.array([len(taxa), len(samples)])
        file.attrs["nnz"] = int((counts != 0).sum())
        for axis, ids, matrix in (
            ("observation", taxa, counts.T),
            ("sample", samples, counts),
        ):
            group = file.create_group(axis)
            group["ids"] = _fixed(ids)
            group.create_group("metadata")
            group.create_group("group-metadata")
            rows, columns = np.nonzero(matrix)
            inner = group.create_group("matrix")
            inner["data"] = matrix[rows, columns]
            inner["indices"] = columns.astype(np.int32)
            inner["indptr"] = _starts(rows, len(ids))
        file["observation/metadata/taxonomy"] = np.array(
            [[rank.encode() for rank in ranks] for ranks in _lineages()[: len(taxa)]]
        )


def _starts(rows: Ints, n: int) -> np.ndarray:
    return np.searchsorted(rows, np.arange(n + 1)).astype(np.int32)


def _fixed(texts: list[str]) -> np.ndarray:
    return np.array([text.encode() for text in texts])
