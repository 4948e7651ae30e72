"""What other steps tell linkage about source persons, without any identifier.

Genotype QC knows whose sample is whose better than any form: it publishes the sex the
chromosomes show and pairs whose genotypes agree, and the next linkage holds them against the
map. One Parquet file a table under landing/link_input/, replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.objects import put_objects
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
sex_stated VARCHAR m or f as the genotype file itself states; null if it does not
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
kinship DOUBLE KING kinship coefficient; null if it is not defined
origin VARCHAR delivered (a file of relatives), or compared (our own comparison of the landed values)
"""
    ),
)
FOLDER = "link_input"  # below landing
LINK_INPUTS = {table.name: table for table in (GENETIC_SEX, GENETIC_PAIR)}


def publish_link_inputs(
    home: Home,
    manifest: Manifest,
    tables: Mapping[Table, pa.Table],
    notes: Mapping[str, Any] | None = None,
) -> bool:
    """Put the rows in force as the tables' content, together; False if all were the same before.

    notes: manifest notes that come in force with them.

    Samples of one person that were compared and differ belong in genetic_pair too (relation
    different); so may any other pair that differs, which says nothing.
    """

    def marks() -> list[str]:
        objects = manifest.objects()
        return [objects.get(table.full_name, ("", 0, ""))[2] for table in tables]

    before = marks()
    (home.landing / FOLDER).mkdir(exist_ok=True)
    put_objects(home, manifest, FOLDER, tables, notes or {})
    return marks() != before


def link_input_path(home: Home, manifest: Manifest, table: Table) -> Path | None:
    """The file in force, or None where nobody published."""
    found = manifest.objects().get(table.full_name)
    return home.landing / found[0] if found else None
