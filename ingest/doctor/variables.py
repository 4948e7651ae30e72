"""Variables, codes and columns of a source against the dictionary, the mapping and study.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biobraid.core.errors import Fault, near_misses
from biobraid.core.home import Home
from biobraid.core.study import Source, Study
from biobraid.ingest.connectors.ukb_columns import parse_column
from biobraid.ingest.dictionaries import VariableRow, rows_of_source
from biobraid.ingest.doctor.finding import Finding
from biobraid.ingest.doctor.sample import Seen
from biobraid.ingest.mappings import StudyMapping
from biobraid.ingest.vocabulary import vocabulary_in_force

N_LISTED = 50  # of the unmapped variables, and of the unmapped codes; the rest is one finding
# Rules that a connector follows for every file; the others are worth a note.
_ORDINARY_RULES = ("record-key",)


def examine_variables(
    home: Home,
    study: Study,
    source_id: str,
    seen: Seen,
    variables: Sequence[VariableRow],
    mapping: StudyMapping,
) -> list[Finding]:
    """Columns and free text nobody declared, and what the mapping leaves out, by frequency."""
    source = study.sources[source_id]
    rows = rows_of_source(variables, source_id)
    where = f"{study.id}/{source_id}"
    found = _undeclared_columns(source, seen, rows, f"{where}, header")
    found += _missing_columns(source, seen, f"studies/{study.id}/study.yaml, sources.{source_id}")
    found += _free_text(study, source_id, seen, rows)
    found += _told(seen, where)
    found += _unmapped_variables(study, source_id, seen, rows, mapping)
    found += _unmapped_codes(home, study, source_id, seen, mapping)
    return found


def _undeclared_columns(
    source: Source, seen: Seen, rows: Sequence[VariableRow], where: str
) -> list[Finding]:
    known = {row.variable for row in rows}
    named = _named_columns(source)
    found = []
    for column in seen.columns:
        variable = _variable_of(source, column)
        if variable is None or {column, variable} & (known | named):
            continue
        near = near_misses(variable, known)
        todo = "Its cells are counted as ignored. Add it to dictionary.csv if they are wanted."
        fault = Fault(where, f"column '{column}' is not in the dictionary", "", todo, near)
        found.append(Finding("warning", fault))
    return _shortened(found, where, "more columns are not in the dictionary")


def _variable_of(source: Source, column: str) -> str | None:
    """Variable that a column holds; None for columns that the format itself declares.

    Those are UK Biobank's record tables, the tables of the OMOP CDM, and those of wearables.
    """
    if source.connector in ("omop", "fitbit", "mydatahelps"):
        return None
    if source.connector != "ukb":
        return column
    parsed = parse_column(column)
    return None if parsed is None else str(parsed.field)


def variables_seen(source: Source, seen: Seen) -> set[str]:
    """Variables that the source's files have a column or a value of."""
    of_columns = {_variable_of(source, column) for column in seen.columns}
    return {name for name in {*of_columns, *seen.variables} if name is not None}


def _named_columns(source: Source) -> set[str]:
    """Columns that study.yaml itself names, in the source's keys or the connector's options."""
    names = {*source.record_key, *source.deleted, *source.identity, *_words(source.options)}
    return {n for n in (*names, source.person_id, source.version) if n}


def _words(options: object) -> set[str]:
    if isinstance(options, str):
        return {options}
    if isinstance(options, dict):
        return {w for pair in options.items() for part in pair for w in _words(part)}
    if isinstance(options, list | tuple):
        return {w for part in options for w in _words(part)}
    return set()


def _missing_columns(source: Source, seen: Seen, where: str) -> list[Finding]:
    """Columns that study.yaml names and no file has."""
    # UK Biobank knows eid by several names, and not every CDM table need have every column.
    if not seen.columns or source.connector in ("ukb", "omop", "fitbit", "mydatahelps"):
        return []
    found = []
    for part, names in (
        ("person_id", [source.person_id]),
        ("record_key", source.record_key),
        ("version", [source.version]),
        ("deleted", source.deleted),
        ("identity", source.identity),
    ):
        for name in names:
            if name and name not in seen.columns:
                near = near_misses(name, seen.columns)
                fault = Fault(f"{where}.{part}", f"no file has a column '{name}'", "", "", near)
                found.append(Finding("error", fault))
    return found


def _free_text(
    study: Study, source_id: str, seen: Seen, rows: Sequence[VariableRow]
) -> list[Finding]:
    source = study.sources[source_id]
    where = f"studies/{study.id}/study.yaml, sources.{source_id}.free_text"
    declared = {rule.variable for rule in source.free_text}
    present = variables_seen(source, seen)
    elsewhere = _named_columns(source)
    # Without a file to look into, what dictionary.csv promises counts; a Showcase lists all.
    may_be_there = not seen.columns and (source.dictionary or study.dictionary).format == "csv"
    found = []
    for row in rows:
        is_open = row.is_free_text and row.variable not in declared | elsewhere
        if is_open and (row.variable in present or may_be_there):
            fault = Fault(
                where,
                f"{row.variable} is free text without a rule: it is dropped and counted",
                "a rule allow, vault or drop, with a reason",
            )
            found.append(Finding("warning", fault))
    known = {row.variable for row in rows} | set(seen.columns)
    known |= {column.rpartition(".")[2] for column in seen.columns}  # OMOP: table.column
    for rule in source.free_text:
        if known and rule.variable not in known:
            near = near_misses(rule.variable, known)
            text = f"there is no variable '{rule.variable}'"
            found.append(Finding("warning", Fault(where, text, suggestions=near)))
    return _shortened(found, where, "more free-text variables have no rule")


def _told(seen: Seen, where: str) -> list[Finding]:
    """What the connector ignored in the sample, and what it warned of."""
    found = [
        Finding("note", Fault(where, f"ignored in the sample by the rule {rule}"), count)
        for rule, count in sorted(seen.ignored.items())
        if count and rule not in _ORDINARY_RULES
    ]
    for told, count in sorted(seen.told.items()):
        kind, _, name = told.partition(":")
        if kind != "missing-variable":  # of one source; `missing_variables` looks at all
            text = f"{kind.replace('-', ' ')} in the sample: {name}"
            found.append(Finding("warning", Fault(where, text), count))
    return _shortened(found, where, "more warnings of the connector")


def missing_variables(
    study: Study, variables: Sequence[VariableRow], seen: Mapping[str, Seen]
) -> list[Finding]:
    """Variables of dictionary.csv that no sampled file of their source, or of any, has."""
    looked = {
        s: variables_seen(study.sources[s], found) for s, found in seen.items() if found.columns
    }
    named = {name for source in study.sources.values() for name in _named_columns(source)}
    of_own_dictionary = {s for s, source in study.sources.items() if source.dictionary is not None}
    missing = [
        row.variable
        for row in variables
        if row.source not in of_own_dictionary  # an archive's own lists all that there may be
        and row.variable not in named
        and looked.keys() >= ({row.source} if row.source else study.sources.keys())
        and not any(row.variable in names for s, names in looked.items() if row.source in (None, s))
    ]
    lists_all = any(declared.format != "csv" for declared in study.dictionaries.values())
    if not missing or lists_all:  # a Showcase lists all that there is
        return []
    listed = ", ".join(missing[:10]) + (", ..." if len(missing) > 10 else "")
    where = f"studies/{study.id}/dictionary.csv"
    text = f"promised, but in none of the files looked into: {listed}"
    return [Finding("note", Fault(where, text), len(missing))]


def _unmapped_variables(
    study: Study, source_id: str, seen: Seen, rows: Sequence[VariableRow], mapping: StudyMapping
) -> list[Finding]:
    mapped = {m.variable for m in mapping.mappings if m.source == source_id}
    labels = {row.variable: row.label for row in rows}
    where = f"studies/{study.id}/mapping.csv"
    basis = "landed values" if seen.is_landed else "values of a sample"
    found = []
    for variable, count in seen.variables.most_common():
        if variable in mapped or variable is None:
            continue
        label = f" ({labels[variable]})" if labels.get(variable) else ""
        text = f"{source_id}: variable {variable}{label} is not mapped; {basis}"
        found.append(Finding("warning", Fault(where, text), count))
    return _shortened(found, where, f"{source_id}: more variables are not mapped; {basis}")


def _unmapped_codes(
    home: Home, study: Study, source_id: str, seen: Seen, mapping: StudyMapping
) -> list[Finding]:
    """Codes of events; those too rare to be named are one finding per code system."""
    mapped = {(m.variable, m.source_code) for m in mapping.mappings if m.source == source_id}
    left = {pair for pair in seen.codes if pair not in mapped and (pair[0], None) not in mapped}
    known = vocabulary_in_force(home).look_up_codes(left)
    where = f"studies/{study.id}/mapping.csv"
    basis = "landed events" if seen.is_landed else "events of a sample"
    found, rare = [], dict.fromkeys(sorted({system for system, _ in left}), 0)
    for (system, code), count in seen.codes.most_common():
        if (system, code) in known or (system, code) not in left:
            continue
        if count < home.settings.min_cell:
            rare[system] += count
            continue
        text = f"{source_id}: {system} code {code} is not mapped; {basis}"
        found.append(Finding("warning", Fault(where, text), count))
    found = _shortened(found, where, f"{source_id}: more codes are not mapped; {basis}")
    for system, count in rare.items():
        if count:
            text = f"{source_id}: rare {system} codes are not mapped; {basis}"
            found.append(Finding("warning", Fault(where, text), count))
    return found


def _shortened(found: list[Finding], where: str, text: str) -> list[Finding]:
    """The first findings, and one for all others with their total count."""
    rest = found[N_LISTED:]
    if not rest:
        return found
    total = sum(finding.count for finding in rest) or len(rest)
    return [*found[:N_LISTED], Finding("warning", Fault(where, f"{len(rest)} {text}"), total)]
