"""One audit: everything that can be said of the people of a connection, as rows of audit.*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.quality.bias import facts, sections_facts, sections_people
from biobraid.quality.bias.frame import MISSING, Floats, Frame, set_name, sets_of
from biobraid.quality.bias.leakage import leakage
from biobraid.quality.bias.people import choose_people, read_people
from biobraid.quality.bias.profile import profile_rows
from biobraid.quality.bias.reference import Reference
from biobraid.quality.bias.sections_people import COHORT, Given, judged
from biobraid.quality.bias.sensitivity import (
    e_value,
    e_value_of_interval,
    odds_ratio,
    risk_ratio_of,
    selection_e_value,
)
from biobraid.quality.bias.shapes import SHAPES
from biobraid.quality.bias.suppression import Row, suppressed
from biobraid.quality.bias.tables import TABLES, row_of
from biobraid.quality.bias.verdict import NOT_ASSESSED, Verdict, worst

MAX_MISSING = 0.3


@dataclass(frozen=True)
class Asked:
    """What an audit is to do.

    sets: sets of modalities to rake; None for all. by: what counts as a modality. outcome: a
    condition concept. exposure: (attribute, level) for the weighted odds ratio. site: attribute
    whose levels are sites. features: person_id and numbers of an export, for leakage.
    attributes: names to use; none for all.
    """

    run_id: str
    subject: str
    min_cell: int
    code_version: str = ""
    n_boot: int = 200
    seed: int = 1
    by: str = "modality"
    sets: Sequence[tuple[str, ...]] | None = None
    outcome: int | None = None
    exposure: tuple[str, str] | None = None
    site: str = "region"
    features: pa.Table | None = None
    attributes: tuple[str, ...] = ()


@dataclass
class Audited:
    """Rows by table, exact; weights by set; sections that could not be assessed, and why."""

    asked: Asked
    reference_id: str | None
    tables: dict[str, list[Row]] = field(default_factory=lambda: {t: [] for t in TABLES})
    weights: dict[str, tuple[Frame, Floats]] = field(default_factory=dict)
    not_assessed: dict[str, str] = field(default_factory=dict)

    def add(self, table: str, rows: Sequence[Given]) -> None:
        """Append rows, filled up to the table's columns."""
        head = {"run_id": self.asked.run_id, "reference_id": self.reference_id}
        self.tables[table] += [row_of(table, head | r) for r in rows]

    def shown(self) -> dict[str, list[Row]]:
        """The form that may leave the engineers' warehouse."""
        return {
            t: suppressed(rows, SHAPES[t], self.asked.min_cell) for t, rows in self.tables.items()
        }

    def verdicts(self) -> dict[str, str]:
        """The worst verdict of each table."""
        return {t: worst([r["verdict"] for r in rows]) for t, rows in self.tables.items() if rows}


def audit(
    con: duckdb.DuckDBPyConnection, reference: Reference | None, asked: Asked,
    person_id: pa.Array | None = None,
) -> Audited:  # fmt: skip
    """Audit all participants of a connection, or those of person_id.

    The connection's mart, cdm and vocab are read; a table that is not there makes its sections
    not assessed, with the reason. Without a reference only what needs none is done.
    """
    n = choose_people(con, person_id)
    frame = read_people(con, reference, asked.by)
    _check(asked, frame)
    if asked.attributes:
        frame = frame.select(
            [i for i, a in enumerate(frame.attributes) if a.name in asked.attributes]
        )
    done = Audited(asked, reference.reference_id if reference else None)
    outcome = facts.has_condition(con, asked.outcome, n) if asked.outcome is not None else None
    _people(done, frame, reference)
    _facts(done, con, frame, outcome)
    _sensitivity(done, con, frame, outcome)
    _leakage(done, frame)
    done.not_assessed["drift"] = "needs two sides: biobraid audit drift A B"
    done.add("run", [{
        "subject": asked.subject, "min_cell": asked.min_cell, "n_boot": asked.n_boot,
        "seed": asked.seed, "code_version": asked.code_version, "n": frame.n,
        **judged(Verdict(worst(list(done.verdicts().values())), "the worst verdict of all sections")),
    }])  # fmt: skip
    return done


def _check(asked: Asked, frame: Frame) -> None:
    """SettingsError for attributes and modalities that nobody has, all at once."""
    faults = []
    known = {a.name for a in frame.attributes}
    for name in asked.attributes:
        if name not in known:
            faults.append(Fault("--attribute", f"nobody has '{name}'", ", ".join(sorted(known)),
                                suggestions=near_misses(name, known)))  # fmt: skip
    for name in dict.fromkeys(m for members in asked.sets or () for m in members):
        if name not in frame.modalities:
            faults.append(Fault("--sets", f"nobody has '{name}'", ", ".join(frame.modalities),
                                suggestions=near_misses(name, frame.modalities)))  # fmt: skip
    if faults:
        raise SettingsError(faults)


def _telling(frame: Frame, reference: Reference | None) -> Frame:
    """Attributes that may tell who has a modality: the reference's, else those most people have.

    An attribute that only one study asked for would tell the study, not the person.
    """
    wanted = {k for m in reference.margins for k in m.keys} if reference else set()
    counts = frame.counts()
    places = []
    for place, attribute in enumerate(frame.attributes):
        gone = counts[place][attribute.levels.index(MISSING)] if MISSING in attribute.levels else 0
        if attribute.key in wanted or (not wanted and gone <= MAX_MISSING * frame.n):
            places.append(place)
    return frame.select(places)


def _people(done: Audited, frame: Frame, reference: Reference | None) -> None:
    asked = done.asked
    if frame.modalities:
        done.add(
            "modality_participation", sections_people.participation_rows(_telling(frame, reference))
        )
    else:
        done.not_assessed["modality_participation"] = "no modality has data"
    if reference is None:
        for section in ("representativeness", "intersection", "blind_spot", "weight_diagnostic"):
            done.not_assessed[section] = "no reference: give its margins with --margins FILE"
        return
    done.add("reference_margin", sections_people.margin_rows(reference))
    rows, smds, _ = sections_people.intersection_rows(frame, reference, asked.n_boot, asked.seed)
    done.add("intersection", rows)
    done.add("intersection_smd", smds)
    done.add("blind_spot", sections_people.blind_rows(frame, reference, asked.min_cell))
    sets = sets_of(frame.modalities) if asked.sets is None else list(asked.sets)
    weight_rows, done.weights = sections_people.weight_rows(frame, reference, sets)
    done.add("weight_diagnostic", weight_rows)
    cohort = done.weights.get(COHORT)
    after = cohort[1] if cohort else None
    done.add("representativeness", sections_people.representativeness_rows(frame, reference, after))
    for name in dict.fromkeys([COHORT, *(set_name(s) for s in asked.sets or ())]):
        if name in done.weights:
            done.add(
                "weight_histogram", sections_people.histogram_rows(name, done.weights[name][1])
            )


def _facts(
    done: Audited, con: duckdb.DuckDBPyConnection, frame: Frame, outcome: np.ndarray | None
) -> None:
    min_cell = done.asked.min_cell
    seen = facts.observed(con, frame.n)
    if seen is None:
        done.not_assessed["followup"] = "no health record source covers anybody"
    else:
        done.add("followup", sections_facts.followup_rows(frame, seen, outcome, min_cell))
    measured = facts.measures(con)
    names = [(str(m.concept_id), m.label) for m in measured]
    values = facts.features(measured, frame.n)
    if measured:
        done.add(
            "missingness", sections_facts.missingness_rows(frame, names, values, outcome, min_cell)
        )
        done.add("mcar", sections_facts.mcar_rows(names, values))
        done.add("repeatability", sections_facts.repeatability_rows(measured))
        units = facts.units_of(con)
        done.add("heterogeneity", sections_facts.heterogeneity_rows(
            frame, measured, done.asked.site, units))  # fmt: skip
    else:
        for section in ("missingness", "mcar", "repeatability", "heterogeneity"):
            done.not_assessed[section] = "no measurement has a number"
    shares = facts.fact_shares(con, frame.n)
    sources = facts.unlinked(con)
    done.add("linkage", sections_facts.linkage_rows(frame, shares, sources, min_cell))
    done.add("profile", profile_rows(con, frame, seen, shares))


def _sensitivity(
    done: Audited, con: duckdb.DuckDBPyConnection, frame: Frame, outcome: np.ndarray | None
) -> None:
    asked = done.asked
    if asked.outcome is None or outcome is None or asked.exposure is None:
        done.not_assessed["sensitivity"] = "needs --outcome CONCEPT and --exposure ATTRIBUTE=LEVEL"
        return
    name, level = asked.exposure
    exposed = np.zeros(frame.n, np.bool_)
    for place, attribute in enumerate(frame.attributes):
        if attribute.name == name and level in attribute.levels:
            exposed |= frame.codes[:, place] == attribute.levels.index(level)
    raw = odds_ratio(exposed, outcome)
    if raw is None:
        done.not_assessed["sensitivity"] = "a cell of exposure by outcome is empty"
        return
    kept = done.weights.get(COHORT)
    weighted = odds_ratio(exposed, outcome, kept[1]) if kept else None
    share = raw.n_cases / raw.n
    ratio, low, high = (risk_ratio_of(x, share) for x in (raw.odds_ratio, raw.lo, raw.hi))
    why = Verdict(NOT_ASSESSED, "how strong an unmeasured cause would have to be; not judged")
    done.add("sensitivity", [{
        "exposure": f"{name}: {level}", "outcome": facts.concept_name(con, asked.outcome),
        "n": raw.n, "n_cases": raw.n_cases, "or_raw": raw.odds_ratio, "or_raw_lo": raw.lo,
        "or_raw_hi": raw.hi, "or_weighted": weighted.odds_ratio if weighted else None,
        "or_weighted_lo": weighted.lo if weighted else None,
        "or_weighted_hi": weighted.hi if weighted else None, "e_value": e_value(ratio),
        "e_value_limit": e_value_of_interval(low, high), "selection_e_value": selection_e_value(ratio),
        **judged(why),
    }])  # fmt: skip


def _leakage(done: Audited, frame: Frame) -> None:
    table = done.asked.features
    if table is None or table.num_columns < 2:
        done.not_assessed["leakage"] = "audits an export: biobraid audit run --export PROJECT/NAME"
        return
    columns = [c for c in table.column_names if c != "person_id"]
    found = np.full((frame.n, len(columns)), np.nan)
    ids = np.asarray(table["person_id"].to_numpy(zero_copy_only=False), np.int64)
    place = np.searchsorted(frame.person_id, ids)
    for spot, name in enumerate(columns):
        values = table[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        found[place, spot] = np.asarray(values, np.float64)
    done.add("leakage", [
        {"attribute": r.attribute, "scheme": r.scheme, "level": r.level, "n": r.n, "auc": r.auc,
         **judged(r.verdict)}
        for r in leakage(frame, found, done.asked.seed)
    ])  # fmt: skip
