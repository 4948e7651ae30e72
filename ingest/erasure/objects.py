"""Tables in landing that are one file each: samples' quality, scores, what linkage is told.

They are made of the genotypes of many people at once and put in force whole, so that they are no
parts of a source; whoever makes them may not do so again for long.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.holders import Erased, Gone, Holder, register
from biobraid.core.home import Home
from biobraid.core.link_inputs import LINK_INPUTS
from biobraid.core.manifest import Manifest
from biobraid.core.objects import put_objects, read_object
from biobraid.core.schemas import OTHER_TABLES
from biobraid.core.schemas.table import Table

_NAMES = ("source_person_key", "source_person_key_1", "source_person_key_2")
OBJECTS = tuple(
    table
    for table in (*OTHER_TABLES, *LINK_INPUTS.values())
    if table.schema in ("raw", "link_input") and set(_NAMES) & set(table.arrow.names)
)


def find(home: Home, gone: Gone) -> dict[str, int]:
    """Rows per table that would go."""
    with Manifest(home) as manifest:
        return {
            table.full_name: rows.num_rows - _without(rows, gone).num_rows
            for table, _, rows in _in_force(home, manifest, gone)
        }


def erase(home: Home, gone: Gone) -> Erased:
    """Write the tables anew without these people."""
    n = 0
    with Manifest(home) as manifest:
        for table, folder, rows in _in_force(home, manifest, gone):
            left = _without(rows, gone)
            if left.num_rows < rows.num_rows:
                put_objects(home, manifest, folder, {table: left}, {})
                n += rows.num_rows - left.num_rows
    return Erased(n)


def _in_force(home: Home, manifest: Manifest, gone: Gone) -> list[tuple[Table, str, pa.Table]]:
    """Tables with their folders and rows. All are of genotypes, which have no day of their own."""
    if gone.modality not in ("*", "genotype") or gone.after is not None:
        return []
    paths = {name: found[0] for name, found in manifest.objects().items()}
    return [
        (table, paths[table.full_name].split("/")[0], read_object(home, manifest, table))
        for table in OBJECTS
        if table.full_name in paths
    ]


def _without(rows: pa.Table, gone: Gone) -> pa.Table:
    keys = pa.array(sorted(gone.keys), pa.string())
    for name in set(_NAMES) & set(rows.column_names):
        rows = rows.filter(pc.invert(pc.is_in(rows[name], keys)))
    return rows


GENOTYPE_OBJECTS = register(Holder("tables of genotypes", find, erase))
