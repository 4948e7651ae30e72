"""Features of an omics file, and their values as rows of raw.feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.omics_beside import Beside, read_beside
from biobraid.ingest.connectors.omics_options import FeatureTable, OmicsOptions
from biobraid.ingest.connectors.omics_samples import Ints
from biobraid.ingest.connectors.omics_specimens import Samples
from biobraid.ingest.hashing import U64, mix, positive, value_hash, value_hashes

Floats = npt.NDArray[np.float64]
_TEXTS = ("label", "symbol", "accession", "taxonomy", "panel", "unit")
DEFINITION_COLUMNS = ("kind", "role", "qc_flag", *_TEXTS)


def feature_hashes(job: FileJob, names: pa.StringArray) -> U64:
    """64-bit hash of each feature name within its study and source; `positive` makes the id."""
    return value_hashes(job.keys, f"feature {job.study.id}/{job.source_id}", names)


class FeatureTableBeside:
    """What a table beside the file says of features; empty where none is declared."""

    def __init__(self, job: FileJob, options: OmicsOptions) -> None:
        self.rule: FeatureTable | None = options.features
        self._beside: Beside | None = None
        if self.rule is not None:
            named = [getattr(self.rule, word) for word in ("name", *_TEXTS)]
            self._beside = read_beside(
                job, self.rule, "option features", [name for name in named if name]
            )

    @property
    def is_there(self) -> bool:
        """True where the source declares a table of features."""
        return self._beside is not None

    def names(self, keys: pa.StringArray) -> pa.StringArray:
        """The name a feature is to have: that of the table where it gives one, else its key."""
        if self._beside is None or self.rule is None or self.rule.name is None:
            return keys
        found = self._beside.column(self.rule.name).take(self._beside.find(keys))
        return pc.coalesce(found, keys)

    def knows(self, keys: pa.StringArray) -> np.ndarray:
        """Which keys stand in the table."""
        if self._beside is None:
            return np.zeros(len(keys), dtype=bool)
        known: np.ndarray = self._beside.find(keys).is_valid().to_numpy(zero_copy_only=False)
        return known

    def texts(self, keys: pa.StringArray) -> dict[str, pa.StringArray]:
        """Columns of raw.feature_definition that the table gives."""
        if self._beside is None or self.rule is None:
            return {}
        place = self._beside.find(keys)
        return {
            word: self._beside.column(column).take(place)
            for word in _TEXTS
            if (column := getattr(self.rule, word)) is not None
        }


def definitions(
    job: FileJob,
    options: OmicsOptions,
    names: pa.StringArray,
    given: Mapping[str, pa.Array],
    kind: str,
    unit: str | None = None,
) -> Chunk:
    """raw.feature_definition rows of features; `given` are columns, null where not known.

    The options' kind and unit count where the file itself says none.
    """
    n = len(names)
    nulls = pa.nulls(n, pa.string())
    columns = {word: given.get(word, nulls).cast(pa.string()) for word in DEFINITION_COLUMNS}
    columns["kind"] = pc.coalesce(columns["kind"], pa.scalar(options.kind or kind))
    columns["role"] = pc.coalesce(columns["role"], pa.scalar("analyte"))
    columns["unit"] = pc.coalesce(columns["unit"], pa.scalar(options.unit or unit, pa.string()))
    rows = {
        "feature_id": positive(feature_hashes(job, names)),
        "feature": names,
        "platform": pa.array([job.source.connector] * n),
        **columns,
    }
    return Chunk("raw.feature_definition", pa.table(rows))


def refuse_repeated(where: str, names: Sequence[str], what: str) -> None:
    """SourceFileError if a feature stands in the file twice: its values could not be told apart."""
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        shown = ", ".join(f"'{name}'" for name in sorted(twice)[:3])
        raise SourceFileError(
            Fault(where, f"{len(twice)} {what} stand more than once: {shown}", "each once")
        )


def value_rows(
    samples: Samples,
    sample: Ints,
    hashes: U64,
    feature: Ints,
    *,
    value: pa.Array,
    runs: U64 | None = None,
    **others: pa.Array,
) -> Chunk:
    """raw.feature rows: sample and feature index into samples and hashes.

    runs: a hash for each value of what tells repeated measurements apart (the plate).
    others: further columns of raw.feature, as long as the values.
    """
    at = pa.array(sample)
    ids = mix(samples.records[sample], hashes[feature])
    if runs is not None:
        ids = mix(ids, runs)
    return Chunk(
        "raw.feature",
        pa.table(
            {
                "row_id": positive(ids),
                "record_id": positive(samples.records).take(at),
                "source_person_key": samples.persons.dictionary_encode().take(at),
                "feature_id": positive(hashes).take(pa.array(feature)),
                "value": value,
                "start_time": samples.start.dictionary_encode().take(at),
                **others,
            }
        ),
    )


def run_hashes(job: FileJob, plates: pa.StringArray) -> U64:
    """Hash of each plate; a null plate hashes as no plate."""
    return value_hashes(job.keys, "plate", plates)


def no_run(job: FileJob) -> int:
    """Hash of no plate."""
    return value_hash(job.keys, "plate", None)


def flags(**scopes: pa.StringArray | None) -> pa.StringArray | None:
    """qc_flag of values: scope=flag of each scope that has one, joined by semicolons."""
    joined: pa.StringArray | None = None
    for scope, found in scopes.items():
        if found is None:
            continue
        said = pc.binary_join_element_wise(scope, found, "=")
        # null_handling="skip" loses rows where all parts are null (pyarrow 26).
        both = said if joined is None else pc.binary_join_element_wise(joined, said, ";")
        joined = said if joined is None else pc.coalesce(both, joined, said)
    return joined
