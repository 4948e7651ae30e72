"""`raw`: the index of genotype files that stay where they lie (storage: reference)."""

from biobraid.core.schemas.table import Table, columns_of

_FILE = """
study VARCHAR study the row came from
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file
"""

RAW_GENOTYPE_REFERENCE = Table(
    "raw",
    "genotype_reference",
    "genotype file that is indexed and not copied",
    ("batch",),
    columns_of(
        _FILE
        + """
format VARCHAR bgen or pgen
n_samples INTEGER samples of the file
n_records INTEGER records of the file, before multiallelic ones are split
n_bytes BIGINT size of the file; with `mark` it finds the file again among those of the source
mark VARCHAR SHA-256 of size, both ends and 64 places of the file
layout INTEGER layout of a .bgen: 1 or 2; null for .pgen
compression INTEGER compression of a .bgen: 0 none, 1 zlib, 2 zstd; null for .pgen
"""
    ),
)

RAW_GENOTYPE_PLACE = Table(
    "raw",
    "genotype_place",
    "variant of a referenced file: where its values lie",
    ("batch", "variant_index"),
    columns_of(
        _FILE
        + """
variant_index INTEGER as in raw.variant
first_byte BIGINT place of the values in a .bgen, from 0; number of the record in a .pgen
n_bytes INTEGER bytes of the values; null for .pgen, which has an index of its own
n_alleles INTEGER alleles of the record
allele INTEGER which of them, from 0, the row of raw.variant counts
"""
    ),
)

REFERENCE_TABLES = (RAW_GENOTYPE_REFERENCE, RAW_GENOTYPE_PLACE)
