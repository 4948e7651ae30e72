"""croissant.json: what a dataset is, file by file and column by column, for machines.

Croissant 1.0 with the RAI 1.0 fields (JSON-LD). The contexts of 1.1 are not read by the
validators in use, so they are not declared. What only a publisher knows (licence, creator, url,
day) comes from `publication:` in the plan and is left out where that says nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CROISSANT = "croissant.json"
CONFORMS_TO = ("http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0")
LICENCE = "Not for redistribution: for the purpose and the people of its project only."
_CR = ("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject",
       "fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField",
       "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate",
       "separator", "source", "subField", "transform")  # fmt: skip
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _CR},
}
_FORMATS = {".parquet": "application/x-parquet", ".csv": "text/csv", ".json": "application/json",
            ".duckdb": "application/vnd.duckdb", ".md": "text/markdown"}  # fmt: skip
# What stands beside the data; descriptions of what a companion adds come with it.
FILES = {
    "data.parquet": "One row per person, sorted by project person id.",
    "dictionary.csv": "One row per column of data.parquet: what it holds and where it is from.",
    "release.duckdb": "The release, a DuckDB database of schemas cdm, vocab, omics, wearable and mart.",
}


def dataset_croissant(
    manifest: Mapping[str, Any], folder: Path, files: Mapping[str, str], rai: Mapping[str, Any]
) -> dict[str, Any]:
    """The Croissant description of a dataset whose files lie in `folder`.

    manifest: with sha256 by file name, as in manifest.json. files: descriptions of files that
    are not in every dataset. Says nothing of how many people there are.
    """
    said = manifest["plan"].get("publication") or {}
    about = (
        f"{manifest['title'] or manifest['dataset']}. One row per person of cohort "
        f"{manifest['cohort']}, from release {manifest['project']}/{manifest['release']}. "
        f"Purpose: {manifest['purpose'] or 'not stated'}."
    )
    described = {**FILES, **files}
    made = _head(manifest["dataset"], about, said, manifest["sha256"]["data.parquet"])
    made["distribution"] = [
        _file(name, digest, described[name])
        for name, digest in sorted(manifest["sha256"].items()) if name in described
    ]  # fmt: skip
    labels = {v["name"]: v["label"] or v["name"] for v in manifest["plan"]["variables"]}
    records = [_records("people", "data.parquet", folder, labels)]
    if "weights.parquet" in manifest["sha256"]:
        records.append(_records("weights", "weights.parquet", folder, {}))
    return {**made, "recordSet": records, **_imputed(manifest), **rai}


def release_croissant(manifest: Mapping[str, Any], rai: Mapping[str, Any]) -> dict[str, Any]:
    """The Croissant description of a release: its database as one file, without columns."""
    about = (
        f"{manifest['title'] or manifest['release']}. Release {manifest['release']} of project "
        f"{manifest['project']}, OMOP CDM 5.4. Purpose: {manifest['purpose'] or 'not stated'}."
    )
    name = f"{manifest['project']}-{manifest['release']}"
    digest = manifest["sha256"]["release.duckdb"]
    made = _head(name, about, {}, digest)
    made["distribution"] = [_file("release.duckdb", digest, FILES["release.duckdb"])]
    return {**made, **rai}


def moved(made: Mapping[str, Any], origin: Path, folder: Path) -> dict[str, Any]:
    """The same description, to be kept in another folder: links go to where the files lie."""
    there = os.path.relpath(origin, folder)
    files = [{**f, "contentUrl": f"{there}/{f['contentUrl']}"} for f in made["distribution"]]
    return {**made, "distribution": files}


def with_file(made: Mapping[str, Any], name: str, digest: str, words: str) -> dict[str, Any]:
    """The same description with one more file, in place of one of that name."""
    others = [f for f in made["distribution"] if f["@id"] != name]
    files = sorted([*others, _file(name, digest, words)], key=lambda f: str(f["@id"]))
    return {**made, "distribution": files}


def text_of(made: Mapping[str, Any]) -> str:
    """As it is written."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _head(name: str, about: str, said: Mapping[str, Any], digest: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": name,
        "description": about,
        "license": said.get("licence") or LICENCE,
        # Datasets never change: a version is a digest of the data, as semantic versioning allows.
        "version": f"1.0.0+{digest[:12]}",
        "isLiveDataset": False,
    }
    if said.get("creator"):
        made["creator"] = {"@type": "sc:Organization", "name": said["creator"]}
    for key, given in (("url", "url"), ("datePublished", "published_on"), ("citeAs", "citation")):
        if said.get(given):
            made[key] = said[given]
    return made


def _file(name: str, digest: str, words: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "description": words,
        "contentUrl": name,
        "encodingFormat": _FORMATS[Path(name).suffix],
        "sha256": digest,
    }


def _records(name: str, file: str, folder: Path, labels: Mapping[str, str]) -> dict[str, Any]:
    fields = []
    for column in pq.read_schema(folder / file):
        base, _, suffix = column.name.partition("__")
        about = labels.get(base, column.name) + (f": {suffix.replace('_', ' ')}" if suffix else "")
        fields.append({
            "@type": "cr:Field", "@id": f"{name}/{column.name}", "name": column.name,
            "description": about, "dataType": _type(column.type),
            "source": {"fileObject": {"@id": file}, "extract": {"column": column.name}},
        })  # fmt: skip
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields,
            "key": {"@id": f"{name}/person_id"}}  # fmt: skip


def _type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_floating(kind):
        return "sc:Float"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Date" if pa.types.is_date(kind) else "sc:Text"


def _imputed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """rai:dataImputationProtocol, where a variable is imputed."""
    filled = [v for v in manifest["plan"]["variables"] if v.get("impute")]
    if not filled:
        return {}
    words = "; ".join(f"{v['name']} by plan {v['impute']['plan']}" for v in filled)
    return {"rai:dataImputationProtocol": f"Empty cells are filled and flagged: {words}."}
