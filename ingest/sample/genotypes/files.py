"""All genotype files of the sample: three studies, each with its own format, ids and people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from biobraid.ingest.sample.genotypes import bgen_files, plink_files, tables, vcf_files
from biobraid.ingest.sample.genotypes.members import ARRAY, IMPUTED, SEQUENCED, Members, Roll
from biobraid.ingest.sample.genotypes.panel import panel
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARIES, Planted

FOLDER = "genotypes"


class GenotypeFiles:
    """Gathers who is genotyped; writes the files once everybody is known.

    Memory is ids and numbers of the genotyped people, and one block of their variants at a
    time: .bed, VCF and BGEN hold variants, not persons, one after the other.
    """

    def __init__(self, folders: Mapping[str, Path], seed: int, planted: Planted) -> None:
        self._folders = folders
        self._panel = panel(seed)
        self._planted = planted
        self._rolls = {study: Roll(study) for study in (ARRAY, IMPUTED, SEQUENCED)}

    def write(self, block: People) -> None:
        """Take in a block of persons."""
        for roll in self._rolls.values():
            roll.write(block)

    def finish(self) -> None:
        """Write every file."""
        who = {study: roll.members() for study, roll in self._rolls.items()}
        at = {study: self._folders[study] / FOLDER for study in who}
        array = who[ARRAY]
        plink_files.write_plink(at[ARRAY], self._panel, array)
        n_related = tables.write_related(at[ARRAY] / tables.RELATED, array)
        tables.write_components(at[ARRAY] / tables.COMPONENTS, self._panel, array)
        bgen_files.write_bgen(at[IMPUTED], self._panel, who[IMPUTED])
        vcf_files.write_vcf(at[SEQUENCED], self._panel, who[SEQUENCED])
        tables.write_score(self._folders["truth"] / tables.SCORE, self._panel)
        tables.write_truth(self._folders["truth"], self._panel, array)
        self._count(array, n_related)
        sheets = {
            ARRAY: f"{plink_files.STEM}.fam",
            IMPUTED: f"{bgen_files.STEM}.sample",
            SEQUENCED: vcf_files.FILE,
        }
        for study, sheet in sheets.items():
            self._expect(study, sheet, who[study])

    def _count(self, array: Members, n_related: int) -> None:
        sheet, bed = (f"{FOLDER}/{plink_files.STEM}.{kind}" for kind in ("fam", "bed"))
        self._planted.count("sex-mismatch", ARRAY, sheet, "", array.n_mismatched)
        self._planted.count("duplicate-sample", ARRAY, bed, "", array.n_duplicates)
        self._planted.count("low-call-rate", ARRAY, bed, "sample", int(array.is_poor.sum()))
        self._planted.count("low-call-rate", ARRAY, bed, "variant")
        self._planted.count("hwe-violation", ARRAY, bed, "variant")
        self._planted.expect(ARRAY, "kinship", "pairs", n_related)

    def _expect(self, study: str, sheet: str, who: Members) -> None:
        self._planted.expect(study, "genotype-sample", "delivered", len(who.ids))
        rows = np.flatnonzero(np.isin(who.draws.numbers, CANARIES))
        for row in rows.tolist():
            value = who.ids[row].as_py()
            self._planted.canary("native_id", value, study, f"{FOLDER}/{sheet}", "sample")
