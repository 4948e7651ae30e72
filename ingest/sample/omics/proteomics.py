"""ukdemo's proteomics: a long NPX file as Olink Explore gives it, and the laboratory's manifest.

Samples have ids of the laboratory's own; only the manifest says whose they are.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import DelimitedFile, date, joined, number, pick, same, where
from biobraid.ingest.sample.draws import Draws, Flags, Floats, Ints
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import (
    CANARIES,
    CANARY_UKDEMO,
    EFFECTS,
    TWO_PATIENTS,
    WITHDRAWN_UKDEMO,
    Planted,
)

STUDY, SOURCE = "ukdemo", "proteomics"
NPX, MANIFEST = "proteomics/npx.csv.gz", "proteomics/samples.csv"
SHARE = 0.3
# Name, UniProt, panel, mean NPX, spread, limit of detection.
ASSAYS = (
    ("LEP", "P41159", "Cardiometabolic", 0.0, 0.6, -1.2),
    ("FABP4", "P15090", "Cardiometabolic", 0.4, 0.7, -2.0),
    ("ADIPOQ", "Q15848", "Cardiometabolic", 1.0, 0.6, -2.0),
    ("GDF15", "Q99988", "Cardiometabolic", 0.6, 0.6, -1.5),
    ("NTproBNP", "P16860", "Cardiometabolic", 0.2, 0.9, -1.4),
    ("MMP12", "P39900", "Cardiometabolic", 0.5, 0.6, -1.9),
    ("PCSK9", "Q8NBP7", "Cardiometabolic", 0.9, 0.5, -1.6),
    ("REN", "P00797", "Cardiometabolic", 0.1, 0.8, -1.3),
    ("IL6", "P05231", "Inflammation", 0.1, 0.8, -0.9),
    ("TNF", "P01375", "Inflammation", 0.3, 0.5, -1.0),
    ("CXCL8", "P10145", "Inflammation", 0.8, 0.7, -1.1),
    ("IL33", "O95760", "Inflammation", -0.6, 0.8, -0.3),  # mostly below its limit
    ("CCL2", "P13500", "Inflammation", 0.7, 0.6, -1.4),
    ("IL10", "P22301", "Inflammation", 0.0, 0.7, -0.9),
    ("TGFA", "P01135", "Inflammation", 0.4, 0.5, -1.2),
    ("VEGFA", "P15692", "Inflammation", 0.9, 0.5, -1.7),
)
LEPTIN = "LEP"
PERSONS_OF_A_PLATE = 400
_ALWAYS = (*CANARIES, TWO_PATIENTS, WITHDRAWN_UKDEMO)
_COLUMNS = (
    "SampleID", "Index", "OlinkID", "UniProt", "Assay", "MissingFreq", "Panel", "Panel_Lot_Nr",
    "PlateID", "QC_Warning", "LOD", "NPX", "Normalization", "Assay_Warning", "Sample_Type",
)  # fmt: skip
_CONTROLS = (
    ("PLATE_CONTROL", 2), ("NEGATIVE_CONTROL", 1), ("SAMPLE_CONTROL", 1),
)  # fmt: skip
_PRIME, _FACTOR = 9_999_991, 48_271


def sample_ids(draws: Draws) -> pa.Array:
    """The laboratory's ids: P and eight digits; unique, and no part of any other id."""
    return joined(["P", number(10_000_000 + draws.numbers * _FACTOR % _PRIME)])


def measured(block: People) -> Flags:
    """Whose blood, given at the first visit, was measured."""
    chosen = block.draws.chance("proteomics", SHARE) | np.isin(block.draws.numbers, _ALWAYS)
    return chosen & block.part.in_ukdemo & ~np.isnat(block.part.visits[0])


def true_npx(block: People, rows: Ints, assay: Ints) -> Floats:
    """NPX before the plate's shift: leptin rises with body mass as planted."""
    draws = block.draws.at(rows)
    mean, spread = (np.array([a[i] for a in ASSAYS], dtype=np.float64) for i in (3, 4))
    value: Floats = mean[assay] + spread[assay] * draws.normal("npx", assay)
    of_leptin = EFFECTS["leptin_npx_per_bmi"] * (block.traits.bmi[rows] - 27.0)
    return value + np.where(assay == _LEPTIN_AT, of_leptin, 0.0)


_LEPTIN_AT = [a[0] for a in ASSAYS].index(LEPTIN)


class ProteomicsFiles:
    """Both files, open for writing; `finish` adds what the platform adds and what is planted."""

    def __init__(self, folder: Path, stack: ExitStack, planted: Planted) -> None:
        self._planted = planted
        self._npx = stack.enter_context(DelimitedFile(folder / NPX, _COLUMNS, ";"))
        self._manifest = stack.enter_context(
            DelimitedFile(folder / MANIFEST, ("sample_id", "eid", "collected", "tube"))
        )
        self._plates: set[int] = set()

    def write(self, block: People) -> None:
        """Append a block of persons to both files."""
        rows = np.flatnonzero(measured(block))
        draws, ids = block.draws.at(rows), sample_ids(block.draws.at(rows))
        self._manifest.write(
            {
                "sample_id": ids,
                "eid": number(block.identity.eid[rows]),
                "collected": date(block.part.visits[0][rows], "%Y-%m-%d"),
                "tube": same("EDTA plasma", len(rows)),
            }
        )
        row = np.repeat(rows, len(ASSAYS))
        assay = np.tile(np.arange(len(ASSAYS)), len(rows))
        plate = block.draws.numbers[row] // PERSONS_OF_A_PLATE
        self._plates.update(plate.tolist())
        shift = Draws(block.draws.seed, plate).normal("plate-shift", assay) * 0.1
        value = np.round(true_npx(block, row, assay) + shift, 4)
        warned = draws.chance("npx-warning", 0.04)
        cells = {
            **_assay_cells(assay),
            "SampleID": ids.take(pa.array(np.repeat(np.arange(len(rows)), len(ASSAYS)))),
            "Index": number(block.draws.numbers[row] + 1),
            "PlateID": _plate_names(plate),
            "QC_Warning": where(np.repeat(warned, len(ASSAYS)), "WARN", "PASS"),
            "Assay_Warning": where(assay_warned(plate, assay, block.draws.seed), "WARN", "PASS"),
            "NPX": number(value, 4),
            "Sample_Type": same("SAMPLE", len(row)),
        }
        self._npx.write(cells, lambda lines: self._with_repeat(lines, block.draws.numbers[row]))
        lod = np.array([a[5] for a in ASSAYS])[assay]
        landed = (block.draws.numbers[row] != WITHDRAWN_UKDEMO) & ~block.part.withdrawn[row]
        expect = self._planted.expect
        expect(STUDY, "npx", "landed", int(landed.sum()))
        expect(STUDY, "npx", "below limit", int((landed & (value < lod)).sum()))
        expect(STUDY, "npx", "sample warning", int((np.repeat(warned, len(ASSAYS)) & landed).sum()))
        for i in np.flatnonzero(np.isin(block.draws.numbers[rows], CANARIES)).tolist():
            self._planted.canary("sample_id", ids[i].as_py(), STUDY, NPX, "SampleID")
            self._planted.canary("sample_id", ids[i].as_py(), STUDY, MANIFEST, "sample_id")

    def finish(self) -> None:
        """Controls of every plate, and a sample that the manifest does not know."""
        for plate in sorted(self._plates):
            for kind, n in _CONTROLS:
                for k in range(n):
                    self._write_other(f"{kind}_{plate}_{k}", plate, kind)
                    self._planted.count("control-sample", STUDY, NPX, "SampleID")
        self._write_other("P99999999", min(self._plates, default=0), "SAMPLE")
        self._planted.count("unknown-sample", STUDY, NPX, "SampleID")

    def _write_other(self, name: str, plate: int, kind: str) -> None:
        assay, n = np.arange(len(ASSAYS)), len(ASSAYS)
        self._npx.write(
            {
                **_assay_cells(assay),
                "SampleID": same(name, n),
                "Index": same("0", n),
                "PlateID": _plate_names(np.full(n, plate)),
                "QC_Warning": same("PASS", n),
                "Assay_Warning": same("PASS", n),
                "NPX": same("0.5", n),
                "Sample_Type": same(kind, n),
            }
        )

    def _with_repeat(self, lines: list[str], numbers: Ints) -> list[str]:
        """The lines with one of a planted person's twice."""
        at = np.flatnonzero(numbers == CANARY_UKDEMO)
        if not len(at):
            return lines
        first = int(at[0])
        self._planted.count("repeated-measurement", STUDY, NPX, "NPX")
        return [*lines[: first + 1], lines[first], *lines[first + 1 :]]


def assay_warned(plate: Ints, assay: Ints, seed: int) -> Flags:
    """Which assays were warned of on which plates."""
    return Draws(seed, plate).chance("assay-warning", 0.02, assay)


def _assay_cells(assay: Ints) -> dict[str, pa.Array]:
    n = len(assay)
    return {
        "OlinkID": pick([f"OID3{i:04d}" for i in range(len(ASSAYS))], assay),
        "UniProt": pick([a[1] for a in ASSAYS], assay),
        "Assay": pick([a[0] for a in ASSAYS], assay),
        "MissingFreq": same("0", n),
        "Panel": pick([a[2] for a in ASSAYS], assay),
        "Panel_Lot_Nr": same("B04413", n),
        "LOD": number(np.array([a[5] for a in ASSAYS])[assay], 2),
        "Normalization": same("Plate control", n),
    }


def _plate_names(plate: Ints) -> pa.Array:
    return joined(["UKD_PLATE_", number(plate + 1)])
