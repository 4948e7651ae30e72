"""The tables of schema audit and their columns."""

from __future__ import annotations

from typing import Any

from biobraid.core.schemas.table import Table, columns_of
from biobraid.quality.bias.suppression import Row

_HEAD = """
run_id VARCHAR run of the audit
reference_id VARCHAR population that the margins are of; null without margins
"""
_TAIL = """
n BIGINT people the row is about
n_suppressed INTEGER counts taken out of this row; 0 in the engineers' warehouse
verdict VARCHAR ok, watch, fail or not_assessed
reason VARCHAR why, by effect size
"""
_LEVEL = """
attribute VARCHAR attribute of mart.person_attribute
scheme VARCHAR coding its levels belong to
level VARCHAR level; (missing) where a person has none
"""
_RATIO = """
rate DOUBLE n_events / exposure
difference DOUBLE against the best large level
ratio DOUBLE rate ratio to the best large level
ratio_lo DOUBLE lower 95 % limit
ratio_hi DOUBLE upper 95 % limit
"""


def _table(name: str, grain: str, key: tuple[str, ...], columns: str) -> Table:
    return Table("audit", name, grain, ("run_id", *key), columns_of(_HEAD + columns + _TAIL))


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _table("run", "audit that ran", (), """
subject VARCHAR what was audited: warehouse, release, cohort or export, with its name
min_cell INTEGER smallest group shown outside the warehouse
n_boot INTEGER bootstrap replicates
seed BIGINT seed of every draw
code_version VARCHAR version and hash of the code
"""),
        _table("reference_margin", "level of a reference margin", ("margin_id", "level_1", "level_2"), """
margin_id VARCHAR margin
scheme VARCHAR coding of the levels
attribute_1 VARCHAR attribute
level_1 VARCHAR level
attribute_2 VARCHAR second attribute; null for one-way margins
level_2 VARCHAR its level
reference_n DOUBLE people of the population, as used
se DOUBLE standard error in people; 0 for a full count
source VARCHAR where it was published
licence VARCHAR licence
as_of VARCHAR date of the population
"""),
        _table("representativeness", "level of an attribute", ("attribute", "scheme", "level"), _LEVEL + """
n_total BIGINT people whose level the reference knows
share DOUBLE n / n_total
reference_share DOUBLE share of the reference population
smd DOUBLE (share - reference_share) / sqrt(reference_share (1 - reference_share))
smd_weighted DOUBLE the same with the cohort's raked weights; null where they were refused
participation_ratio DOUBLE share / reference_share
ratio_lo DOUBLE lower 95 % limit
ratio_hi DOUBLE upper 95 % limit
"""),
        _table("modality_participation", "modality, and level of an attribute", ("modality", "attribute", "scheme", "level"), """
modality VARCHAR modality
""" + _LEVEL + """
n_members BIGINT of n, people with the modality
odds_ratio DOUBLE odds of having it against the attribute's largest level, adjusted for the others
or_lo DOUBLE lower 95 % limit
or_hi DOUBLE upper 95 % limit
auc DOUBLE how well all attributes tell who has it; in the row of attribute *
max_abs_smd DOUBLE members against the cohort, worst level; in the row of attribute *
worst_level VARCHAR that level; in the row of attribute *
"""),
        _table("intersection", "set of modalities", ("set_name",), """
set_name VARCHAR modalities joined by +; (cohort) for everybody
n_modalities INTEGER modalities of the set
n_expected DOUBLE people if the modalities were independent
lift DOUBLE n / n_expected
d DOUBLE distance from the reference, noise subtracted
d_lo DOUBLE lower 95 % limit
d_hi DOUBLE upper 95 % limit
worst_single_d DOUBLE largest d of one modality of the set
af DOUBLE amplification: d / worst_single_d
af_lo DOUBLE lower 95 % limit
af_hi DOUBLE upper 95 % limit
growth DOUBLE d / d of the cohort
is_amplified BOOLEAN true where the lines of amplification are crossed
"""),
        _table("intersection_smd", "set and level", ("set_name", "attribute", "scheme", "level"), """
set_name VARCHAR modalities joined by +
""" + _LEVEL + """
n_total BIGINT people of the set whose level the reference knows
share DOUBLE n / n_total
reference_share DOUBLE share of the reference population
smd DOUBLE standardised difference
"""),
        _table("followup", "measure, and level or year", ("measure", "attribute", "scheme", "level", "years"), """
measure VARCHAR person-years, loss, curve or visits
""" + _LEVEL + """
years DOUBLE years since entry (curve), median follow-up (person-years)
share DOUBLE share still followed after so many years (curve)
n_events BIGINT people lost, or visits
exposure DOUBLE person-years
""" + _RATIO),
        _table("missingness", "variable and level or outcome", ("variable", "attribute", "scheme", "level"), """
variable VARCHAR concept or column
label VARCHAR its name
""" + _LEVEL + """
n_events BIGINT of n, people without a value
exposure DOUBLE n as a number
""" + _RATIO + """
cramers_v DOUBLE association of missingness with the attribute; in the row of level *
"""),
        _table("mcar", "set of variables", ("variables",), """
variables VARCHAR variables tested together
n_patterns INTEGER patterns of missing values
d2 DOUBLE Little's d squared
df INTEGER degrees of freedom
p DOUBLE p value: printed, not judged
"""),
        _table("linkage", "measure and level or site", ("measure", "attribute", "scheme", "level"), """
measure VARCHAR unlinked, no concept or no unit
""" + _LEVEL + """
n_events BIGINT persons or facts concerned
exposure DOUBLE persons or facts in all
""" + _RATIO),
        _table("blind_spot", "cross of attributes", ("attributes",), """
attributes VARCHAR attributes joined by x
basis VARCHAR margin, or independence where the reference gives no such cross
n_cells INTEGER crosses with people in the reference
n_blind INTEGER of these, crosses with fewer than min_cell people here
reference_share DOUBLE share of the reference living in blind crosses
top VARCHAR the largest blind crosses
"""),
        _table("sensitivity", "exposure and outcome", ("exposure", "outcome"), """
exposure VARCHAR exposed group
outcome VARCHAR outcome
n_cases BIGINT people with the outcome
or_raw DOUBLE unadjusted odds ratio
or_raw_lo DOUBLE lower 95 % limit
or_raw_hi DOUBLE upper 95 % limit
or_weighted DOUBLE the same with raked weights
or_weighted_lo DOUBLE lower 95 % limit
or_weighted_hi DOUBLE upper 95 % limit
e_value DOUBLE of the odds ratio as a risk ratio
e_value_limit DOUBLE of the limit nearer to 1
selection_e_value DOUBLE for selection bias
"""),
        _table("leakage", "level of a protected attribute", ("attribute", "scheme", "level"), _LEVEL + """
auc DOUBLE cross-validated AUC from the exported features
"""),
        _table("drift", "attribute", ("attribute", "scheme"), """
attribute VARCHAR attribute; * for all together
scheme VARCHAR coding of its levels
n_b BIGINT people of the other side
psi DOUBLE population stability index
auc DOUBLE how well the two sides can be told apart
"""),
        _table("repeatability", "repeated measure", ("concept_id",), """
concept_id BIGINT measurement concept
label VARCHAR its name
n_repeated BIGINT people with at least two values
icc DOUBLE intraclass correlation
median_gap_days DOUBLE between a person's consecutive values
"""),
        _table("weight_diagnostic", "set raked to the margins", ("set_name",), """
set_name VARCHAR modalities joined by +; (cohort) for everybody
ess DOUBLE effective sample size
ess_share DOUBLE ess / n
design_effect DOUBLE n / ess
max_to_mean DOUBLE largest weight over the mean
max_smd_before DOUBLE worst level of all margins, unweighted
max_smd_after DOUBLE the same, weighted
n_iterations INTEGER rounds of fitting
converged BOOLEAN true where all margins were met
margins VARCHAR margins used
left_out VARCHAR margins not used, with the reason
"""),
        _table("weight_histogram", "set and range of weights", ("set_name", "weight_from"), """
set_name VARCHAR modalities joined by +; (cohort) for everybody
weight_from DOUBLE lower limit of the range, in means
weight_to DOUBLE upper limit of the range
"""),
        _table("profile", "axis and measure", ("axis", "measure"), """
axis VARCHAR one of the seven axes of cohort profiles
measure VARCHAR what is measured
value DOUBLE its value
unit VARCHAR its unit
"""),
        _table("heterogeneity", "measure and site", ("concept_id", "site"), """
concept_id BIGINT measurement concept
label VARCHAR its name
site VARCHAR level of the site attribute, or a unit; * for all
mean DOUBLE mean of each person's first value
sd DOUBLE standard deviation
site_share DOUBLE share of the variance between sites; in the row of site *
n_units INTEGER units it was delivered in; in the row of site *
"""),
    )
}  # fmt: skip

PERSON_WEIGHT = Table(
    "audit", "person_weight", "person and weight set", ("weight_set_id", "person_id"),
    columns_of("""
person_id BIGINT person
weight_set_id VARCHAR run and set of modalities the weights were raked for
weight DOUBLE mean 1 in the set
"""),
)  # fmt: skip


def row_of(table: str, given: dict[str, Any]) -> Row:
    """A row with every column of its table, in order; columns not given are null."""
    unknown = set(given) - {c.name for c in TABLES[table].columns}
    if unknown:
        raise KeyError(f"audit.{table} has no column {', '.join(sorted(unknown))}")
    return {"n_suppressed": 0, **{c.name: None for c in TABLES[table].columns}, **given} | {
        "n_suppressed": given.get("n_suppressed", 0)
    }
