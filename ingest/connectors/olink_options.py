"""Options of the `olink` connector, and the names its columns go by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from biobraid.ingest.connectors.omics_options import SAMPLE, ColumnOptions

# role -> names in NPX files of Target, Explore and Explore HT, of UK Biobank and CKB.
NAMES: Mapping[str, tuple[str, ...]] = {
    "sample": ("SampleID", "sample_id"),
    "feature": ("OlinkID", "olinkid", "protein_id"),
    "value": ("NPX", "npx", "Quantified_value", "result"),
    "lod": ("LOD", "lod", "NPX_LOD", "PlateLOD", "MaxLOD"),
    "plate": ("PlateID", "plateid", "Plate_ID"),
    "sample_qc": ("QC_Warning", "qc_warning", "SampleQC"),
    "assay_qc": ("Assay_Warning", "AssayQC"),
    "sample_type": ("Sample_Type", "SampleType"),
    "assay_type": ("AssayType",),
    "panel": ("Panel", "panel_full", "panel"),
    "symbol": ("Assay", "assay"),
    "accession": ("UniProt", "uniprot", "UniProtID"),
    "unit": ("Unit", "unit"),
}
# Columns of wide files that are about the sample.
NO_ASSAYS = (
    "Index", "WellID", "Well", "DataAnalysisRefID", "Block", "Panel_Lot_Nr", "Panel_Version",
    "Normalization", "ExploreVersion", "ins_index",
)  # fmt: skip
PASSED = ("PASS", "Pass", "pass", "0", "NA", "")
# Samples and assays that the platform adds, where a file says so, and else by their names.
_NOT_A_SAMPLE = r"(?!(?i:sample)$).+"
_CONTROL_SAMPLE = (
    r"(?i)((plate|sample|negative|neg)[ _-]?(control|ctrl)|control[ _-]sample|IPC)([ _-].*|\d*)"
)
CONTROL_ASSAY = (
    r"(?i)(inc(ubation)?|ext(ension)?|amp(lification)?|det(ection)?)[ _-]?(control|ctrl).*"
)

_UNIPROT = r"([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9]([A-Z][A-Z0-9]{2}[0-9]){1,2})"
_ASSAY = re.compile(rf"OID\d{{4,6}}(_.*)?|{_UNIPROT}([_;,]{_UNIPROT})*|(?i:{CONTROL_ASSAY[4:]})")


class OlinkOptions(ColumnOptions):
    """Beside the options that all omics connectors share:

    layout: long, one line a measurement; wide, one line a sample and one column an assay; auto
    tells it by the header. columns: role -> column, where a file names it otherwise (roles:
    feature, value, lod, plate, sample_qc, assay_qc, sample_type, assay_type, panel, symbol,
    accession, unit). feature_columns: regular expressions of the columns of a wide file that are
    assays, beside Olink's and UniProt's ids; symbols of genes are no ids, since any word may be
    one. ignore: columns of a wide file that are no assays.
    """

    layout: Literal["auto", "long", "wide"] = "auto"
    columns: dict[str, str] = {}
    plate: str | None = None


def find_columns(options: OlinkOptions, header: Sequence[str]) -> dict[str, str]:
    """role -> column of the header."""
    found = {}
    for role, names in NAMES.items():
        wanted = (options.columns[role],) if role in options.columns else names
        name = next((n for n in wanted if n in header), None)
        if name is not None:
            found[role] = name
    return found


def is_assay(column: str) -> bool:
    """True for a column of a wide file that is named by an id of Olink's or UniProt's."""
    return _ASSAY.fullmatch(column.strip()) is not None


def sample_marks(roles: Mapping[str, str]) -> dict[str, list[str]]:
    """Which samples are the platform's own controls, as rules of the option `controls`."""
    if "sample_type" in roles:
        return {roles["sample_type"]: [_NOT_A_SAMPLE]}
    return {SAMPLE: [_CONTROL_SAMPLE]}
