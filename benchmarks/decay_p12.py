"""Learned decay on PhysioNet 2012: errors and coverage of hidden cells, beside simple methods."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from biobraid.imputation.conformal import Scored, calibrate, gap_bins
from biobraid.imputation.cross import add_cross, fit_cross
from biobraid.imputation.masks import hide_at_random, hide_blocks
from biobraid.imputation.panel import Cells, fit_panel, predicted_cells
from biobraid.imputation.series import FAR_DAYS

DEFAULT = Path("../shared/data/physionet2012/set_a_long.parquet")
STATICS = ("RecordID", "Age", "Gender", "Height", "ICUType", "MechVent")


def read(path, seed):
    con = duckdb.connect()
    con.execute("SET threads=2")
    pressures = ("SysABP", "DiasABP", "MAP", "NISysABP", "NIDiasABP", "NIMAP", "HR", "RespRate", "Weight")
    con.execute("CREATE TABLE raw AS SELECT person_id::BIGINT AS person, minute, concept, value FROM read_parquet(?)", [str(path)])
    con.execute("""CREATE TABLE stay AS SELECT person, row_number() OVER (ORDER BY person) - 1 AS grp,
      hash(person::VARCHAR || ':' || ?::VARCHAR) % 1000000 / 1e6 AS u FROM (SELECT DISTINCT person FROM raw)""", [seed])
    con.execute("""CREATE TABLE cell AS SELECT r.concept, s.grp, least(r.minute // 60, 47) * 60 AS minute, avg(v) AS value, any_value(u) AS u FROM (
      SELECT *, CASE WHEN value < 0 THEN NULL WHEN concept IN (SELECT unnest(?)) AND value <= 0 THEN NULL
      WHEN concept = 'pH' AND value BETWEEN 60 AND 80 THEN value / 10 WHEN concept = 'pH' AND value BETWEEN 600 AND 800 THEN value / 100
      WHEN concept = 'pH' AND (value < 6 OR value > 8) THEN NULL WHEN concept = 'Temp' AND value < 25 THEN NULL
      WHEN concept = 'WBC' AND value > 500 THEN NULL ELSE value END AS v FROM raw WHERE concept NOT IN (SELECT unnest(?))) AS r JOIN stay AS s USING (person)
      WHERE v IS NOT NULL GROUP BY 1, 2, 3""", [list(pressures), list(STATICS)])
    st = con.execute("""SELECT s.u, max(value) FILTER (concept = 'Age') AS age, max(value) FILTER (concept = 'Gender') AS gender,
      max(value) FILTER (concept = 'Height') AS height, max(value) FILTER (concept = 'ICUType') AS icu FROM stay AS s JOIN raw USING (person) GROUP BY s.grp, s.u ORDER BY s.grp""").fetchnumpy()
    n = len(st["u"])
    height = np.ma.filled(st["height"].astype(float), np.nan)
    age = np.ma.filled(st["age"].astype(float), np.nan)
    cov = np.stack([np.ones(n), np.nan_to_num((age - 65) / 17), (st["gender"] == 1) * 1.0,
                    np.where((height > 120) & (height < 220), (height - 170) / 10, 0.0),
                    (st["icu"] == 1) * 1.0, (st["icu"] == 2) * 1.0, (st["icu"] == 3) * 1.0], axis=1)
    names = [r[0] for r in con.execute("SELECT DISTINCT concept FROM cell ORDER BY 1").fetchall()]
    panel = {}
    for k, name in enumerate(names):
        got = con.execute("SELECT grp, minute, value FROM cell WHERE concept = ? ORDER BY grp, minute", [name]).fetchnumpy()
        panel[k] = Cells(got["grp"].astype(np.int64), got["minute"].astype(np.int64), got["value"])
    u = st["u"]
    part = np.where(u < 0.4, 0, np.where(u < 0.6, 1, np.where(u < 0.8, 2, 3)))
    return panel, np.asarray(cov, float), part


def subset(panel, part, which):
    return {c: cells.take(part[cells.group] == which) for c, cells in panel.items()}


def simple(name, model, visible, hidden):
    """Predicted values of mean, locf and linear."""
    from biobraid.imputation.series import Series, after, before
    out = {}
    for c, t in hidden.items():
        m = model.concepts[c].marginal
        v = visible[c]
        s = Series(v.group, v.minute, v.value)
        e, l = before(s, t.group, t.minute), after(s, t.group, t.minute)
        if name == "mean":
            out[c] = np.full(len(t), m.mean)
        elif name == "locf":
            out[c] = np.where(e.n > 0, e.last, m.mean)
        else:
            w = np.where(l.n > 0, l.last_days / np.maximum(e.last_days + l.last_days, 1e-9), 1.0)
            out[c] = np.where((e.n > 0) & (l.n > 0), w * e.last + (1 - w) * l.last,
                              np.where(e.n > 0, e.last, np.where(l.n > 0, l.last, m.mean)))
    return out


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    figures = {}
    panel, cov, part = read(data or DEFAULT, seed)
    training, aside, test = (subset(panel, part, k) for k in range(3))
    t0 = time.process_time()
    model = fit_panel(training, cov, seed=seed)
    figures["cpu_seconds.fit"] = time.process_time() - t0
    for mask in ("random", "block"):
        def hide(p, s):
            return hide_at_random(p, 0.1, s) if mask == "random" else hide_blocks(p, 0.5, s)
        visible, hidden = hide(test, seed + 100)
        for name in ("mean", "locf", "linear"):
            got = simple(name, model, visible, hidden)
            e = np.concatenate([(got[c] - hidden[c].value) / model.concepts[c].marginal.sd for c in hidden])
            figures[f"mae.{name}.{mask}"], figures[f"rmse.{name}.{mask}"] = np.abs(e).mean(), np.sqrt((e * e).mean())
        for direction in ("past", "both"):
            cross = fit_cross(model, training, direction)
            for label in (direction, direction + "_cross"):
                def predict(v, h):
                    if label.endswith("cross"):
                        return add_cross(model, cross, v, h)
                    return {c: (t, p) for c, t, p in predicted_cells(model, v, h, direction)}
                cal_cells = []
                acc = {}
                for hd, sd_ in ((lambda p, s: hide_at_random(p, 0.1, s), 7), (lambda p, s: hide_blocks(p, 0.5, s), 8), (lambda p, s: hide_blocks(p, 0.5, s), 9)):
                    v, h = hd(aside, seed + sd_)
                    for c, (t, p) in predict(v, h).items():
                        acc.setdefault(c, []).append((model.concepts[c].marginal.to_scores(t.value), p))
                for c, lst in acc.items():
                    from biobraid.imputation.panel import Predicted
                    cal_cells.append(Scored(c, np.concatenate([x for x, _ in lst]), Predicted(*(np.concatenate([getattr(p, f) for _, p in lst]) for f in Predicted.__dataclass_fields__))))
                cal = calibrate(cal_cells)
                E, COV, GAP, CON = [], [], [], []
                for c, (t, p) in predict(visible, hidden).items():
                    m = model.concepts[c].marginal
                    half = cal.half_width(c, p)
                    lo, hi = m.to_values(p.score - half), m.to_values(p.score + half)
                    E.append((m.to_values(p.score) - t.value) / m.sd)
                    COV.append((t.value >= lo - 1e-9) & (t.value <= hi + 1e-9)); GAP.append(gap_bins(cal.edges, p.gap_days)); CON.append(np.full(len(t), c))
                e, cv, gp, cn = map(np.concatenate, (E, COV, GAP, CON))
                figures[f"mae.{label}.{mask}"], figures[f"rmse.{label}.{mask}"] = np.abs(e).mean(), np.sqrt((e * e).mean())
                figures[f"coverage.{label}.{mask}"] = cv.mean()
                bins = [cv[gp == b].mean() for b in np.unique(gp) if (gp == b).sum() >= 200]
                cons = [cv[cn == c].mean() for c in np.unique(cn) if (cn == c).sum() >= 1000]
                worst = sorted((round(float(cv[cn == c].mean()),3), int(c), int((cn==c).sum())) for c in np.unique(cn) if (cn == c).sum() >= 1000)
                progress(f"{worst[:2]} {worst[-2:]} {cal.edges}")
                progress(f"{label} {mask} mae {np.abs(e).mean():.4f} cov {cv.mean():.4f} gaps {min(bins):.3f}-{max(bins):.3f} concepts {min(cons):.3f}-{max(cons):.3f}")
    return figures


if __name__ == "__main__":
    import sys
    for s in sys.argv[1:]:
        t0 = time.process_time()
        f = run(Path("/work/shared/data/physionet2012/set_a_long.parquet"), int(s), print)
        print({k: round(float(v), 4) for k, v in f.items()}, time.process_time() - t0)
