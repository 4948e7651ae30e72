"""Connector `vcf`: VCF, VCF.gz and BCF with samples; calls (GT) or dosages (DS, GP).

Records: every sample of the header and every line below it. Facts: the rows they land as.
Phase and fields other than the one landed are not kept; that is what the format's INFO and
FORMAT columns are too wide for. One file is one genotype set, so files per chromosome are
several sets of the same samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from cyvcf2 import VCF

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.genotype_files import broken, vcf_companions
from biobraid.ingest.connectors.genotype_options import VcfOptions
from biobraid.ingest.connectors.genotype_samples import judge_samples
from biobraid.ingest.connectors.genotype_variants import VariantReader
from biobraid.ingest.connectors.vcf_bytes import header_text, kind_of
from biobraid.ingest.connectors.vcf_header import check_contigs, read_header
from biobraid.ingest.connectors.vcf_records import read_records
from biobraid.ingest.connectors.vcf_text import read_calls


@connector("vcf", options=VcfOptions, companions=vcf_companions)
def read_vcf(job: FileJob) -> Iterator[Chunk | Counts]:
    """Samples, then variants with their values."""
    options = get_connector("vcf").check_options(job.source.options)
    if not isinstance(options, VcfOptions):
        raise TypeError("the connector is registered with other options")
    kind = kind_of(job)
    header = read_header(job, _bcf_header(job) if kind == "bcf" else header_text(job, kind))
    yield Counts(columns=("CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"))
    samples = judge_samples(job, options, header.samples, "header")
    yield from samples.items()
    # Records of a BCF have no lines: they are counted from 1.
    first_line = 1 if kind == "bcf" else header.n_lines + 1
    reader = VariantReader(job, options, is_ref_known=True, listed_in=kind, first_line=first_line)
    yield Counts(warnings=check_contigs(header, reader))
    if kind != "bcf" and _lands_calls(options, header.formats):
        yield from read_calls(job, kind, options, samples, reader)
    else:
        with closing(_opened(job)) as file:
            yield from read_records(job, file, options, samples, reader)
    reader.finish()


def _opened(job: FileJob) -> VCF:
    try:
        return VCF(str(job.path), strict_gt=True)
    except Exception as error:  # cyvcf2 raises plain Exception for a header it cannot parse
        if isinstance(error, MemoryError):
            raise
        raise broken(job, "the header cannot be read: it is damaged or cut off") from None


def _bcf_header(job: FileJob) -> str:
    with closing(_opened(job)) as file:
        return str(file.raw_header).rstrip("\x00")


def _lands_calls(options: VcfOptions, formats: frozenset[str]) -> bool:
    if options.field == "auto":
        return not formats & {"DS", "GP"}
    return options.field == "GT"
