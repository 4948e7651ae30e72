"""`raw`: genotypes as landed: variants, samples, and packed values of one variant x samples.

The layout is described in docs/decisions/0010-genotype-layout.md; what the bytes of
raw.genotype mean stands in biobraid.core.genotypes.
"""

from biobraid.core.schemas.table import Table, columns_of

_FILE = """
study VARCHAR study the row came from
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file; a file is one genotype set: the same samples in the same order for all of its variants
"""

RAW_VARIANT = Table(
    "raw",
    "variant",
    "variant of a genotype file: one alternate allele of one delivered record",
    ("batch", "variant_index"),
    columns_of(
        _FILE
        + """
row_id BIGINT positive 63-bit id of the variant in this file, keyed
record_id BIGINT positive 63-bit id of the delivered record, keyed; the alternate alleles of a multiallelic record share it
variant_index INTEGER place in the set, 0-based, after multiallelic records were split
variant_id VARCHAR chr:pos:ref:alt, normalised; not unique where a file repeats a variant
build VARCHAR GRCh37 or GRCh38, as declared
chromosome VARCHAR 1 to 22, X, Y, MT, or the contig as delivered; 0 where the file gives none
position INTEGER 1-based place of the first base of ref_allele; 0 where the file gives none
ref_allele VARCHAR reference allele, upper case, trimmed to what differs; a dot where the file names none
alt_allele VARCHAR alternate allele, which dosages count; a dot where the file names none
is_ref_known BOOLEAN true where the format says which allele is the reference; false for .bed, where the declaration says it
allele_number INTEGER which alternate allele of the delivered record this is, 1-based
n_alt_alleles INTEGER alternate alleles of the delivered record
source_label VARCHAR label of the delivered record (rs number); null if it has none
source_alleles VARCHAR position and alleles as delivered (pos:ref:alt,alt), where normalising or splitting changed them; null otherwise
filter VARCHAR FILTER as delivered; null if none
quality DOUBLE QUAL as delivered; null if none
imputation_info DOUBLE INFO or R2 of imputation, 0 to 1: as delivered, or computed from the probabilities of a .bgen; null for calls
encoding VARCHAR call2, dosage8 or dosage16: how the variant's values are packed in raw.genotype
"""
    ),
)

RAW_GENOTYPE_SAMPLE = Table(
    "raw",
    "genotype_sample",
    "sample of a genotype file that belongs to somebody",
    ("batch", "sample_index"),
    columns_of(
        _FILE
        + """
row_id BIGINT positive 63-bit id of the sample in this file, keyed
record_id BIGINT positive 63-bit id of the delivered record, keyed
source_person_key VARCHAR 32 hex digits, keyed hash of study namespace and native person id
sample_index INTEGER place in the set, 0-based: the place of its value within raw.genotype
n_samples INTEGER samples of the set, those without a row here included (their values are masked)
sex VARCHAR male or female as the genotype file states it; null if it does not
family_key VARCHAR keyed hash of the family id; null if none
father_key VARCHAR source_person_key of the father as the file states it; null if none
mother_key VARCHAR source_person_key of the mother as the file states it; null if none
"""
    ),
)

RAW_GENOTYPE = Table(
    "raw",
    "genotype",
    "variant x block of samples: packed values of up to 131,072 samples",
    ("batch", "variant_index", "sample_block"),
    columns_of(
        _FILE
        + """
variant_index INTEGER as in raw.variant
variant_id VARCHAR as in raw.variant
chromosome VARCHAR as in raw.variant; files are sorted by chromosome and position as delivered
position INTEGER as in raw.variant
sample_block INTEGER block of samples, 0-based; block b begins with sample_index b x 131,072
n_samples INTEGER samples in this block
encoding VARCHAR call2: 2 bits a sample, the first in the lowest bits; dosage8 and dosage16: an unsigned integer a sample, little-endian
scale INTEGER dosage of the alternate allele = stored number / scale; 1 for call2
genotypes BLOB packed values on the scale 0 to 2; missing is 3 (call2), 255 (dosage8) or 65535 (dosage16)
"""
    ),
)
