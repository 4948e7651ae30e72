"""Where bulk objects lie: known to the vault only, under the asset ids of the warehouse."""

from __future__ import annotations

import pyarrow as pa

from biobraid.core.home import Home
from biobraid.linkage.vault import open_vault


def asset_locations(home: Home) -> pa.Table:
    """Rows asset_id, study, source, location of all assets, sorted; needs the link key.

    location: path below the study's deliveries (inside a zip: zip!path), or as an index gave it.
    An asset whose files lie in a folder with those of others has a row for each file.
    """
    with open_vault(home) as vault:
        return vault.con.execute(
            """SELECT record_id AS asset_id, study, source, value AS location
               FROM identifier WHERE type = 'asset_location' AND record_id IS NOT NULL
               ORDER BY ALL"""
        ).to_arrow_table()
