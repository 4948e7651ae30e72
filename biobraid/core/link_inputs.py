"""What other steps tell linkage about source persons, without any identifier.

Genotype QC knows whose sample is whose better than any form: it publishes the sex the
chromosomes show and pairs whose genotypes agree, and the next linkage holds them against the
map. One Parquet file a table under landing/link_input/, replaced whole by whoever publishes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas.table import Table, columns_of

GENETIC_SEX = Table(
    "link_input",
    "genetic_sex",
    "genotyped source person",
    ("source_person_key",),
    columns_of(
        """
source_person_key VARCHAR of the genotype sample, as in raw.genotype_sample
sex VARCHAR m or f as the chromosomes show; ambiguous samples are left out
"""
    ),
)
GENETIC_PAIR = Table(
    "link_input",
    "genetic_pair",
    "pair of genotyped source persons that was compared and matters",
    ("source_person_key_1", "source_person_key_2"),
    columns_of(
        """
source_person_key_1 VARCHAR of one sample
source_person_key_2 VARCHAR of the other
relation VARCHAR duplicate (kinship above 0.354: one person or identical twins) or different
kinship DOUBLE KING kinship coefficient
"""
    ),
)
LINK_INPUTS = {table.name: table for table in (GENETIC_SEX, GENETIC_PAIR)}


def publish_link_input(home: Home, manifest: Manifest, table: Table, rows: pa.Table) -> bool:
    """Put `rows` in force as the table's content; False if it was the same before.

    Samples of one person that were compared and differ belong in genetic_pair too (relation
    different); pairs of different people that differ do not.
    """
    order = [(name, "ascending") for name in table.key]
    whole = rows.select(table.arrow.names).cast(table.arrow).sort_by(order)
    folder = home.landing / "link_input"
    folder.mkdir(exist_ok=True)
    path = folder / f"{table.name}.parquet"
    with atomic_path(folder / f"{table.name}-new.parquet") as partial:
        pq.write_table(whole, partial, compression="zstd")
        mark = hashlib.sha256(partial.read_bytes()).hexdigest()
    named = path.with_name(f"{table.name}-{mark[:8]}.parquet")
    (folder / f"{table.name}-new.parquet").replace(named)
    before = manifest.objects().get(table.full_name, ("", 0, ""))
    if before[2] == mark:
        return False
    with manifest.transaction():
        relative = named.relative_to(home.landing).as_posix()
        manifest.put_object(table.full_name, relative, whole.num_rows, mark)
    if before[0] and before[0] != relative:
        (home.landing / before[0]).unlink(missing_ok=True)
    return True


def link_input_path(home: Home, manifest: Manifest, table: Table) -> Path | None:
    """The file in force, or None where nobody published."""
    found = manifest.objects().get(table.full_name)
    return home.landing / found[0] if found else None
