"""`link`: source persons and their random person ids; never an identifier."""

from biobraid.core.schemas.table import Table, columns_of

LINK_BRIDGE = Table(
    "link",
    "person_bridge",
    "source person",
    ("source_person_key",),
    columns_of(
        """
source_person_key VARCHAR as in raw
study VARCHAR study of the source person
person_id BIGINT random positive 63-bit id drawn in the vault; null while not linked
link_status VARCHAR linked, waiting (source mints no persons), quarantined, restricted (kept, not processed) or withdrawn
method VARCHAR minted, authoritative-map, strong-key, review, probabilistic, token
certainty DOUBLE probability that the link is right; 1 for assertions and mints
"""
    ),
)

LINK_CONSENT = Table(
    "link",
    "consent",
    "person x modality, latest status",
    ("person_id", "modality"),
    columns_of(
        """
person_id BIGINT person
modality VARCHAR as in raw.consent; * for all
status VARCHAR given, refused, withdrawn, expired
level VARCHAR no_contact, no_access or no_use for withdrawals
effective_from VARCHAR local date from which the status holds (YYYY-MM-DD)
"""
    ),
)

LINK_QUALITY = Table(
    "link",
    "quality",
    "metric of one linkage run, no identifiers",
    ("run_id", "study", "source", "metric"),
    columns_of(
        """
run_id VARCHAR linkage run
study VARCHAR study, or * for all
source VARCHAR source, or * for all
metric VARCHAR n_source_persons, n_minted, n_linked_map, n_linked_strong_key, n_waiting, n_conflicts, ...
n BIGINT count
"""
    ),
)

LINK_QUALITY_DETAIL = Table(
    "link",
    "quality_detail",
    "linkage quality by subgroup (GUILD), small cells suppressed",
    ("study", "metric", "attribute", "level"),
    columns_of(
        """
run_id VARCHAR linkage run
study VARCHAR study, or * for all
metric VARCHAR complete, linked, waiting, to_review, quarantined, smd_linked, links_at, precision, recall
attribute VARCHAR field, sex, birth_decade, area, *, threshold or basis (reviewed, model)
level VARCHAR level of the attribute; (missing) where it is not known
n BIGINT source persons (or pairs) the metric is true of; null if suppressed
n_of BIGINT source persons (or pairs) in all; null if suppressed
value DOUBLE share n / n_of, or the estimate; null if suppressed
low DOUBLE lower bound of the 95 % interval of an estimate
high DOUBLE upper bound of the 95 % interval of an estimate
is_suppressed BOOLEAN whether the cell or one beside it is smaller than min_cell
"""
    ),
)
