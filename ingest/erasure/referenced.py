"""Genotype files that stay where they lie (`storage: reference`): masked at once, replaced by a day.

A person is in such a file a place among its samples; without a row in raw.genotype_sample nobody
reads that place any more. The file itself was delivered and lies outside the home: whoever holds
it puts one without the person in its place by the day that `status` shows, and until that is
indexed the withdrawal stays listed.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import duckdb

from biobraid.core.holders import Erased, Gone, Holder, register
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import parquet_list
from biobraid.ingest.genotypes import SAMPLES

NOTE = "referenced_masked"  # manifest note: files (batches) that hold people who were masked


def find(home: Home, gone: Gone) -> dict[str, int]:
    """Samples of these people in referenced files."""
    with Manifest(home) as manifest:
        return {"referenced genotypes": sum(_samples(home, manifest, gone).values())}


def erase(home: Home, gone: Gone) -> Erased:
    """Remember which files hold them; the samples' rows go with landing's."""
    with Manifest(home) as manifest:
        found = _samples(home, manifest, gone)
        if not found:
            return Erased(0)
        with manifest.transaction():
            manifest.set_note(NOTE, sorted({*manifest.note(NOTE, []), *found}))
    due = gone.today + timedelta(days=home.settings.withdrawal_grace_days)
    return Erased(sum(found.values()), due)


def replaced(home: Home) -> bool:
    """Whether none of the files that hold masked people is in force any more."""
    with Manifest(home) as manifest:
        active = {p.batch for p in manifest.parts("raw.genotype_reference") if p.rows}
        left = [batch for batch in manifest.note(NOTE, []) if batch in active]
        with manifest.transaction():
            manifest.set_note(NOTE, left)
    return not left


def _samples(home: Home, manifest: Manifest, gone: Gone) -> Counter[str]:
    """File -> samples of these people. Genotypes have no day: after a day, nothing goes."""
    files = {p.batch for p in manifest.parts("raw.genotype_reference") if p.rows}
    parts = [p for p in manifest.parts(SAMPLES) if p.batch in files and p.rows]
    if not parts or gone.modality not in ("*", "genotype") or gone.after is not None:
        return Counter()
    with duckdb.connect() as con:
        rows = con.execute(
            "SELECT batch, count(*) "  # noqa: S608  our own paths
            f"FROM read_parquet({parquet_list([home.landing / p.path for p in parts])}) "
            "WHERE source_person_key IN (SELECT unnest(?)) GROUP BY batch",
            [sorted(gone.keys)],
        ).fetchall()
    return Counter(dict(rows))


REFERENCED = register(Holder("referenced genotypes", find, erase, replaced))
