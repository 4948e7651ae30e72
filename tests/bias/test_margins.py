"""Margins files: what is refused, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.errors import SettingsError
from biobraid.quality.bias.levels import band_of, cut, is_numeric
from biobraid.quality.bias.margins import HEADER, demo_margins, read_margins, unknown_to

TAIL = ",0,an office,CC0,2011-03-27"
SEX = [f"sex,here,s,sex,f,,,510{TAIL}", f"sex,here,s,sex,m,,,490{TAIL}"]
AGE = [f"age,here,t,age,old,,,400{TAIL}", f"age,here,t,age,young,,,600{TAIL}"]


def _file(tmp_path: Path, *rows: str) -> Path:
    path = tmp_path / "margins.csv"
    path.write_text("\n".join([",".join(HEADER), *rows]) + "\n", encoding="utf-8")
    return path


def _faults(path: Path, **more: bool) -> str:
    with pytest.raises(SettingsError) as caught:
        read_margins(path, **more)
    return str(caught.value)


def test_one_and_two_way_margins_are_read(tmp_path: Path) -> None:
    cross = [f"both,here,s x t,sex,{s},age,{a},{n}{TAIL}"
             for s, a, n in (("f", "old", 210), ("f", "young", 300), ("m", "old", 190),
                             ("m", "young", 300))]  # fmt: skip
    found = read_margins(_file(tmp_path, *SEX, *AGE, *cross))
    assert found.reference_id == "here" and found.population == 1000
    assert [m.margin_id for m in found.margins] == ["sex", "age", "both"]
    assert found.margins[2].keys == (("sex", "s"), ("age", "t"))
    assert found.margins[0].share.tolist() == [0.51, 0.49]


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    text = _faults(_file(
        tmp_path, *SEX, f"sex,here,s,sex,f,,,3{TAIL}", f"age,here,,age,old,,,400{TAIL}",
        f"region,here,r,region,north,,,minus{TAIL}", f"x,here,r,x,a,y,,5{TAIL}",
    ))  # fmt: skip
    assert "row 4: 'f' twice in margin 'sex'" in text
    assert "row 5: scheme empty" in text and "never optional" in text
    assert "row 6: n or se is no number" in text
    assert "row 7: level_2 does not fit attribute_2" in text


def test_totals_that_differ_are_refused_or_rescaled(tmp_path: Path) -> None:
    path = _file(tmp_path, *SEX, f"age,here,t,age,old,,,900{TAIL}")
    assert "sums to 900" in _faults(path)
    assert read_margins(path, rescale=True).margins[1].n.sum() == pytest.approx(1000)


def test_margins_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    cross = [f"both,here,s x t,sex,{s},age,{a},250{TAIL}"
             for s in ("f", "m") for a in ("old", "young")]  # fmt: skip
    text = _faults(_file(tmp_path, *SEX, *AGE, *cross))
    assert "'age' and 'both' differ in age: old, young" in text


def test_a_header_with_a_slip_gets_a_near_miss(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(",".join(HEADER).replace("scheme", "schema") + "\n", encoding="utf-8")
    assert "Did you mean: scheme" in _faults(path)


def test_levels_nobody_has_are_named_with_near_misses(tmp_path: Path) -> None:
    found = read_margins(_file(tmp_path, *SEX))
    faults = unknown_to(found, {("sex", "s"): ["female", "m"]})
    assert [f.found for f in faults] == ["nobody has sex (s) level 'f'"]
    assert unknown_to(found, {("sex", "omop"): ["f"]})[0].found.startswith("the people have no")


def test_the_shipped_margins_are_sound_and_say_that_they_are_synthetic() -> None:
    found = read_margins(demo_margins())
    assert found.population == pytest.approx(1_000_000, abs=5)
    assert all("synthetic" in m.source for m in found.margins)


def test_numbers_are_cut_into_bands_or_fifths() -> None:
    assert band_of("[-inf, -3)") == (float("-inf"), -3.0)
    assert band_of("10-19") is None
    levels = [f"{x / 10:g}" for x in range(-50, 50)]
    assert is_numeric(levels) and not is_numeric(["1", "2", "3"])
    bands = ["[-inf, -3)", "[-3, 0)", "[0, inf)"]
    found = cut(levels, [1] * 100, bands)
    assert found[0] == "[-inf, -3)" and found[20] == "[-3, 0)" and found[50] == "[0, inf)"
    fifths = cut(levels, [1] * 100, None)
    assert [fifths.count(name) for name in dict.fromkeys(fifths)] == pytest.approx([20] * 5, abs=1)
