"""Genotypes of the sample biobank: PLINK, VCF and BGEN of overlapping people, with LD and truth."""
