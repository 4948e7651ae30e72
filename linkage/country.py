"""Country packs: how postcodes, phones and national ids are written, as data.

One YAML file a country in linkage/countries; adding a country needs no code. A shape is a
regular expression of the cleaned value (upper case, letters and digits only).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from biobraid.core.errors import Fault, SettingsError, near_misses


@dataclass(frozen=True)
class Country:
    """The rules of one country; phone digits are counted without trunk and country code."""

    postcode: re.Pattern[str]
    postcode_length: int | None
    postcode_junk: tuple[str, ...]
    phone_code: str
    phone_trunk: str
    phone_digits: tuple[int, int]
    national_id: re.Pattern[str]
    national_id_junk: frozenset[str]


@cache
def country_pack(code: str) -> Country:
    """The pack of a country; SettingsError with near misses where there is none."""
    folder = files("biobraid.linkage") / "countries"
    path = folder / f"{code}.yaml"
    if not path.is_file():
        known = sorted(p.name.removesuffix(".yaml") for p in folder.iterdir())
        near = near_misses(code, known)
        raise SettingsError(
            Fault("study.yaml, country", f"there is no country pack '{code}'", ", ".join(known),
                  f"Did you mean: {near[0]}" if near else "Use: other")
        )  # fmt: skip
    pack = yaml.safe_load(path.read_text(encoding="utf-8"))
    few, many = pack["phone"]["digits"]
    return Country(
        re.compile(pack["postcode"]["shape"]),
        pack["postcode"].get("keep"),
        tuple(pack["postcode"]["junk"]),
        pack["phone"]["code"],
        pack["phone"]["trunk"],
        (few, many),
        re.compile(pack["national_id"]["shape"]),
        frozenset(pack["national_id"]["junk"]),
    )
