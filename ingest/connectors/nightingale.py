"""Connector `nightingale`: NMR metabolomics, as Nightingale delivers it or as UK Biobank does.

Nightingale's table has a row a sample, a column a biomarker, and columns of flags of the sample
as a whole; a cell TAG was measured and withheld. In UK Biobank's columns (p23400_i0, 23400-0.0)
a row holds a sample for each instance, flags of the sample stand in fields 23651-23655, and the
flag of a biomarker in the field 300 further (23700 is of 23400). The unit, name and group of a
biomarker come from the table of features (option `features`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.matrix_header import known_columns, open_matrix
from biobraid.ingest.connectors.matrix_rows import Layout, RowsMatrix, View
from biobraid.ingest.connectors.nightingale_names import is_biomarker
from biobraid.ingest.connectors.omics_options import SAMPLE, ColumnOptions

_FIELD = re.compile(
    r"(?:participant\.)?p(?P<a>\d+)_i(?P<b>\d+)|(?:f\.)?(?P<c>\d+)[-.](?P<d>\d+)\.0"
)
_BIOMARKERS = (range(23400, 23649), range(20280, 20282))
_FLAG_DISTANCE = 300  # of a biomarker's flag from the biomarker; 20280 and 20281 have none
_PLATE = 23649
_SAMPLE_FLAGS = {
    23651: "measurement-quality", 23652: "high-lactate", 23653: "high-pyruvate",
    23654: "low-glucose", 23655: "low-protein",
}  # fmt: skip
_SAMPLE_NAMES = ("Sample id", "Sample_id", "sampleid", "sample_id", "SampleID", "Sample ID")
# Nightingale's own columns of flags, by their names without spaces and underscores.
_FLAG_NAMES = {
    "lowglucose": "low-glucose", "highlactate": "high-lactate", "highpyruvate": "high-pyruvate",
    "lowprotein": "low-protein", "lowglutamineorhighglutamate": "low-glutamine",
    "measurementquality": "measurement-quality", "belowlimitofquantification": "below-limit",
    "plasmasample": "plasma", "serumsample": "serum", "ethanol": "ethanol",
}  # fmt: skip
_WITHHELD = {"TAG": "error", "NDEF": "not-a-number"}  # a ratio with nothing below the line


class NightingaleOptions(ColumnOptions):
    """Beside the options that all omics connectors share:

    qc: scope -> column of a flag of the sample, beyond the usual ones. plate: column of the
    plate. feature_columns: regular expressions of biomarkers that Nightingale does not name so.
    ignore: columns that are no biomarkers.
    """

    qc: dict[str, str] = {}
    plate: str | None = None


@connector("nightingale", options=NightingaleOptions)
def read_nightingale(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block."""
    options = get_connector("nightingale").check_options(job.source.options)
    if not isinstance(options, NightingaleOptions):
        raise TypeError("the connector is registered with other options")
    options = options.model_copy(update={"absent": _WITHHELD | options.absent})
    with open_matrix(job, options) as table:
        of_biobank = _biobank_layout(job, table.header)
        layout = of_biobank or _own_layout(job, options, table.header)
        yield from RowsMatrix(job, options, table, layout).read()


def _biobank_layout(job: FileJob, header: Sequence[str]) -> Layout | None:
    """The layout of UK Biobank's columns; None if none of them is a biomarker's."""
    places: dict[tuple[int, int], str] = {}
    for column in header:
        found = _FIELD.fullmatch(column)
        if found:
            field, instance = found["a"] or found["c"], found["b"] or found["d"]
            places[int(field), int(instance)] = column
    instances = sorted({i for f, i in places if any(f in r for r in _BIOMARKERS)})
    if not instances:
        return None
    eid = job.source.person_id or "eid"
    if eid not in header:
        raise SourceFileError(
            Fault(f"{job.where}, row 1", f"there is no column '{eid}'", "the participants' ids")
        )
    views = [_view(places, instance) for instance in instances]
    return Layout([eid], views, "metabolite", passed=("0",), only_filled=True)


def _view(places: dict[tuple[int, int], str], instance: int) -> View:
    """The columns of one instance."""
    mine = {field: column for (field, i), column in places.items() if i == instance}
    markers = {f: c for f, c in mine.items() if any(f in r for r in _BIOMARKERS)}
    # A flag may stand alone: its value was withheld, and the column of values left out.
    marks = {
        markers[f - _FLAG_DISTANCE]: c
        for f, c in mine.items()
        if f - _FLAG_DISTANCE in markers and f not in markers
    }
    qc = {word: mine[field] for field, word in _SAMPLE_FLAGS.items() if field in mine}
    read = {*markers.values(), *marks.values(), *qc.values(), mine.get(_PLATE)}
    return View(
        features={column: str(field) for field, column in sorted(markers.items())},
        plate=mine.get(_PLATE),
        qc=qc,
        value_flags=marks,
        others=[c for c in mine.values() if c not in read],
        suffix=f"/{instance}",
    )


def _own_layout(job: FileJob, options: NightingaleOptions, header: Sequence[str]) -> Layout:
    """The layout of Nightingale's own table."""
    usual = next((name for name in _SAMPLE_NAMES if name in header), None)
    given = options.sample or usual or job.source.person_id or SAMPLE
    sample = given if isinstance(given, list) else [given]
    qc = {
        word: column
        for column in header
        if (word := _FLAG_NAMES.get(re.sub(r"[ _.]", "", column).lower()))
    } | options.qc
    named = {
        *sample, job.source.person_id, options.collected, options.specimen.column, options.plate,
        *qc.values(), *options.controls, *options.ignore,
    }  # fmt: skip
    free = [c for c in header if c not in named]
    features, reasons = known_columns(job, options, free, is_biomarker)
    others = [c for c in header if c in options.ignore or c in reasons]
    view = View(features, plate=options.plate, qc=qc, others=others)
    return Layout(sample, [view], "metabolite", passed=("0",), reasons=reasons)
