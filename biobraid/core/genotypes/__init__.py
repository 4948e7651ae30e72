"""Genotypes: what a stored value means, how values are packed, builds, alleles and ploidy."""

from biobraid.core.genotypes.alleles import Alleles, normalised, variant_id
from biobraid.core.genotypes.builds import (
    BUILDS,
    chromosome_length,
    chromosome_name,
    chromosome_order,
    find_build,
    ploidy,
)
from biobraid.core.genotypes.dosage import (
    MISSING_CALL,
    calls_of_alleles,
    dosages_of_haplotypes,
    dosages_of_probabilities,
    imputation_info,
    without_impossible,
)
from biobraid.core.genotypes.packing import (
    BLOCK_SAMPLES,
    MISSING_CODE,
    call_counts,
    calls_from_bed,
    codes_of_dosages,
    codes_of_row,
    dosages_of_codes,
    mask_samples,
    pack_calls,
    packed_size,
    rows_of_group,
    unpack_calls,
)

__all__ = [
    "BLOCK_SAMPLES",
    "BUILDS",
    "MISSING_CALL",
    "MISSING_CODE",
    "Alleles",
    "call_counts",
    "calls_from_bed",
    "calls_of_alleles",
    "chromosome_length",
    "chromosome_name",
    "chromosome_order",
    "codes_of_dosages",
    "codes_of_row",
    "dosages_of_codes",
    "dosages_of_haplotypes",
    "dosages_of_probabilities",
    "find_build",
    "imputation_info",
    "mask_samples",
    "normalised",
    "pack_calls",
    "packed_size",
    "ploidy",
    "rows_of_group",
    "unpack_calls",
    "variant_id",
    "without_impossible",
]
