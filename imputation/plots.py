"""Pictures of an evaluation: errors of the methods, and whether intervals keep their promise."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biobraid.imputation.judge import Evaluation

_COLOURS = {"carry_forward": "#b07d3c", "covariate_mean": "#8a8f98", "decay": "#2f6db0"}
_LABELS = {"carry_forward": "carry-forward", "covariate_mean": "mean given age and sex",
           "decay": "learned decay"}  # fmt: skip
_MASK_LABELS = {"random": "hidden at random", "block": "hidden in blocks",
                "real_pattern": "hidden like real gaps"}  # fmt: skip


def draw_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """error_by_variable.png, error_by_gap.png and coverage.png; those without cells are left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    written = []
    for name, draw in (
        ("error_by_variable", _error_by_variable),
        ("error_by_gap", _error_by_gap),
        ("coverage", _coverage),
    ):
        figure = Figure(figsize=(9, 4.6), layout="constrained")
        FigureCanvasAgg(figure)
        if draw(evaluation, figure):
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=110, metadata={"Software": None})
            written.append(path)
    return written


def _error_by_variable(evaluation: Evaluation, figure: Any) -> bool:
    lines = {m: evaluation.lines("random", m, "variable") for m in _COLOURS}
    names = sorted({x.level for found in lines.values() for x in found})
    if not names:
        return False
    axes = figure.subplots()
    height = 0.26
    for n, (method, found) in enumerate(lines.items()):
        at = [names.index(x.level) + (1 - n) * height for x in found]
        axes.barh(at, [x.mae for x in found], height, color=_COLOURS[method], label=_LABELS[method])
    axes.set_yticks(range(len(names)), [
        f"{name}\n(chosen: {_LABELS[evaluation.chosen[name]]})" for name in names])  # fmt: skip
    axes.set_xlabel("mean absolute error, in standard deviations of the variable")
    axes.set_title("Cells of held-out persons, hidden at random")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return True


def _gap_names(edges: tuple[float, ...]) -> list[str]:
    ends = [*edges]
    names = [f"≤ {_days(ends[0])}"] if ends else ["any"]
    names += [f"{_days(a)}-{_days(b)}" for a, b in itertools.pairwise(ends)]
    if ends:
        names.append(f"> {_days(ends[-1])}")
    return [*names, "no value\nbefore"]


def _days(days: float) -> str:
    if days < 1:
        return f"{days * 24:.3g} h"
    return f"{days:.3g} d" if days < 700 else f"{days / 365.25:.2g} y"


def _error_by_gap(evaluation: Evaluation, figure: Any) -> bool:
    masks = [m for m in _MASK_LABELS if evaluation.lines(m, "decay", "gap_bin")]
    if not masks:
        return False
    names = _gap_names(evaluation.gap_edges_days)
    for axes, mask in zip(figure.subplots(1, len(masks), sharey=True, squeeze=False)[0], masks,
                          strict=True):  # fmt: skip
        for method, colour in _COLOURS.items():
            found = sorted(evaluation.lines(mask, method, "gap_bin"), key=lambda x: int(x.level))
            axes.plot([int(x.level) for x in found], [x.mae for x in found], "o-", color=colour,
                      label=_LABELS[method])  # fmt: skip
        axes.set_xticks(range(len(names)), names, rotation=60, fontsize=7)
        axes.set_title(_MASK_LABELS[mask], fontsize=10)
        axes.set_xlabel("age of the last value")
    figure.axes[0].set_ylabel("mean absolute error (SD)")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return True


def _coverage(evaluation: Evaluation, figure: Any) -> bool:
    parts = ("sex", "age_band", "ethnicity", "variable")
    found = [x for part in parts for x in evaluation.lines("random", "decay", part)]
    if not found:
        return False
    axes = figure.subplots()
    at = range(len(found))
    # Two standard errors of a share, so that a small group's distance is not taken for a fault.
    error = [2 * (max(x.coverage * (1 - x.coverage), 0.01) / x.n) ** 0.5 for x in found]
    axes.errorbar(at, [x.coverage for x in found], yerr=error, fmt="o", color=_COLOURS["decay"])
    axes.axhspan(0.87, 0.93, color="#2f6db0", alpha=0.12, label="90 % ± 3 points")
    axes.set_xticks(
        at, [f"{x.part}: {x.level}" for x in found], rotation=60, ha="right", fontsize=7
    )
    axes.set_ylabel("share of truths inside")
    axes.set_title("Do 90 % intervals hold for everyone? (held-out persons, hidden at random)")
    axes.legend(frameon=False, loc="lower left")
    return True
