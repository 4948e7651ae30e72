"""Everything doctor looks at, study by study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from biobraid.core.errors import Fault, KeyFileError, near_misses
from biobraid.core.home import Home
from biobraid.core.keys import ROLES, load_key
from biobraid.core.study import Study
from biobraid.ingest.catalog_tables import TYPE_CONCEPTS
from biobraid.ingest.dictionaries import VariableRow, examine_dictionary, variables_of_source
from biobraid.ingest.doctor.concepts import unknown_concepts
from biobraid.ingest.doctor.declaration import examine_declaration
from biobraid.ingest.doctor.deliveries import examine_deliveries
from biobraid.ingest.doctor.finding import Finding, findings
from biobraid.ingest.doctor.sample import Seen, look_at_source
from biobraid.ingest.doctor.variables import examine_variables, missing_variables
from biobraid.ingest.mappings import StudyMapping, dictionary_unit_faults, examine_mapping
from biobraid.ingest.shipped import shipped_mapping
from biobraid.ingest.vocabulary import vocabulary_in_force

_ORDER = {"error": 0, "warning": 1, "note": 2}


def examine(home: Home, study_ids: Collection[str] | None = None) -> list[Finding]:
    """Every fault of the named studies (default: all), and of the keys; errors first.

    Reads settings, headers and a bounded sample of the files, never whole deliveries, and
    writes nothing. One fault does not hide the others.
    """
    found = [*_examine_keys(home), _vocabulary(home)]
    packs = {p.name: p for p in sorted(home.studies.iterdir()) if p.is_dir()}
    for name in sorted(set(study_ids or ()) - set(packs)):
        near = near_misses(name, packs)
        text = f"there is no study pack '{name}'"
        found.append(Finding("error", Fault("studies", text, suggestions=near)))
    for name, pack in packs.items():
        if study_ids is None or name in study_ids:
            found += _examine_study(home, pack)
    if not packs:
        fault = Fault("studies", "there is no study pack", "a folder with study.yaml per study")
        found.append(Finding("warning", fault))
    return sorted(found, key=lambda finding: _ORDER[finding.severity])


def _examine_study(home: Home, pack: Path) -> list[Finding]:
    study, found, unreadable = examine_declaration(pack)
    if study is None:
        return found
    dictionary = examine_dictionary(home, study)
    mapping = examine_mapping(home, study, dictionary.variables)
    found += findings("error", dictionary.faults + mapping.faults)
    found += findings("warning", mapping.warnings)
    found += _absent_files(pack, study)
    found += _units(study, dictionary.variables)
    found += _stubs(home, study, mapping)
    files, of_files = examine_deliveries(home, study)
    found += of_files
    looked: dict[str, Seen] = {}
    for source_id in study.sources:
        if source_id in unreadable:
            continue
        variables = variables_of_source(home, study, source_id, dictionary)
        seen = look_at_source(home, study, source_id, files.get(source_id, []), variables)
        looked[source_id] = seen
        found += findings("error", seen.faults)
        found += examine_variables(home, study, source_id, seen, dictionary.variables, mapping)
        found += unknown_concepts(home, study.id, source_id, seen.concepts, seen.is_landed)
    return found + missing_variables(study, dictionary.variables, looked)


def _examine_keys(home: Home) -> list[Finding]:
    """Faults of the role keys; another account may hold those of link and release."""
    found = []
    for role in ROLES:
        try:
            load_key(home, role)
        except KeyFileError as error:
            is_elsewhere = role != "ingest" and not (home.key_dir / f"{role}.key").exists()
            found += findings("note" if is_elsewhere else "error", error.faults)
    return found


def _absent_files(pack: Path, study: Study) -> list[Finding]:
    where = f"studies/{study.id}"
    found: list[Finding] = []
    # A connector whose format fixes the variables brings both files along.
    connectors = {source.connector for source in study.sources.values()}
    if all(shipped_mapping(name).rows for name in connectors):
        return found
    is_csv = all(declared.format == "csv" for declared in study.dictionaries.values())
    if is_csv and not (pack / "dictionary.csv").is_file():
        todo = "Without one, columns are not declared and their cells are ignored."
        fault = Fault(f"{where}/dictionary.csv", "the file is missing", "", todo)
        found.append(Finding("warning", fault))
    if not (pack / "mapping.csv").is_file():
        todo = "Without one, every fact arrives with concept 0."
        fault = Fault(f"{where}/mapping.csv", "the file is missing", "", todo)
        found.append(Finding("warning", fault))
    return found


def _units(study: Study, variables: Sequence[VariableRow]) -> list[Finding]:
    """Units of the dictionary that are not UCUM, each spelling once."""
    where = f"studies/{study.id}, dictionary"
    faults = {v.unit: dictionary_unit_faults(v, where) for v in reversed(variables)}
    times = Counter(v.unit for v in variables)
    return [Finding("warning", fault, times[unit]) for unit in times for fault in faults[unit]]


def _vocabulary(home: Home) -> Finding:
    """Which vocabulary ids and codes are held against."""
    version = vocabulary_in_force(home).version
    return Finding("note", Fault("vocabulary", f"in force: {version}"))


def _stubs(home: Home, study: Study, mapping: StudyMapping) -> list[Finding]:
    """Concepts that the study uses, by mapping or by record type, and that nobody verified."""
    types = {TYPE_CONCEPTS[source.origin] for source in study.sources.values()}
    concepts = vocabulary_in_force(home).look_up(types)
    used = mapping.stub_concepts | {i for i, concept in concepts.items() if concept.is_stub}
    if not used:
        return []
    listed = ", ".join(str(i) for i in sorted(used)[:20]) + (", ..." if len(used) > 20 else "")
    fault = Fault(
        f"studies/{study.id}",
        f"concepts in use whose rows could not be verified: {listed}",
        "",
        "Load a full vocabulary to replace them, or check the ids by hand.",
    )
    return [Finding("note", fault, len(used))]
