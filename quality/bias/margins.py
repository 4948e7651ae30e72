"""Reading a reference's margins from CSV, with every fault at once."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.quality.bias.reference import Margin, Reference

HEADER = ("margin_id", "population", "scheme", "attribute_1", "level_1", "attribute_2", "level_2",
          "n", "se", "source", "licence", "as_of")  # fmt: skip
TOLERANCE = 0.005  # of the population, between margins
_REQUIRED = ("margin_id", "population", "scheme", "attribute_1", "level_1", "n", "source", "as_of")
_SAME = ("population", "scheme", "attribute_1", "attribute_2", "source", "licence", "as_of")

Row = dict[str, str]


def demo_margins() -> Path:
    """The synthetic population that the sample biobank is a selection of; no real census."""
    return Path(__file__).with_name("demo_margins.csv")


def read_margins(path: Path, *, rescale: bool = False) -> Reference:
    """The reference of a margins CSV; SettingsError with all its faults.

    One margin_id is one table over one attribute or a pair; all margins sum to the same
    population within 0.5 %, or are rescaled to the first if asked for. `scheme` is that of
    attribute_1; for a pair 'scheme_1 x scheme_2', or one scheme that both share.
    """
    faults: list[Fault] = []
    tables: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for number, row in _rows(path, faults):
        missing = [c for c in _REQUIRED if not row[c].strip()]
        if missing:
            faults.append(_fault(path, number, f"{', '.join(missing)} empty", "a value",
                                 "scheme says which of several codings the levels are of: it is "
                                 "never optional." if "scheme" in missing else ""))  # fmt: skip
            continue
        tables[row["margin_id"]].append((number, row))
    margins = [m for name, rows in tables.items() if (m := _margin(path, name, rows, faults))]
    if not tables and not faults:
        faults.append(Fault(path.name, "holds no margins", "one row per level"))
    margins = _same_population(path, margins, rescale, faults)
    _agree(path, margins, faults)
    if faults:
        raise SettingsError(faults)
    return Reference(margins[0].population, tuple(margins))


def unknown_to(
    reference: Reference, levels: Mapping[tuple[str, str], Iterable[str]]
) -> list[Fault]:
    """Attributes and levels of a reference that the people have not, with near misses."""
    found: list[Fault] = []
    known = {f"{name} ({scheme})" for name, scheme in levels}
    for margin in reference.margins:
        for place, key in enumerate(margin.keys):
            name = f"{key[0]} ({key[1]})"
            if key not in levels:
                found.append(Fault(margin.margin_id, f"the people have no attribute {name}",
                                   "an attribute and scheme of mart.person_attribute",
                                   suggestions=near_misses(name, known)))  # fmt: skip
                continue
            given, have = {cell[place] for cell in margin.levels}, set(levels[key])
            for level in sorted(given - have):
                found.append(Fault(margin.margin_id, f"nobody has {name} level '{level}'",
                                   suggestions=near_misses(level, have - given)))  # fmt: skip
    return found


def _rows(path: Path, faults: list[Fault]) -> list[tuple[int, Row]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            Fault(path.name, "cannot be read", "a CSV file in UTF-8", f"Header: {','.join(HEADER)}")
        ) from None
    sheet = csv.DictReader(text.splitlines())
    header = tuple(sheet.fieldnames or ())
    for name in header:
        if name not in HEADER:
            faults.append(Fault(f"{path.name}, header", f"unknown column '{name}'",
                                suggestions=near_misses(name, HEADER)))  # fmt: skip
    gone = [c for c in HEADER if c not in header]
    if gone:
        faults.append(
            Fault(f"{path.name}, header", f"no column {', '.join(gone)}", ",".join(HEADER))
        )
        return []
    return [
        (number, {c: (row.get(c) or "").strip() for c in HEADER})
        for number, row in enumerate(sheet, start=2)
    ]


def _margin(
    path: Path, name: str, rows: list[tuple[int, Row]], faults: list[Fault]
) -> Margin | None:
    first = rows[0][1]
    is_pair = bool(first["attribute_2"])
    schemes = [s.strip() for s in first["scheme"].split(" x ")]
    schemes = schemes * 2 if len(schemes) == 1 else schemes
    keys: tuple[tuple[str, str], ...] = ((first["attribute_1"], schemes[0]),)
    if is_pair:
        keys = (*keys, (first["attribute_2"], schemes[1]))
    cells: dict[tuple[str, ...], tuple[float, float]] = {}
    n_faults = len(faults)
    for number, row in rows:
        for column in _SAME:
            if row[column] != first[column]:
                faults.append(_fault(path, number, f"{column} '{row[column]}' in margin '{name}'",
                                     f"'{first[column]}', as in its first row"))  # fmt: skip
        if is_pair != bool(row["level_2"]):
            faults.append(_fault(path, number, "level_2 does not fit attribute_2",
                                 "both or neither"))  # fmt: skip
        level = (row["level_1"], row["level_2"]) if is_pair else (row["level_1"],)
        n, se = _number(row["n"]), _number(row["se"] or "0")
        if n is None or se is None:
            faults.append(_fault(path, number, "n or se is no number of at least 0",
                                 "people, e.g. 1234"))  # fmt: skip
        elif level in cells:
            faults.append(_fault(path, number, f"'{' x '.join(level)}' twice in margin '{name}'",
                                 "one row per level"))  # fmt: skip
        else:
            cells[level] = n, se
    if len(faults) > n_faults:
        return None
    n_all = np.array([n for n, _ in cells.values()])
    if not n_all.sum() > 0:
        faults.append(Fault(path.name, f"margin '{name}' holds nobody", "people"))
        return None
    return Margin(name, first["population"], keys, tuple(cells), n_all,
                  np.array([se for _, se in cells.values()]), first["source"], first["licence"],
                  first["as_of"])  # fmt: skip


def _same_population(
    path: Path, margins: list[Margin], rescale: bool, faults: list[Fault]
) -> list[Margin]:
    if not margins:
        return margins
    total, out = float(margins[0].n.sum()), [margins[0]]
    for margin in margins[1:]:
        own = float(margin.n.sum())
        if margin.population != margins[0].population:
            faults.append(Fault(path.name, f"margin '{margin.margin_id}' is of population "
                                f"'{margin.population}'", f"'{margins[0].population}': one file, "
                                "one population"))  # fmt: skip
        if abs(own / total - 1) > TOLERANCE and not rescale:
            faults.append(Fault(path.name, f"margin '{margin.margin_id}' sums to {own:,.0f}",
                                f"{total:,.0f} as '{margins[0].margin_id}', within 0.5 %",
                                "If the totals differ for a known reason, use --rescale."))  # fmt: skip
        scale = total / own
        out.append(Margin(margin.margin_id, margin.population, margin.keys, margin.levels,
                          margin.n * scale, margin.se * scale, margin.source, margin.licence,
                          margin.as_of))  # fmt: skip
    return out


def _agree(path: Path, margins: list[Margin], faults: list[Fault]) -> None:
    """Two margins of one attribute must give its levels the same people, within 0.5 %."""
    first: dict[tuple[str, str], tuple[str, dict[str, float]]] = {}
    for margin in sorted(margins, key=lambda m: len(m.keys)):
        for place, key in enumerate(margin.keys):
            sums: dict[str, float] = defaultdict(float)
            for cell, n in zip(margin.levels, margin.n, strict=True):
                sums[cell[place]] += float(n)
            if key not in first:
                first[key] = margin.margin_id, dict(sums)
                continue
            other, given = first[key]
            total = sum(given.values())
            apart = [level for level in {*sums, *given}
                     if abs(sums.get(level, 0) - given.get(level, 0)) > TOLERANCE * total]  # fmt: skip
            if apart:
                faults.append(Fault(path.name, f"margins '{other}' and '{margin.margin_id}' differ "
                                    f"in {key[0]}: {', '.join(sorted(apart))}",
                                    "the same people in both, within 0.5 % of the population"))  # fmt: skip


def _number(text: str) -> float | None:
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        return None
    return value if value >= 0 and np.isfinite(value) else None


def _fault(path: Path, number: int, found: str, expected: str, todo: str = "") -> Fault:
    return Fault(f"{path.name}, row {number}", found, expected, todo)
