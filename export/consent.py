"""Who and which facts a release may hold: linkage status, consent, withdrawals, modalities.

Everything here runs in the release's own DuckDB connection, on temporary tables:

    linked         person_id, study            persons of the bridge in force now
    refusal        person_id, study, modality, allowed_until
                                               null: nothing; else facts up to that day
    denied_source  person_id, study, source    sources of which nothing may go
    denied_fact    fact_id, person_id          facts of a person that may not go
    denied_record  record_id                   delivered records and eras that may not go

The bridge and the consent are read from the landing files in force, not from the last
build, so a withdrawal counts from the moment it was linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.orders import masked_keys
from biobraid.core.schemas import MODALITIES
from biobraid.core.study import read_study, study_packs
from biobraid.core.warehouse import literal
from biobraid.export.owned_rows import deny_records


def load_links(con: duckdb.DuckDBPyConnection, home: Home) -> None:
    """Make temporary tables `bridge` and `consent` of what linkage put in force."""
    with Manifest(home) as manifest:
        objects = manifest.objects()
    for name in ("link.person_bridge", "link.consent"):
        if name not in objects:
            raise LinkageError(
                Fault(name, "linkage has not run", "linked persons", "Run: biobraid link")
            )
    for table, name in (("bridge", "link.person_bridge"), ("consent", "link.consent")):
        path = literal(home.landing / objects[name][0])
        con.execute(f"CREATE TEMP TABLE {table} AS FROM read_parquet({path})")
    # Whoever is to be taken out goes at once, however far the taking out has come.
    con.execute(
        "DELETE FROM bridge WHERE source_person_key IN (SELECT unnest(?))", [masked_keys(home)]
    )
    con.execute("""
        CREATE TEMP TABLE linked AS
        SELECT DISTINCT person_id, study FROM bridge
        WHERE link_status = 'linked' AND person_id IS NOT NULL""")


def consent_defaults(home: Home) -> dict[str, str]:
    """Study id -> given or required: what holds for a person without a consent record."""
    return {pack.name: read_study(pack).consent.default for pack in study_packs(home)}


def find_refusals(con: duckdb.DuckDBPyConnection, defaults: Mapping[str, str]) -> None:
    """Make `refusal`: persons' own limits per study and modality.

    A refusal of one modality is lifted only by a later consent to it; a refusal of all (`*`)
    also by a later consent to one. no_contact limits nothing; no_access keeps what is dated
    up to the day it took effect; anything else that is not `given` keeps nothing. Where a
    study's pack is gone, consent is required.
    """
    con.execute("CREATE TEMP TABLE study_default (study VARCHAR, rule VARCHAR)")
    if defaults:
        con.executemany("INSERT INTO study_default VALUES (?, ?)", list(defaults.items()))
    con.execute("CREATE TEMP TABLE every_modality (modality VARCHAR)")
    con.executemany("INSERT INTO every_modality VALUES (?)", [(m,) for m in MODALITIES])
    con.execute("""
        CREATE TEMP TABLE refusal AS
        WITH stated AS (
          SELECT person_id, modality, effective_from,
            status <> 'given' AND coalesce(level, '') <> 'no_contact' AS is_refused,
            CASE WHEN level = 'no_access'
              THEN TRY_CAST(left(effective_from, 10) AS DATE) END AS allowed_until
          FROM consent
        ),
        judged AS (
          SELECT l.person_id, l.study, m.modality, d.rule,
            one.person_id IS NOT NULL OR every.person_id IS NOT NULL AS is_stated,
            coalesce(one.is_refused, FALSE) AS refuses_one,
            coalesce(every.is_refused, FALSE) AND NOT coalesce(
              NOT one.is_refused AND one.effective_from > every.effective_from, FALSE
            ) AS refuses_all,
            one.allowed_until AS one_until,
            every.allowed_until AS all_until
          FROM linked AS l
          CROSS JOIN every_modality AS m
          LEFT JOIN study_default AS d ON d.study = l.study
          LEFT JOIN stated AS one ON one.person_id = l.person_id AND one.modality = m.modality
          LEFT JOIN stated AS every ON every.person_id = l.person_id AND every.modality = '*'
        )
        SELECT person_id, study, modality,
          CASE
            WHEN NOT is_stated THEN NULL
            WHEN refuses_one AND refuses_all THEN CASE
              WHEN one_until IS NULL OR all_until IS NULL THEN NULL
              ELSE least(one_until, all_until) END
            WHEN refuses_one THEN one_until
            ELSE all_until
          END AS allowed_until
        FROM judged
        WHERE refuses_one OR refuses_all
          OR (NOT is_stated AND coalesce(rule, 'required') = 'required')""")


def deny(con: duckdb.DuckDBPyConnection, modalities: Sequence[str]) -> None:
    """Make `denied_source`, `denied_fact` and `denied_record` for a release of these modalities."""
    con.execute("CREATE TEMP TABLE wanted_modality (modality VARCHAR)")
    con.executemany("INSERT INTO wanted_modality VALUES (?)", [(m,) for m in modalities])
    con.execute("""
        CREATE TEMP TABLE denied_source AS
        SELECT l.person_id, s.study, s.source
        FROM linked AS l
        JOIN warehouse.vocab.study_source AS s ON s.study = l.study
        LEFT JOIN refusal AS r ON r.person_id = l.person_id
          AND r.study = s.study AND r.modality = s.modality AND r.allowed_until IS NULL
        WHERE r.person_id IS NOT NULL
          OR s.modality NOT IN (SELECT modality FROM wanted_modality)""")
    con.execute("""
        CREATE TEMP TABLE denied_fact AS
        SELECT DISTINCT e.fact_id, e.person_id
        FROM warehouse.stem.event AS e
        LEFT JOIN linked AS l ON l.person_id = e.person_id AND l.study = e.study
        LEFT JOIN warehouse.vocab.study_source AS s
          ON s.study = e.study AND s.source = e.source
        LEFT JOIN refusal AS r ON r.person_id = e.person_id
          AND r.study = e.study AND r.modality = s.modality
        WHERE l.person_id IS NULL
          OR s.modality IS NULL
          OR s.modality NOT IN (SELECT modality FROM wanted_modality)
          OR (r.person_id IS NOT NULL
            AND (r.allowed_until IS NULL OR e.start_date IS NULL
              OR e.start_date > r.allowed_until))""")
    deny_records(con)


def persons_to_keep(con: duckdb.DuckDBPyConnection) -> None:
    """Make `kept`: linked persons of cdm with at least one source that may go."""
    con.execute("""
        CREATE TEMP TABLE kept AS
        SELECT DISTINCT l.person_id
        FROM linked AS l
        JOIN warehouse.cdm.person AS c ON c.person_id = l.person_id
        JOIN warehouse.vocab.study_source AS s ON s.study = l.study
        WHERE NOT EXISTS (
          SELECT 1 FROM denied_source AS d
          WHERE d.person_id = l.person_id AND d.study = s.study AND d.source = s.source
        )""")
