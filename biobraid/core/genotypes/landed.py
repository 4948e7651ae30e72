"""The genotype sets in landing: who is in them, what is in them, and their packed values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.genotypes.builds import is_pseudo_autosomal
from biobraid.core.genotypes.packing import BLOCK_SAMPLES
from biobraid.core.genotypes.reference import Reference, find_referenced
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest, Part

U8 = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
_TABLES = (
    "raw.variant", "raw.genotype_sample", "raw.genotype", "raw.genotype_reference",
    "raw.genotype_place",
)  # fmt: skip
_FILE = ["format", "n_samples", "n_records", "n_bytes", "mark", "layout", "compression"]
_PLACE = ["variant_index", "first_byte", "n_bytes", "n_alleles", "allele"]
_UNIT_VARIANTS = 16  # variants of a referenced file that are read in one go
AUTOSOME, X, Y, MT, OTHER = range(5)  # regions; the pseudo-autosomal parts count as autosomes
_VARIANT = ["variant_index", "chromosome", "position", "build"]
_SAMPLE = ["source_person_key", "sample_index", "n_samples", "sex"]
_VALUES = ["variant_index", "sample_block", "n_samples", "encoding", "scale", "genotypes"]


@dataclass(frozen=True)
class GenotypeSet:
    """One delivered genotype file in landing, and who of it counts.

    region: of each variant by its index. keys, places, sexes: one element per sample that
    counts: source_person_key, place in the set, 1 male / 2 female / 0 unknown.
    """

    study: str
    source: str
    batch: str
    n_samples: int
    region: U8
    keys: pa.Array
    places: Ints
    sexes: npt.NDArray[np.int8]
    value_files: tuple[Path, ...]
    reference: Reference | None = None  # where the values lie in no landing file

    @property
    def n_variants(self) -> int:
        """Variants of the set."""
        return len(self.region)

    @property
    def n_blocks(self) -> int:
        """Blocks of samples."""
        return max(1, -(-self.n_samples // BLOCK_SAMPLES))

    def flags(self, chosen: npt.NDArray[np.bool_], block: int) -> npt.NDArray[np.bool_]:
        """Places of a block that belong to the chosen samples."""
        flags = np.zeros(self.n_samples, np.bool_)
        flags[self.places[chosen]] = True
        return flags[block * BLOCK_SAMPLES : (block + 1) * BLOCK_SAMPLES]


@dataclass(frozen=True)
class Values:
    """Packed values of some variants for one block of samples, all in one encoding."""

    variants: Ints  # variant_index of each row
    block: int
    n_samples: int
    encoding: str
    scale: int
    packed: U8  # (variants, bytes)


def withdrawn_keys(home: Home, manifest: Manifest) -> frozenset[str]:
    """Source persons who withdrew, as linkage has it in force."""
    found = manifest.objects().get("link.person_bridge")
    if found is None:
        return frozenset()
    bridge = pq.read_table(
        home.landing / found[0], columns=["source_person_key", "link_status"],
        filters=[("link_status", "=", "withdrawn")],
    )  # fmt: skip
    return frozenset(bridge["source_person_key"].to_pylist())


def source_marks(manifest: Manifest, withdrawn: frozenset[str]) -> dict[tuple[str, str], str]:
    """(study, source) -> a hash that changes with its landed genotypes or with who withdrew."""
    marks: dict[tuple[str, str], list[str]] = {}
    for table in _TABLES:
        for part in manifest.parts(table):
            if not part.study:  # the empty part that gives a table its columns
                continue
            marks.setdefault((part.study, part.source), []).append(part.fingerprint)
    gone = hashlib.sha256("\n".join(sorted(withdrawn)).encode()).hexdigest()
    return {
        source: hashlib.sha256("\n".join([*found, gone]).encode()).hexdigest()
        for source, found in sorted(marks.items())
    }


def genotype_sets(
    home: Home, manifest: Manifest, study: str, source: str, withdrawn: frozenset[str]
) -> list[GenotypeSet]:
    """The sets of one source, in order of their tokens."""
    by_batch: dict[str, dict[str, list[Part]]] = {}
    for table in _TABLES:
        for part in manifest.parts(table, study, source):
            by_batch.setdefault(part.batch, {}).setdefault(table, []).append(part)
    return [
        _opened(home, study, source, batch, parts, withdrawn)
        for batch, parts in sorted(by_batch.items())
        if "raw.variant" in parts
    ]


def _opened(
    home: Home,
    study: str,
    source: str,
    batch: str,
    parts: dict[str, list[Part]],
    withdrawn: frozenset[str],
) -> GenotypeSet:
    variants = _read(home, parts["raw.variant"], _VARIANT).sort_by("variant_index")
    samples = _read(home, parts.get("raw.genotype_sample", []), _SAMPLE).sort_by("sample_index")
    if not len(samples):  # nobody is left of the file, and its values are all missing
        parts = {"raw.variant": parts["raw.variant"]}
    n_samples = samples["n_samples"][0].as_py() if len(samples) else 0
    gone = pc.is_in(samples["source_person_key"], pa.array(sorted(withdrawn), pa.string()))
    samples = samples.filter(pc.invert(gone))
    sexes = pc.index_in(samples["sex"], pa.array(["male", "female"]))
    return GenotypeSet(
        study=study,
        source=source,
        batch=batch,
        n_samples=int(n_samples),
        region=regions(variants),
        keys=samples["source_person_key"].combine_chunks(),
        places=samples["sample_index"].to_numpy().astype(np.int64),
        sexes=(pc.fill_null(sexes, -1).to_numpy() + 1).astype(np.int8),
        value_files=tuple(home.landing / part.path for part in parts.get("raw.genotype", [])),
        reference=_reference(home, parts, len(variants)),
    )


def _reference(home: Home, parts: dict[str, list[Part]], n_variants: int) -> Reference | None:
    """The index of a set whose file stays where it lies."""
    if "raw.genotype_reference" not in parts:
        return None
    (file,) = _read(home, parts["raw.genotype_reference"], _FILE).to_pylist()
    places = _read(home, parts["raw.genotype_place"], _PLACE)
    at = places["variant_index"].to_numpy()
    columns = {}
    for name in _PLACE[1:]:
        columns[name] = np.zeros(n_variants, np.int64)
        columns[name][at] = pc.fill_null(places[name], 0).to_numpy()
    study, source = parts["raw.variant"][0].study, parts["raw.variant"][0].source
    return Reference(
        locate=partial(find_referenced, home, study, source, file["n_bytes"], file["mark"]),
        where=f"{study}/{source}, file {parts['raw.variant'][0].batch}",
        format=file["format"],
        n_samples=file["n_samples"],
        n_records=file["n_records"],
        layout=file["layout"] or 0,
        compression=file["compression"] or 0,
        **columns,
    )


def _read(home: Home, parts: list[Part], columns: list[str]) -> pa.Table:
    if not parts:
        empty = {
            c: pa.string() if c in ("source_person_key", "sex") else pa.int32() for c in columns
        }
        return pa.table({c: pa.array([], kind) for c, kind in empty.items()})
    return pa.concat_tables(
        pq.ParquetFile(home.landing / part.path).read(columns=columns) for part in parts
    )


def regions(variants: pa.Table) -> U8:
    """AUTOSOME, X, Y, MT or OTHER for each variant; PAR of X and Y are diploid: AUTOSOME."""
    names = variants["chromosome"].combine_chunks().dictionary_encode()
    kind = {"X": X, "Y": Y, "MT": MT}
    autosomes = {str(n) for n in range(1, 23)}
    known = [
        kind.get(name, AUTOSOME if name in autosomes else OTHER)
        for name in names.dictionary.to_pylist()
    ]
    out: U8 = np.array(known or [OTHER], np.uint8)[names.indices.to_numpy()]
    rows = np.flatnonzero((out == X) | (out == Y))
    if len(rows):
        place = variants.take(pa.array(rows)).to_pydict()
        for row, build, chromosome, position in zip(
            rows, place["build"], place["chromosome"], place["position"], strict=True
        ):
            if is_pseudo_autosomal(build, chromosome, position):
                out[row] = AUTOSOME
    return out


Unit = Callable[[], Iterator[Values]]


def value_units(of: GenotypeSet, variants: Ints | None = None) -> list[Unit]:
    """Pieces of a set's values that can be read side by side.

    variants: only these (sorted, each once); all if None.
    """
    if of.reference is not None:
        wanted = np.arange(of.n_variants) if variants is None else np.unique(variants)
        return [
            partial(_referenced, of.reference, wanted[first : first + _UNIT_VARIANTS])
            for first in range(0, len(wanted), _UNIT_VARIANTS)
        ]
    return [
        partial(read_values, path, group, variants, footer)
        for path in of.value_files
        for footer in [pq.read_metadata(path)]
        for group in range(footer.num_row_groups)
    ]


def _referenced(reference: Reference, variants: Ints) -> Iterator[Values]:
    for variant in variants.tolist():
        for block, scale, row in reference.packed(variant):
            yield Values(np.array([variant]), block, len(row) // 2, "dosage16", scale, row[None, :])


def read_values(
    path: Path, group: int, variants: Ints | None = None, footer: pq.FileMetaData | None = None
) -> Iterator[Values]:
    """Packed values of one row group, in pieces of one block and encoding.

    variants: only these (sorted); groups without any of them are not unpacked. footer: of the
    file, where it is at hand.
    """
    file = pq.ParquetFile(path, metadata=footer)
    chosen = None
    if variants is not None:
        found = file.read_row_group(group, columns=["variant_index"], use_threads=False)
        indices = found["variant_index"].to_numpy().astype(np.int64)
        at = np.minimum(np.searchsorted(variants, indices), len(variants) - 1)
        chosen = np.flatnonzero(variants[at] == indices) if len(variants) else at[:0]
        if not len(chosen):
            return
    table = file.read_row_group(group, columns=_VALUES, use_threads=False)
    if chosen is not None:
        table = table.take(pa.array(chosen))
    blocks = table["sample_block"].to_numpy()
    encodings = table["encoding"].combine_chunks().dictionary_encode()
    codes = encodings.indices.to_numpy()
    scales = table["scale"].to_numpy()
    places = table["variant_index"].to_numpy().astype(np.int64)
    sizes = table["n_samples"].to_numpy()
    column = table["genotypes"].combine_chunks()
    what = np.stack([blocks, codes, scales], axis=1)
    for block, code, scale in np.unique(what, axis=0).tolist():
        rows = np.flatnonzero((blocks == block) & (codes == code) & (scales == scale))
        yield Values(
            variants=places[rows],
            block=int(block),
            n_samples=int(sizes[rows[0]]),
            encoding=encodings.dictionary[int(code)].as_py(),
            scale=int(scale),
            packed=_matrix(column, rows),
        )


def _matrix(column: pa.Array, rows: npt.NDArray[np.intp]) -> U8:
    """Equally long binary values as a matrix, without a copy where the rows follow each other."""
    if len(rows) != len(column):
        column = column.take(pa.array(rows))
    wide = pa.types.is_large_binary(column.type)
    offsets = np.frombuffer(column.buffers()[1], np.int64 if wide else np.int32)
    offsets = offsets[column.offset : column.offset + len(column) + 1]
    data = np.frombuffer(column.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    return data.reshape(len(column), -1)
