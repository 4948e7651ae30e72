"""What genotypes say of whose sample is whose, published for linkage to hold against its map.

The sex that X shows, and pairs of samples of one genotype or of two. Depends on genotypes alone
and not on who is linked to whom, so that a quarantine does not take away its own reason.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.genotypes.landed import genotype_sets, withdrawn_keys
from biobraid.core.home import Home
from biobraid.core.link_inputs import GENETIC_PAIR, GENETIC_SEX, publish_link_inputs
from biobraid.core.manifest import Manifest
from biobraid.core.objects import read_object
from biobraid.core.schemas.raw_genotype_qc import RAW_KINSHIP, RAW_SAMPLE_QC
from biobraid.quality.genotypes.duplicates import as_pairs, find_alike
from biobraid.quality.genotypes.run import NOTE as COUNTED

NOTE = "genotypes_compared"  # manifest note: marks of the sources whose samples were compared
DUPLICATE_ABOVE = 0.354  # KING's limit: one person twice, or identical twins


def publish_evidence(home: Home) -> bool:
    """Put sexes and pairs in force for the next linkage; False if they are as they were.

    Needs refresh_qc. Samples whose sex X does not tell are left out, and those that one source
    shows as male and another as female: that two samples differ is said of the pair. Samples are
    compared only where the genotypes changed since.
    """
    with Manifest(home) as manifest:
        counted = manifest.note(COUNTED) or {}
        before = read_object(home, manifest, GENETIC_PAIR)
        compared = before.filter(pc.equal(before["origin"], "compared"))
        if manifest.note(NOTE) != counted:
            compared = _compared(home, manifest, sorted(counted))
        pairs = _once(pa.concat_tables([_delivered(home, manifest), compared]))
        rows = {GENETIC_SEX: _sexes(home, manifest), GENETIC_PAIR: pairs}
        is_published = {GENETIC_SEX.full_name, GENETIC_PAIR.full_name} & set(manifest.objects())
        if not any(len(table) for table in rows.values()) and not is_published:
            return False
        return publish_link_inputs(home, manifest, rows, {NOTE: counted})


def _compared(home: Home, manifest: Manifest, sources: list[str]) -> pa.Table:
    withdrawn = withdrawn_keys(home, manifest)
    sets = [
        of
        for study, _, source in (name.partition("/") for name in sources)
        for of in genotype_sets(home, manifest, study, source, withdrawn)
    ]
    return as_pairs(find_alike(home, manifest, sets))


def _once(pairs: pa.Table) -> pa.Table:
    """Each pair once; what a source says of it counts more than our comparison."""
    keys = GENETIC_PAIR.arrow.names[:2]
    numbered = pairs.append_column("n", pa.array(range(len(pairs)), pa.int64()))
    return pairs.take(numbered.group_by(keys).aggregate([("n", "min")])["n_min"])


def _sexes(home: Home, manifest: Manifest) -> pa.Table:
    qc = read_object(home, manifest, RAW_SAMPLE_QC)
    known = qc.filter(pc.is_valid(qc["sex_inferred"]))
    by_sample = known.group_by("source_person_key").aggregate(
        [
            ("sex_inferred", "min"),
            ("sex_inferred", "max"),
            ("sex_stated", "min"),
            ("sex_stated", "max"),
        ]
    )
    by_sample = by_sample.filter(
        pc.equal(by_sample["sex_inferred_min"], by_sample["sex_inferred_max"])
    )
    is_one = pc.equal(by_sample["sex_stated_min"], by_sample["sex_stated_max"])
    stated = pc.if_else(pc.fill_null(is_one, False), by_sample["sex_stated_min"], None)
    return pa.table(
        {
            "source_person_key": by_sample["source_person_key"],
            "sex": pc.utf8_slice_codeunits(by_sample["sex_inferred_min"], 0, 1),
            "sex_stated": pc.utf8_slice_codeunits(stated, 0, 1),
        }
    )


def _delivered(home: Home, manifest: Manifest) -> pa.Table:
    """Delivered pairs of relatives; where several sources tell of a pair, the greatest kinship."""
    names = ["source_person_key", "other_person_key", "kinship"]
    parts = [p for p in manifest.parts(RAW_KINSHIP.full_name) if p.rows]
    if not parts:
        return GENETIC_PAIR.arrow.empty_table()
    found = pa.concat_tables(
        pq.ParquetFile(home.landing / part.path).read(columns=names) for part in parts
    )
    found = found.cast(pa.schema([RAW_KINSHIP.arrow.field(name) for name in names]))
    pairs = found.group_by(names[:2]).aggregate([("kinship", "max")])
    is_one = pc.greater(pairs["kinship_max"], DUPLICATE_ABOVE)
    return pa.table(
        {
            "source_person_key_1": pairs[names[0]],
            "source_person_key_2": pairs[names[1]],
            "relation": pc.if_else(is_one, "duplicate", "different"),
            "kinship": pairs["kinship_max"],
            "origin": pa.repeat("delivered", len(pairs)),
        }
    )
