"""One variant for 50,000 persons from a release: through the Python API and in plain DuckDB.

`ms.api`: `Genotypes.variant`, the release open. `ms.sql`: `SELECT * FROM
omics.variant_dosage(folder, variant)` on a plain DuckDB connection that has the release
attached, result fetched. Medians of 40 variants drawn at random, page cache warm. Beside them
bed-reader and pgenlib on the same calls (`ms.bed_reader`, `ms.pgenlib`; files open).
`ms.sql_first` and `ms.api_first`: the first one, with attaching and opening. `cpu_ms.*`: mean
processor time of a look-up, which a busy machine changes less.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pgenlib
import pyarrow as pa
from bed_reader import open_bed

from benchmarks.genotype_bank import land, make_bank
from benchmarks.genotype_ld import site, write_bed
from biobraid.core.home import Home
from biobraid.export.genotype_files import ReleasedSet, write_samples, write_set
from biobraid.export.genotype_macros import define_macros
from biobraid.export.genotypes import open_genotypes

SAMPLES, VARIANTS = 50_000, 20_000
LINES = [("ms.api", "<=", 20.0), ("ms.sql", "<=", 50.0), ("values_equal", ">=", 1.0)]
_LOOKUPS = 40


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures; `data` is a scratch folder."""
    return measure(SAMPLES, VARIANTS, data, seed, progress)


def measure(
    n_samples: int, n_variants: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any size."""
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        home = make_bank(folder, "plink", "bed")
        bed = write_bed(home.deliveries / "genes" / "cohort", n_samples, n_variants, seed)
        start = time.perf_counter()
        release, order = _release(home, bed, n_samples, seed)
        seconds = time.perf_counter() - start
        progress(f"landed and released in {seconds:.1f} s")
        numbers = np.random.default_rng(seed).integers(0, n_variants, _LOOKUPS).tolist()
        names = [_variant(n) for n in numbers]
        figures = {"seconds.land_and_release": round(seconds, 2)}
        figures |= _api(release, names) | _sql(release, names)
        figures |= _peers(bed, numbers)
        figures["values_equal"] = _equal(release, bed, numbers[:10], order)
    return figures


def _variant(n: int) -> str:
    return ":".join(str(part) for part in site(n))


def _release(home: Home, bed: Path, n_samples: int, seed: int) -> tuple[Path, np.ndarray]:
    """A release's folder of all samples in a random order; and that order."""
    read = land(home, bed, "token")
    paths = [p.path for p in read.parts if p.table == "raw.genotype"]
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_samples)
    release = home.releases / "project" / "r1"
    (release / "genotypes" / "values").mkdir(parents=True)
    sexes = (1 + order % 2).astype(np.int8)
    released = ReleasedSet("genes/calls/token", "set", "GRCh38", order, sexes)
    write_set(released, paths, 1, release / "genotypes" / "values" / "000.parquet")
    persons = np.sort(rng.integers(1, 2**62, n_samples))
    rows = pa.table(
        {
            "genotype_set_id": ["set"] * n_samples,
            "sample_index": pa.array(np.arange(n_samples), pa.int32()),
            "person_id": persons,
        }
    )
    write_samples(rows, release / "genotypes" / "samples.parquet")
    with duckdb.connect(str(release / "release.duckdb")) as con:
        con.execute("CREATE SCHEMA omics")
        define_macros(con)
    return release, order


def _api(release: Path, names: list[str]) -> dict[str, float]:
    start = time.perf_counter()
    with open_genotypes(release) as genotypes:
        genotypes.variant(names[0])
        first = time.perf_counter() - start
        cpu = time.process_time()
        times = [_seconds(lambda name=name: genotypes.variant(name)) for name in names]
        cpu = (time.process_time() - cpu) / len(names)
    return {
        "ms.api": _ms(statistics.median(times)),
        "ms.api_first": _ms(first),
        "cpu_ms.api": _ms(cpu),
    }


def _sql(release: Path, names: list[str]) -> dict[str, float]:
    start = time.perf_counter()
    con = duckdb.connect(config={"threads": 2})
    con.execute(f"ATTACH '{release / 'release.duckdb'}' AS r (READ_ONLY)")
    query = "SELECT person_id, dosage FROM r.omics.variant_dosage(?, ?)"
    con.execute(query, [str(release), names[0]]).fetchnumpy()
    first = time.perf_counter() - start
    cpu = time.process_time()
    times = [
        _seconds(lambda name=name: con.execute(query, [str(release), name]).fetchnumpy())
        for name in names
    ]
    cpu = (time.process_time() - cpu) / len(names)
    con.close()
    return {
        "ms.sql": _ms(statistics.median(times)),
        "ms.sql_first": _ms(first),
        "cpu_ms.sql": _ms(cpu),
    }


def _peers(bed: Path, numbers: list[int]) -> dict[str, float]:
    target = bed.with_name("peer")
    command = ["plink2", "--bfile", str(bed.with_suffix("")), "--make-pgen", "--out", str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open_bed(bed) as opened:
        by_bed = [_seconds(lambda n=n: opened.read(np.s_[:, n], dtype="float32")) for n in numbers]
    with pgenlib.PgenReader(str(target.with_suffix(".pgen")).encode()) as reader:
        row = np.empty(reader.get_raw_sample_ct(), np.int8)
        by_pgen = [_seconds(lambda n=n: reader.read(n, row)) for n in numbers]
    return {
        "ms.bed_reader": _ms(statistics.median(by_bed)),
        "ms.pgenlib": _ms(statistics.median(by_pgen)),
    }


def _equal(release: Path, bed: Path, numbers: list[int], order: np.ndarray) -> float:
    """Share of values that equal bed-reader's, over a few variants."""
    equal = n = 0
    with open_bed(bed) as opened, open_genotypes(release) as genotypes:
        for number in numbers:
            theirs = opened.read(np.s_[:, number], dtype="float32")[:, 0][order]
            (found,) = genotypes.variant(_variant(number))
            same = (found.dosages == theirs) | (np.isnan(found.dosages) & np.isnan(theirs))
            equal, n = equal + int(same.sum()), n + len(same)
    return equal / n


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)
