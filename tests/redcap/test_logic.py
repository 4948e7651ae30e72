"""REDCap's branching logic: parsed, and evaluated over whole columns like cell by cell."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biobraid.ingest.connectors.redcap_evaluate import evaluate
from biobraid.ingest.connectors.redcap_logic import (
    Compare,
    Junction,
    Literal,
    LogicError,
    Node,
    Not,
    Opaque,
    Ref,
    parse_logic,
    refs_of,
)

A, B = Ref("a"), Ref("b")
ROWS = ["", "0", "1", "1.0", "2", "10", "x", "2020-01-31", None]


def _truth(text: str, a: str | None, b: str | None = "") -> bool | None:
    columns = {"a": pa.array([a], pa.string()), "b": pa.array([b], pa.string())}
    return evaluate(parse_logic(text), lambda ref: columns.get(ref.name), 1)[0].as_py()


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("[a]='1'", Compare("=", A, Literal("1"))),
        ('  [a] <> "x y" ', Compare("<>", A, Literal("x y"))),
        ("[a] != 3", Compare("<>", A, Literal("3"))),
        ("[a(2)] = '1'", Compare("=", Ref("a", "2"), Literal("1"))),
        ("[a(-1)] = '1'", Compare("=", Ref("a", "-1"), Literal("1"))),
        ("[e_arm_1][a] >= [b]", Compare(">=", Ref("a", event="e_arm_1"), B)),
        ("[event-name] = 'e'", Compare("=", Ref("event-name"), Literal("e"))),
        ("[event-name][a] = -1", Compare("=", A, Literal("-1"))),
        ("([a]) = ('1')", Compare("=", A, Literal("1"))),
        ("NOT ([a]=1)", Not(Compare("=", A, Literal("1")))),
        (
            "[a]=1 or [a]=2 AND [b]=3",
            Junction(
                "or",
                (
                    Compare("=", A, Literal("1")),
                    Junction("and", (Compare("=", A, Literal("2")), Compare("=", B, Literal("3")))),
                ),
            ),
        ),
        ("datediff([a], 'today', 'y', 'ymd') > 18", Opaque()),
        ("[a] + 1 = 2", Opaque()),
        ("[a][current-instance] = '1'", Opaque()),
        ("[previous-event-name][a] = '1'", Opaque()),
        ("[a]", Opaque()),
    ],
)
def test_expressions_become_trees(text: str, node: Node) -> None:
    assert parse_logic(text) == node


@pytest.mark.parametrize(
    "text", ["", "[a] =", "[a = 1", "([a]=1", "[a]=1)", "[a]=1 [b]=2", "and", "[]=1", "f([a] [b])"]
)
def test_what_is_no_logic_is_an_error(text: str) -> None:
    with pytest.raises(LogicError):
        parse_logic(text)


def test_deep_nesting_is_an_error_not_a_crash() -> None:
    with pytest.raises(LogicError):
        parse_logic("(" * 100_000 + "[a]=1" + ")" * 100_000)


@pytest.mark.parametrize(
    ("text", "a", "expected"),
    [
        ("[a] = '1'", "1.0", True),  # numbers as numbers
        ("[a] = '01'", "1", True),
        ("[a] = '1'", "", False),
        ("[a] = ''", "", True),
        ("[a] <> '1'", "", True),
        ("[a] > 9", "10", True),  # not as text
        ("[a] < 9", "", False),  # nothing is less than a blank
        ("[a] >= '2020-01-01'", "2020-01-31", True),
        ("[a] > 3", "x", None),
        ("[a] = '1'", None, None),
        ("[a] = '1' and sum([b]) > 3", "0", False),  # false whatever the sum is
        ("[a] = '1' or sum([b]) > 3", "1", True),
        ("[a] = '1' and sum([b]) > 3", "1", None),
        ("not ([a] = '1' or round([b]) = 1)", "1", False),
        ("[nowhere] = '1'", "1", None),
    ],
)
def test_truth_is_redcaps(text: str, a: str | None, expected: bool | None) -> None:
    assert _truth(text, a) is expected


def _written(node: Node) -> str:
    if isinstance(node, Compare):
        sides = [f"[{s.name}]" if isinstance(s, Ref) else f"'{s.value}'"
                 for s in (node.left, node.right)]  # fmt: skip
        return f"{sides[0]} {node.op} {sides[1]}"
    if isinstance(node, Not):
        return f"not ({_written(node.part)})"
    if isinstance(node, Junction):
        return f" {node.op} ".join(f"({_written(part)})" for part in node.parts)
    return "round([a], 1) = 2"


def _naive(node: Node, row: dict[str, str | None]) -> bool | None:
    """Truth of one row, by the plainest rules."""
    if isinstance(node, Not):
        part = _naive(node.part, row)
        return None if part is None else not part
    if isinstance(node, Junction):
        found = [_naive(part, row) for part in node.parts]
        decisive = node.op == "or"
        if decisive in found:
            return decisive
        return None if None in found else not decisive
    if not isinstance(node, Compare):
        return None
    left, right = (row[s.name] if isinstance(s, Ref) else s.value for s in (node.left, node.right))
    if left is None or right is None:
        return None
    numbers = [float(v) if v.replace(".", "").isdigit() else None for v in (left, right)]
    both = None not in numbers
    if node.op in ("=", "<>"):
        same = left == right or (both and numbers[0] == numbers[1])
        return same if node.op == "=" else not same
    if "" in (left, right):
        return False
    order: dict[str, Callable[[object, object], bool]] = {
        "<": lambda x, y: x < y, "<=": lambda x, y: x <= y,  # type: ignore[operator]
        ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,  # type: ignore[operator]
    }  # fmt: skip
    if both:
        return order[node.op](numbers[0], numbers[1])
    if left.startswith("2020-") and right.startswith("2020-"):
        return order[node.op](left, right)
    return None


_SIDE = st.one_of(st.sampled_from([A, B]), st.sampled_from([v for v in ROWS if v]).map(Literal))
_COMPARE = st.builds(Compare, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), _SIDE, _SIDE)
_TREE: st.SearchStrategy[Node] = st.recursive(
    st.one_of(_COMPARE, st.just(Opaque())),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Junction, st.sampled_from(["and", "or"]),
                  st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(tree=_TREE, rows=st.lists(st.tuples(st.sampled_from(ROWS), st.sampled_from(ROWS))))
def test_columns_are_evaluated_as_single_cells_are(
    tree: Node, rows: list[tuple[str | None, str | None]]
) -> None:
    assert parse_logic(_written(tree)) == tree, "what is written is read back"
    columns = {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate("ab")}
    found = evaluate(tree, lambda ref: columns[ref.name], len(rows)).to_pylist()
    assert found == [_naive(tree, {"a": a, "b": b}) for a, b in rows]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="[]()ab1'\" =<>!&|+-,andor", max_size=40))
def test_any_text_is_a_tree_or_an_error(text: str) -> None:
    try:
        node = parse_logic(text)
    except LogicError:
        return
    assert all(ref.name for ref in refs_of(node))
