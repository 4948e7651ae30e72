"""People of a warehouse, release, cohort or export as a frame, from mart.person_attribute."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, QualityError
from biobraid.quality.bias.frame import MAX_MODALITIES, MISSING, Attribute, Frame
from biobraid.quality.bias.levels import band_of, cut, is_numeric
from biobraid.quality.bias.reference import Reference

MAX_LEVELS = 300


def table_exists(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Whether a table or view can be read under this name ('mart.modality')."""
    try:
        con.execute(f"SELECT 1 FROM {name} LIMIT 0")  # noqa: S608
    except duckdb.CatalogException:
        return False
    return True


def choose_people(con: duckdb.DuckDBPyConnection, person_id: pa.Array | None = None) -> int:
    """Make temp.audited (position, person_id), sorted by id: all participants, or those given.

    Returns how many there are; QualityError if nobody is.
    """
    if person_id is None:
        source = "SELECT person_id FROM mart.participant"
    else:
        con.register("given_people", pa.table({"person_id": person_id}))
        source = "SELECT person_id FROM given_people"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE audited AS SELECT "  # noqa: S608
        "CAST(row_number() OVER (ORDER BY person_id) - 1 AS INTEGER) AS position, person_id "
        f"FROM (SELECT DISTINCT person_id FROM ({source}) WHERE person_id IS NOT NULL)"
    )
    if person_id is not None:
        con.unregister("given_people")
    row = con.execute("SELECT count(*) FROM temp.audited").fetchone()
    n = int(row[0]) if row else 0
    if n == 0:
        raise QualityError(Fault("audit", "there is nobody to audit", "people in mart.participant",
                                 "Run: biobraid build"))  # fmt: skip
    return n


def read_people(
    con: duckdb.DuckDBPyConnection,
    reference: Reference | None,
    by: str = "modality",
) -> Frame:
    """The frame of temp.audited. Numeric attributes are cut into the reference's bands.

    by: 'modality' (mart.modality) or 'source' (sources that recorded something, the ten
    largest). Attributes with more than 300 levels are left out unless they are numbers.
    """
    ids = con.execute("SELECT person_id FROM temp.audited ORDER BY position").fetchnumpy()
    person_id = np.asarray(ids["person_id"], np.int64)
    counted = con.execute(
        "SELECT a.attribute, a.scheme, a.level, count(*) FROM mart.person_attribute AS a "
        "JOIN temp.audited AS p USING (person_id) GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    by_key: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
    for attribute, scheme, level, n in counted:
        by_key[attribute, scheme].append((level, n))
    attributes, columns = [], []
    for key, found in by_key.items():
        names = _names(key, [level for level, _ in found], [n for _, n in found], reference)
        if names is None:
            continue
        levels = sorted({*names, MISSING}, key=_order)
        code = {level: place for place, level in enumerate(levels)}
        raw = {level: code[name] for (level, _), name in zip(found, names, strict=True)}
        columns.append(_codes(con, key, raw, code[MISSING], len(person_id)))
        used = np.bincount(columns[-1], minlength=len(levels))
        attributes.append(Attribute(*key, tuple(levels)))
        if used[code[MISSING]] == 0:  # the level exists only where somebody is in it
            attributes[-1], columns[-1] = _without(attributes[-1], columns[-1], code[MISSING])
    modalities, has = _modalities(con, by, len(person_id))
    codes = np.stack(columns, axis=1) if columns else np.zeros((len(person_id), 0), np.int16)
    return Frame(tuple(attributes), codes, modalities, has, person_id)


def _names(
    key: tuple[str, str], levels: list[str], counts: list[int], reference: Reference | None
) -> list[str] | None:
    bands = None
    for margin in reference.margins if reference else ():
        for place, given in enumerate(margin.keys):
            wanted = [x for x in dict.fromkeys(c[place] for c in margin.levels) if x != MISSING]
            if given == key and wanted and all(band_of(level) for level in wanted):
                bands = wanted
    if bands is not None or is_numeric(levels):
        return cut(levels, counts, bands)
    return levels if len(levels) <= MAX_LEVELS else None


def _order(level: str) -> tuple[int, float, str]:
    band = band_of(level)
    return (2, 0.0, level) if level == MISSING else (0, band[0], level) if band else (1, 0.0, level)


def _codes(
    con: duckdb.DuckDBPyConnection, key: tuple[str, str], raw: dict[str, int], missing: int, n: int
) -> np.ndarray:
    con.register(
        "level_code",
        pa.table({"level": list(raw), "code": pa.array(list(raw.values()), pa.int16())}),
    )
    found = con.execute(
        "SELECT p.position, c.code FROM mart.person_attribute AS a JOIN temp.audited AS p "
        "USING (person_id) JOIN level_code AS c USING (level) WHERE a.attribute = ? AND a.scheme = ?",
        list(key),
    ).fetchnumpy()
    con.unregister("level_code")
    out = np.full(n, missing, np.int16)
    out[np.asarray(found["position"])] = np.asarray(found["code"])
    return out


def _without(attribute: Attribute, codes: np.ndarray, place: int) -> tuple[Attribute, np.ndarray]:
    levels = tuple(level for i, level in enumerate(attribute.levels) if i != place)
    shifted: np.ndarray = np.where(codes > place, codes - 1, codes).astype(np.int16)
    return Attribute(attribute.name, attribute.scheme, levels), shifted


def _modalities(
    con: duckdb.DuckDBPyConnection, by: str, n: int
) -> tuple[tuple[str, ...], np.ndarray]:
    if by == "source":
        query = (
            "SELECT DISTINCT p.position, c.study || '/' || c.source AS modality "
            "FROM mart.source_coverage AS c JOIN temp.audited AS p USING (person_id) "
            "WHERE c.has_records"
        )
        needed = "mart.source_coverage"
    else:
        query = (
            "SELECT p.position, m.modality FROM mart.modality AS m "
            "JOIN temp.audited AS p USING (person_id) WHERE m.n_rows > 0"
        )
        needed = "mart.modality"
    if not table_exists(con, needed):
        return (), np.zeros((n, 0), np.bool_)
    found = con.execute(query).fetchnumpy()
    names, place = np.unique(np.asarray(found["modality"], dtype=str), return_inverse=True)
    has = np.zeros((n, len(names)), np.bool_)
    has[np.asarray(found["position"]), place] = True
    kept = np.sort(np.argsort(-has.sum(axis=0), kind="stable")[:MAX_MODALITIES])
    return tuple(str(names[i]) for i in kept), has[:, kept]
