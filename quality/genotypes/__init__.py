"""Quality of genotypes: variants and samples, counted on the packed values in landing."""

from biobraid.quality.genotypes.evidence import publish_evidence
from biobraid.quality.genotypes.run import QcResult, refresh_qc

__all__ = ["QcResult", "publish_evidence", "refresh_qc"]
