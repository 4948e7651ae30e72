"""Options of the connectors that read genotypes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from biobraid.core.errors import near_misses
from biobraid.core.genotypes import BUILDS, find_build

# Whose samples are ignored and counted: UK Biobank gives those of withdrawn people negative ids.
# Elsewhere -3 is an id like any other, so that a source has to declare it.
WithdrawnIds = Literal["negative"] | None


class SampleMap(BaseModel):
    """A table beside the genotypes that says which person a laboratory's sample id is.

    file: name, or pattern, in the genotype file's folder; comma- or tab-separated with a header.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sample: str  # column with the sample id of the genotype file
    person: str  # column with the study's person id


class GenotypeOptions(BaseModel):
    """What every genotype source declares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    build: str  # GRCh37 or GRCh38, by any of their names
    # strict: a file whose positions or header contradict the build is refused; warn: counted
    build_check: Literal["strict", "warn"] = "strict"
    # which id of the file names the person (.fam, .psam, .sample); VCF has one id only
    sample_id: Literal["iid", "fid", "fid_iid"] = "iid"
    sample_map: SampleMap | None = None
    withdrawn_ids: WithdrawnIds = None

    @field_validator("build")
    @classmethod
    def _known_build(cls, value: str) -> str:
        found = find_build(value)
        if found is None:
            near = near_misses(value, BUILDS)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"'{value}' is not one of {', '.join(BUILDS)}{hint}")
        return found

    def companion_patterns(self) -> tuple[str, ...]:
        """Files that belong to a genotype file, as patterns; {stem} is its name without ending."""
        return (self.sample_map.file,) if self.sample_map else ()


class PlinkOptions(GenotypeOptions):
    """.bed with .bim and .fam."""

    bim: str = "{stem}.bim"
    fam: str = "{stem}.fam"
    # PLINK's convention: A1 (first in .bim) is the alternate allele, A2 the reference
    ref_allele: Literal["a2", "a1"] = "a2"

    def companion_patterns(self) -> tuple[str, ...]:
        """.bim and .fam."""
        return (self.bim, self.fam, *super().companion_patterns())


class PgenOptions(GenotypeOptions):
    """.pgen with .pvar or .pvar.zst, and .psam."""

    pvar: str = "{stem}.pvar*"
    psam: str = "{stem}.psam"
    dosage_bits: Literal[8, 16] = 16

    def companion_patterns(self) -> tuple[str, ...]:
        """.pvar and .psam."""
        return (self.pvar, self.psam, *super().companion_patterns())


class BgenOptions(GenotypeOptions):
    """.bgen with .sample; a .bgi beside it is used to find `regions`."""

    sample: str | None = None  # default: the ids in the file, else {stem}.sample
    bgi: str = "{name}.bgi"
    ref_allele: Literal["first", "last"] = "first"
    dosage_bits: Literal[8, 16] = 16
    # Land only these: "7:1000000-2000000"; a whole chromosome is "7". Empty: everything.
    regions: list[str] = []

    @field_validator("regions")
    @classmethod
    def _regions_parse(cls, value: list[str]) -> list[str]:
        for region in value:
            parse_region(region)
        return value

    def companion_patterns(self) -> tuple[str, ...]:
        """.sample, if there is one, and .bgi only where it is needed."""
        index = (self.bgi,) if self.regions else ()
        return (self.sample or "{stem}.sample", *index, *super().companion_patterns())


class VcfOptions(GenotypeOptions):
    """VCF, VCF.gz or BCF."""

    # auto: DS, else GP, where the file has it, else GT
    field: Literal["auto", "GT", "DS", "GP"] = "auto"
    dosage_bits: Literal[8, 16] = 16
    # INFO fields that hold the quality of imputation, the first that is there counts
    info_fields: list[str] = Field(default=["R2", "DR2", "INFO", "IMP_INFO"])


def parse_region(text: str) -> tuple[str, int, int]:
    """Chromosome, first and last position of a region; ValueError if it is none."""
    chromosome, _, span = text.partition(":")
    first, _, last = span.partition("-")
    if not chromosome or (span and not (first.isdigit() and last.isdigit())):
        raise ValueError(f"'{text}' is not a region such as 7:1000000-2000000")
    if span and int(first) > int(last):
        raise ValueError(f"region '{text}' ends before it begins")
    return chromosome, int(first or 0), int(last or 2**31 - 1)
