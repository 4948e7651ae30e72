"""Connected components of edges, on integers."""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]


def write_components(con: duckdb.DuckDBPyConnection, edges: str, table: str) -> None:
    """Make TEMP table `table` (source_person_key, root) of every key that has an edge.

    edges: a query of pairs key_l, key_r. root: the smallest key of the component, so that
    the result does not depend on the order of anything. `table` must be a constant.
    """
    con.execute(f"CREATE TEMP TABLE pair_of_keys AS {edges}")
    con.execute("""
        CREATE TEMP TABLE node AS
        SELECT k, row_number() OVER (ORDER BY k) - 1 AS n
        FROM (SELECT key_l AS k FROM pair_of_keys UNION SELECT key_r FROM pair_of_keys)""")
    ends = con.execute("""
        SELECT l.n AS l, r.n AS r FROM pair_of_keys AS p
        INNER JOIN node AS l ON l.k = p.key_l INNER JOIN node AS r ON r.k = p.key_r""").fetchnumpy()
    n_nodes = con.execute("SELECT count(*) FROM node").fetchone()
    roots = components(int(n_nodes[0]) if n_nodes else 0, ends["l"], ends["r"])
    con.register("rooted", pa.table({"n": np.arange(len(roots)), "root": roots}))
    con.execute(f"""
        CREATE TEMP TABLE {table} AS
        SELECT node.k AS source_person_key, top.k AS root
        FROM rooted INNER JOIN node ON node.n = rooted.n
        INNER JOIN node AS top ON top.n = rooted.root""")  # noqa: S608  constant
    con.unregister("rooted")
    con.execute("DROP TABLE node; DROP TABLE pair_of_keys")


def components(n_nodes: int, left: Ints, right: Ints) -> Ints:
    """The smallest node of each node's component; min-label hooking with pointer jumping."""
    root: Ints = np.arange(n_nodes, dtype=np.int64)
    while True:
        l_root, r_root = root[left], root[right]
        if np.array_equal(l_root, r_root):
            return root
        low = np.minimum(l_root, r_root)
        np.minimum.at(root, l_root, low)
        np.minimum.at(root, r_root, low)
        while True:
            jumped = root[root]
            if np.array_equal(jumped, root):
                break
            root = jumped
