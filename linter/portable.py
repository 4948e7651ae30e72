"""What of DuckDB's dialect the models may use: only what was seen to mean the same in Spark.

Transpiling alone proves little: ASOF JOIN, PIVOT, TRY_STRPTIME, COLUMNS(), INT128 and BIT
pass sqlglot without an error and mean nothing there. So everything is forbidden that is not
on these lists. To add a node: run it on both engines, compare, then add it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

_QUERY = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered,
    exp.With, exp.CTE, exp.Union, exp.Table, exp.TableAlias, exp.Column, exp.Identifier,
    exp.Alias, exp.Star, exp.Window, exp.WindowSpec, exp.Distinct,
)  # fmt: skip
_EXPRESSION = (
    exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Case, exp.If, exp.Cast, exp.TryCast,
    exp.DataType, exp.Interval, exp.Var, exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between,
    exp.Like, exp.RegexpLike, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
    exp.NullSafeEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.DPipe, exp.BitwiseXor, exp.Neg,
)  # fmt: skip
_FUNCTION = (
    exp.Abs, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Floor, exp.Round,
    exp.Extract, exp.Length, exp.Lower, exp.Upper, exp.Trim, exp.Replace, exp.Substring,
    exp.SplitPart, exp.Pad, exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Median,
    exp.ArgMax, exp.ArgMin, exp.RowNumber, exp.DateDiff,
)  # fmt: skip
ALLOWED_NODES: frozenset[type[exp.Expression]] = frozenset((*_QUERY, *_EXPRESSION, *_FUNCTION))
ALLOWED_TYPES = frozenset(
    exp.DataType.Type[name]
    for name in ("BIGINT", "INT", "SMALLINT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMPNTZ", "VARCHAR",
                 "TEXT", "ARRAY", "FLOAT")  # arrays of single floats: passed through, never computed with
)  # fmt: skip
ALLOWED_INTERVALS = frozenset(("MINUTE", "DAY"))


def portability_faults(query: exp.Expression) -> list[str]:
    """What in the query is not on the allow-list, sorted, each once; empty if all is."""
    return sorted({fault for node in query.walk() for fault in _faults_of(node)})


def _faults_of(node: exp.Expression) -> Iterator[str]:
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        yield f"unknown function {node.name.upper()}"
    elif type(node) not in ALLOWED_NODES:
        yield f"{type(node).__name__} is not on the allow-list"
    elif isinstance(node, exp.DataType):
        if node.this not in ALLOWED_TYPES:
            yield f"type {node.this.name} is not on the allow-list"
    elif isinstance(node, exp.Join):
        yield from _join_faults(node)
    elif isinstance(node, exp.Star):
        if not isinstance(node.parent, exp.Count):
            yield "SELECT * (name the columns)"
    elif isinstance(node, exp.Distinct):
        if not isinstance(node.parent, exp.Count):
            yield "SELECT DISTINCT (group by the grain instead)"
    elif isinstance(node, exp.Group):
        if set(node.args) - {"expressions"} and any(
            value for key, value in node.args.items() if key != "expressions"
        ):
            yield "GROUP BY ALL, ROLLUP, CUBE or sets"
        if any(isinstance(e, exp.Literal) for e in node.expressions):
            yield "GROUP BY position"
    elif isinstance(node, exp.Ordered):
        if isinstance(node.this, exp.Literal):
            yield "ORDER BY position"
    elif isinstance(node, exp.DateDiff):
        if node.text("unit").upper() != "DAY":
            yield f"DATE_DIFF in {node.text('unit') or 'no unit'} is not on the allow-list"
    elif isinstance(node, exp.Interval) and node.text("unit") not in ALLOWED_INTERVALS:
        yield f"INTERVAL {node.text('unit')} is not on the allow-list"


def _join_faults(join: exp.Join) -> Iterator[str]:
    method, side, kind = (str(join.args.get(k) or "") for k in ("method", "side", "kind"))
    if method:
        yield f"{method} JOIN"
    if side not in ("", "LEFT"):
        yield f"{side} JOIN (turn it round)"
    if kind not in ("", "INNER", "CROSS", "OUTER"):
        yield f"{kind} JOIN"
    if join.args.get("using"):
        yield "JOIN USING (Spark merges the columns differently)"
    if kind != "CROSS" and not method and not join.args.get("on") and not join.args.get("using"):
        yield "a join without ON"
