"""`raw`: what is known of genotypes beside their values: quality, relatives, components, scores.

variant_qc and sample_qc are computed over the landed values after linkage
(biobraid.quality.genotypes); kinship and component are landed from the usual files;
score and score_variant are written by `biobraid score`.
"""

from biobraid.core.schemas.table import Table, columns_of

_ORIGIN = """
study VARCHAR study the row came from
source VARCHAR source within the study
batch VARCHAR keyed token of the delivered file the row came from
row_id BIGINT positive 63-bit id of the fact, keyed, the same in every delivery
record_id BIGINT positive 63-bit id of the delivered record the fact stood in
source_person_key VARCHAR as in raw.value
"""

RAW_VARIANT_QC = Table(
    "raw",
    "variant_qc",
    "variant of a genotype file, over the samples of everybody who has not withdrawn, linked or not",
    ("batch", "variant_index"),
    columns_of(
        """
study VARCHAR study of the file
source VARCHAR source of the file
batch VARCHAR as in raw.variant
variant_index INTEGER as in raw.variant
n_samples INTEGER samples that count: all, on Y only those of men
n_called INTEGER of these, samples with a call; for dosages, within 0.1 of a whole number
call_rate DOUBLE n_called / n_samples, 0 to 1; null without samples
n_hom_ref INTEGER diploid samples without the alternate allele
n_het INTEGER diploid samples with one
n_hom_alt INTEGER diploid samples with two
n_haploid_ref INTEGER haploid samples (men on X and Y, everybody on MT) without the alternate allele
n_haploid_alt INTEGER haploid samples with it
n_haploid_het INTEGER impossible calls: heterozygous haploid samples; counted nowhere else but as called
alt_frequency DOUBLE frequency of the alternate allele, haploids with one allele each; of dosages where there are any; null if nobody is called
minor_frequency DOUBLE the smaller of alt_frequency and 1 - alt_frequency
hwe_p DOUBLE exact test of Hardy-Weinberg equilibrium without mid-p; on X among samples stated to be of women; null on Y and MT and if nobody is called
dosage_r2 DOUBLE variance of the dosages over that of perfectly known genotypes (MaCH's R2); null for calls and where there is no variation
"""
    ),
)

RAW_SAMPLE_QC = Table(
    "raw",
    "sample_qc",
    "person sampled in a source, over all of the source's genotype files and the person's samples",
    ("study", "source", "source_person_key"),
    columns_of(
        """
study VARCHAR study of the sample
source VARCHAR source of the sample
source_person_key VARCHAR as in raw.genotype_sample
n_variants INTEGER variants of the autosomes, X and MT
n_called INTEGER of these, variants with a call
call_rate DOUBLE n_called / n_variants, 0 to 1
n_autosomal INTEGER autosomal variants with a call
n_het INTEGER autosomal heterozygous calls
expected_hom DOUBLE autosomal homozygous calls expected from the frequencies in this source
heterozygosity DOUBLE n_het / n_autosomal; null without calls
inbreeding_f DOUBLE (observed - expected homozygous) / (n_autosomal - expected homozygous); null where that is undefined
n_x INTEGER variants of X outside the pseudo-autosomal regions with a call
x_f DOUBLE the same statistic as inbreeding_f on X: about 1 for one X, about 0 for two; null without variation
y_call_rate DOUBLE share of the variants of Y with a call; null if there are none
sex_stated VARCHAR male or female as the genotype files state it; null if none does or they differ
sex_inferred VARCHAR male where x_f > 0.8, female where x_f < 0.2, null between and where X tells too little
is_sex_mismatch BOOLEAN true where both are known and differ, false where they agree; null otherwise
"""
    ),
)

RAW_KINSHIP = Table(
    "raw",
    "kinship",
    "pair of samples as delivered by a relatedness file",
    ("source_person_key", "other_person_key"),
    columns_of(
        _ORIGIN
        + """
other_person_key VARCHAR source_person_key of the pair's second sample
n_variants INTEGER variants compared; null if the file does not say
het_het DOUBLE share of variants where both are heterozygous; null if the file does not say
ibs0 DOUBLE share of variants where they share no allele; null if the file does not say
kinship DOUBLE kinship coefficient: 0.5 one person twice, 0.25 parent and child or siblings
"""
    ),
)

RAW_COMPONENT = Table(
    "raw",
    "component",
    "sample x principal component, as delivered",
    ("source_person_key", "component"),
    columns_of(
        _ORIGIN
        + """
component INTEGER number of the component, 1-based
value DOUBLE the sample's score on it
"""
    ),
)

RAW_SCORE = Table(
    "raw",
    "score",
    "polygenic score of a sample of a source",
    ("score_name", "study", "source", "source_person_key"),
    columns_of(
        """
score_name VARCHAR name of the score: its PGS id, or the name of its file
study VARCHAR study of the sample
source VARCHAR source of the sample
source_person_key VARCHAR as in raw.genotype_sample
score DOUBLE sum of weight x copies of the effect allele over the variants used
n_variants INTEGER variants used for the sample: the used ones of raw.score_match that its files hold
n_imputed INTEGER of these, variants without a call, taken as the mean of the file
"""
    ),
)

RAW_SCORE_MATCH = Table(
    "raw",
    "score_match",
    "polygenic score x source: what became of its weights",
    ("score_name", "study", "source"),
    columns_of(
        """
score_name VARCHAR as in raw.score
study VARCHAR study of the source
source VARCHAR source of genotypes
trait VARCHAR reported trait of the scoring file; null if it names none
build VARCHAR build of the positions used; null if matched by rs number only
n_weights BIGINT weights of the scoring file
n_matched BIGINT weights whose alleles agree with a variant
n_flipped BIGINT weights whose alleles agree on the other strand
n_ambiguous BIGINT weights of A/T or C/G variants, whose strand cannot be told
n_mismatch BIGINT weights whose place is known with other alleles
n_missing BIGINT weights whose variant is not in the source
n_duplicate BIGINT weights whose variant another weight has taken
n_unsupported BIGINT weights that do not go with the number of alleles
n_used BIGINT weights in the score: matched, flipped, and ambiguous where they were asked for
n_swapped BIGINT of these, weights that count the reference allele
coverage DOUBLE n_used / n_weights, 0 to 1
weight_coverage DOUBLE share of the sum of absolute weights that is used, 0 to 1
"""
    ),
)

QC_LANDING_TABLES = (RAW_KINSHIP, RAW_COMPONENT)
QC_OTHER_TABLES = (RAW_VARIANT_QC, RAW_SAMPLE_QC, RAW_SCORE, RAW_SCORE_MATCH)
