"""The charts of the report: SVG with the same bytes for the same rows, readable in greyscale."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from biobraid.quality.bias.verdict import SMD

INK, GREY, PALE = "#1a1a1a", "#767676", "#d0d0d0"
MARKERS = {"ok": "o", "watch": "D", "fail": "s", "not_assessed": "x"}
FILLS = {"ok": "white", "watch": "#9a9a9a", "fail": INK, "not_assessed": INK}
MAX_SETS = 24
STYLE = {
    "svg.hashsalt": "biobraid", "svg.fonttype": "none", "font.size": 9.0,
    "font.family": ["DejaVu Sans", "sans-serif"], "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": INK, "text.color": INK,
    "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
}  # fmt: skip

Row = dict[str, Any]
Draw = Callable[[Sequence[Row]], Figure | None]


def svg(name: str, label: str, draw: Draw, rows: Sequence[Row]) -> str | None:
    """An inline SVG with its own ids and a text alternative; None if there is nothing to draw."""
    with matplotlib.rc_context(STYLE):
        figure = draw(rows)
        if figure is None:
            return None
        out = io.StringIO()
        FigureCanvasSVG(figure).print_svg(out, metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\1{name}-", text)
    safe = label.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)


def _figure(height: float, width: float = 8.2) -> Figure:
    return Figure(figsize=(width, height), layout="constrained")


def _marks(axes: Any, x: Sequence[float], y: Sequence[float], verdicts: Sequence[str]) -> None:
    for kind, marker in MARKERS.items():
        where = [i for i, v in enumerate(verdicts) if v == kind]
        if where:
            edge = {} if marker == "x" else {"edgecolors": INK}
            axes.scatter([x[i] for i in where], [y[i] for i in where], marker=marker, s=32,
                         c=FILLS[kind], zorder=3, label=kind.replace("_", " "), **edge)  # fmt: skip
    _legend(axes)


def _legend(axes: Any) -> None:
    """Above the axes, where no mark can be."""
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False, fontsize=8)


def forest(rows: Sequence[Row]) -> Figure | None:
    """SMD of every level, with the lines of watch and fail."""
    used = [r for r in rows if r["smd"] is not None]
    if not used:
        return None
    figure = _figure(1.1 + 0.21 * len(used))
    axes = figure.subplots()
    y = list(range(len(used)))[::-1]
    for line, style in ((SMD.watch, ":"), (SMD.fail, "--")):
        for sign in (-1, 1):
            axes.axvline(sign * line, color=GREY, linestyle=style, linewidth=1)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.hlines(y, 0, [r["smd"] for r in used], color=PALE, linewidth=3)
    _marks(axes, [r["smd"] for r in used], y, [r["verdict"] for r in used])
    axes.set_yticks(y, [f"{r['attribute']}: {r['level']}" for r in used])
    axes.set_xlabel("standardised difference from the reference (dotted: watch, dashed: fail)")
    axes.set_ylim(-0.7, len(used) - 0.3)
    return figure


def love(rows: Sequence[Row]) -> Figure | None:
    """SMD before and after weighting, level by level."""
    used = [r for r in rows if r["smd"] is not None and r["smd_weighted"] is not None]
    if not used:
        return None
    figure = _figure(1.1 + 0.21 * len(used))
    axes = figure.subplots()
    y = list(range(len(used)))[::-1]
    before, after = [abs(r["smd"]) for r in used], [abs(r["smd_weighted"]) for r in used]
    axes.hlines(y, after, before, color=PALE, linewidth=2)
    axes.scatter(before, y, marker="s", s=30, c=INK, label="before weighting", zorder=3)
    axes.scatter(after, y, marker="o", s=34, c="white", edgecolors=INK, label="after", zorder=4)
    axes.axvline(SMD.watch, color=GREY, linestyle=":", linewidth=1)
    axes.set_yticks(y, [f"{r['attribute']}: {r['level']}" for r in used])
    axes.set_xlabel("absolute standardised difference (dotted: watch)")
    _legend(axes)
    axes.set_ylim(-0.7, len(used) - 0.3)
    return figure


def upset(rows: Sequence[Row]) -> Figure | None:
    """People and amplification of the largest sets, over a matrix of who is in them."""
    used = [r for r in rows if r["n_modalities"] and r["n"]]
    used = sorted(used, key=lambda r: (-r["n"], r["set_name"]))[:MAX_SETS]
    if len(used) < 2:
        return None
    names = sorted({m for r in used for m in r["set_name"].split("+")})
    figure = _figure(4.6 + 0.22 * len(names))
    top, middle, low = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": [2, 2, 0.22 * len(names) + 0.3]}
    )
    x = list(range(len(used)))
    top.bar(x, [r["n"] for r in used], color=GREY, width=0.6)
    top.set_yscale("log")
    top.set_ylim(bottom=10 ** np.floor(np.log10(min(r["n"] for r in used)) - 0.01))
    top.set_ylabel("people (log)")
    middle.axhline(1, color=INK, linewidth=0.8)
    middle.axhline(1.1, color=GREY, linestyle=":", linewidth=1)
    several = [i for i, r in enumerate(used) if r["n_modalities"] > 1 and r["af"] is not None]
    for i in several:
        if used[i]["af_lo"] is not None:
            middle.vlines(i, used[i]["af_lo"], used[i]["af_hi"], color=INK, linewidth=1)
    if several:
        _marks(
            middle, several, [used[i]["af"] for i in several], [used[i]["verdict"] for i in several]
        )
    middle.set_ylabel("amplification")
    for spot, name in enumerate(names):
        inside = [i for i, r in enumerate(used) if name in r["set_name"].split("+")]
        low.scatter(x, [spot] * len(x), s=14, c=PALE)
        low.scatter(inside, [spot] * len(inside), s=26, c=INK)
    for i, r in enumerate(used):
        spots = [names.index(m) for m in r["set_name"].split("+")]
        low.vlines(i, min(spots), max(spots), color=INK, linewidth=1.4)
    low.set_yticks(range(len(names)), names)
    low.set_xticks([])
    low.margins(y=0.25)
    return figure


def odds(rows: Sequence[Row]) -> Figure | None:
    """Adjusted odds of having each modality, one panel each."""
    used = [r for r in rows if r["attribute"] != "*" and r["odds_ratio"] and r["or_lo"] is not None]
    names = sorted({r["modality"] for r in used})[:6]
    levels = list(dict.fromkeys((r["attribute"], r["level"]) for r in used))
    if not used or len(levels) > 40:
        return None
    figure = _figure(1.2 + 0.22 * len(levels))
    panels = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for panel, name in zip(panels, names, strict=True):
        panel.axvline(1, color=INK, linewidth=0.8)
        for r in used:
            if r["modality"] == name:
                y = -levels.index((r["attribute"], r["level"]))
                panel.hlines(y, r["or_lo"], r["or_hi"], color=INK, linewidth=1)
                panel.plot(r["odds_ratio"], y, "o", color=INK, markersize=4)
        panel.set_xscale("log")
        panel.set_title(name, fontsize=7)
        limits = [r[c] for r in used if r["modality"] == name for c in ("or_lo", "or_hi")]
        panel.set_xlim(max(0.8 * min(limits), 0.05), min(1.25 * max(limits), 20))
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.minorticks_off()
        panel.tick_params(axis="x", labelsize=7, rotation=60)
    panels[0].set_yticks([-i for i in range(len(levels))], [f"{a}: {v}" for a, v in levels])
    figure.supxlabel("odds ratio of having it (log), with 95 % interval", fontsize=9)
    return figure


def _map(names: Sequence[str], columns: Sequence[str], values: np.ndarray, label: str,
         watch: float, fail: float, form: str) -> Figure:  # fmt: skip
    figure = _figure(max(3.2, 1.4 + 0.3 * len(names)))
    axes = figure.subplots()
    # Vector cells: an image would need img-src in the report's policy.
    edges = np.arange(len(columns) + 1) - 0.5, np.arange(len(names) + 1) - 0.5
    axes.pcolormesh(*edges, np.nan_to_num(values), cmap="Greys", vmin=0, vmax=max(2 * fail, 1e-9),
                    edgecolors="white", linewidth=0.5)  # fmt: skip
    axes.invert_yaxis()
    for i in range(len(names)):
        for j in range(len(columns)):
            value = values[i, j]
            if np.isfinite(value):
                mark = " ■" if value >= fail else " ◆" if value >= watch else ""
                axes.text(j, i, form.format(value) + mark, ha="center", va="center", fontsize=7,
                          color="white" if value > 1.1 * fail else INK)  # fmt: skip
    axes.set_xticks(range(len(columns)), columns, rotation=35, ha="right", fontsize=7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    figure.supxlabel(label, fontsize=9)
    return figure


def missing(rows: Sequence[Row]) -> Figure | None:
    """Cramér's V of missingness, variable by attribute."""
    used = [r for r in rows if r["level"] == "*" and r["cramers_v"] is not None]
    if not used:
        return None
    names = list(dict.fromkeys(r["label"] for r in used))
    columns = list(dict.fromkeys(f"{r['attribute']} {r['scheme']}".strip() for r in used))
    values = np.full((len(names), len(columns)), np.nan)
    for r in used:
        spot = columns.index(f"{r['attribute']} {r['scheme']}".strip())
        values[names.index(r["label"]), spot] = r["cramers_v"]
    short = [n if len(n) < 40 else n[:38] + "…" for n in names]
    return _map(short, columns, values, "Cramér's V  (◆ watch, ■ fail)", 0.05, 0.10, "{:.2f}")


def blind(rows: Sequence[Row]) -> Figure | None:
    """Share of the reference in blind crosses of two attributes; the diagonal: of one."""
    used = [r for r in rows if r["attributes"].count(" x ") < 2]
    names = list(dict.fromkeys(a for r in used for a in r["attributes"].split(" x ")))
    if len(names) < 2:
        return None
    values = np.full((len(names), len(names)), np.nan)
    for r in used:
        spots = [names.index(a) for a in r["attributes"].split(" x ")]
        values[spots[-1], spots[0]] = r["reference_share"]
        values[spots[0], spots[-1]] = r["reference_share"]
    return _map(names, names, values, "share of the reference  (◆ watch, ■ fail)", 0.01, 0.05,
                "{:.1%}")  # fmt: skip


def follow(rows: Sequence[Row]) -> Figure | None:
    """Share still followed, by reverse Kaplan-Meier."""
    used = [r for r in rows if r["measure"] == "curve" and r["share"] is not None]
    if len(used) < 2:
        return None
    figure = _figure(3.0)
    axes = figure.subplots()
    axes.step([r["years"] for r in used], [r["share"] for r in used], where="post", color=INK)
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("years since entry (dotted: median)")
    axes.set_ylabel("share still followed")
    return figure


def weights(rows: Sequence[Row]) -> Figure | None:
    """How many people have which weight."""
    used = [r for r in rows if r["set_name"] == "(cohort)" and r["n"]]
    if not used:
        return None
    figure = _figure(2.8)
    axes = figure.subplots()
    axes.bar(range(len(used)), [r["n"] for r in used], color=GREY, edgecolor=INK)
    axes.set_xticks(range(len(used)), [
        f"{r['weight_from']:g} to {r['weight_to']:g}" if r["weight_to"] else f"≥ {r['weight_from']:g}"
        for r in used
    ])  # fmt: skip
    axes.set_xlabel("weight, in means")
    axes.set_ylabel("people")
    return figure
