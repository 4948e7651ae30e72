"""Sample ids of a laboratory and the persons they belong to."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError, near_misses
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.genotype_files import read_text, the_one_beside
from biobraid.ingest.connectors.genotype_options import GenotypeOptions
from biobraid.ingest.hashing import person_keys


@dataclass(frozen=True)
class SampleNames:
    """Person id of every sample id; without a map a sample id is a person id."""

    persons: Mapping[str, str] | None = None

    @staticmethod
    def read(job: FileJob, options: GenotypeOptions) -> SampleNames:
        """The declared map, read; SourceFileError if a sample has two persons."""
        declared = options.sample_map
        if declared is None:
            return SampleNames()
        path = the_one_beside(job, declared.file, "sample map", "sample_map.file")
        text = read_text(job, path, "sample map").decode("utf-8-sig", errors="replace")
        header = text.partition("\n")[0]
        rows = csv.DictReader(io.StringIO(text), delimiter="\t" if "\t" in header else ",")
        names = [name.strip() for name in rows.fieldnames or ()]
        rows.fieldnames = names
        for column in (declared.sample, declared.person):
            if column not in names:
                raise SourceFileError(
                    Fault(
                        job.where,
                        f"the sample map has no column '{column}'",
                        f"one of its {len(names)} columns",
                        "Correct the source's options.sample_map.",
                        near_misses(column, names),
                    )
                )
        persons: dict[str, str] = {}
        n_unclear = 0
        for row in rows:
            sample = (row.get(declared.sample) or "").strip()
            person = (row.get(declared.person) or "").strip()
            if sample and person and persons.setdefault(sample, person) != person:
                n_unclear += 1
        if n_unclear:
            raise SourceFileError(
                Fault(
                    job.where,
                    f"the sample map gives {n_unclear} sample(s) to more than one person",
                    "one person per sample",
                    "Ask for the map again.",
                )
            )
        return SampleNames(persons)

    def person_keys(self, job: FileJob, samples: Sequence[str | None]) -> pa.Array:
        """source_person_key of each sample.

        A sample that the map does not know gets a key of its own namespace: it waits unlinked,
        and can never be taken for a person whose id happens to be the same.
        """
        namespace = job.study.person_namespace
        known = samples if self.persons is None else [self._person(s) for s in samples]
        keys = person_keys(job.keys, namespace, pa.array(known, pa.string())).dictionary_decode()
        if self.persons is None or None not in known:
            return keys
        others = [None if person else s for s, person in zip(samples, known, strict=True)]
        own = person_keys(job.keys, f"{namespace}/sample", pa.array(others, pa.string()))
        return pa.compute.coalesce(keys, own.dictionary_decode())

    def _person(self, sample: str | None) -> str | None:
        return sample if self.persons is None or sample is None else self.persons.get(sample)

    def identities(self, samples: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Identity type and values, aligned with the samples; empty where there is none."""
        yield "native_id", [self._person(s) or "" for s in samples]
        if self.persons is not None:
            yield "sample_id", list(samples)

    def warnings(self, samples: Sequence[str]) -> Counter[str]:
        """How many samples the map does not know."""
        n = 0 if self.persons is None else sum(self._person(s) is None for s in samples)
        return Counter({"sample-not-in-map": n}) if n else Counter()
