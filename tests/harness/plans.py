"""Whether queries are answered by indexes: their plans, with table scans made expensive."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text

#: A query with its parameters, as the driver gets them.
Statement = tuple[str, Any]
_INDEX_SCANS = {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}


@contextmanager
def recorded(engine: Engine) -> Iterator[list[Statement]]:
    """The queries that run on an engine while the block does."""
    statements: list[Statement] = []

    def keep(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", keep)


def scans_without_index(
    engine: Engine, statements: Sequence[Statement], *, small: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """The queries that read a table without a condition on an index, and how.

    Args:
        engine: of the database.
        statements: the queries.
        small: tables that stay small enough to be read whole.
    """
    with engine.connect() as connection:
        for name in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"SET enable_{name} = off"))
        return [
            (statement, scan)
            for statement, parameters in statements
            for scan in _scans(_plan(connection, statement, parameters), small)
        ]


def _plan(connection: Connection, statement: str, parameters: Any) -> Mapping[str, Any]:
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    (document,) = plan.scalar_one()
    return dict(document["Plan"])


def _scans(plan: Mapping[str, Any], small: frozenset[str]) -> Iterator[str]:
    """The nodes of a plan that read a table without a condition on an index."""
    kind = plan["Node Type"]
    if plan.get("Relation Name") not in small:
        if kind == "Seq Scan":
            yield f"scan of {plan['Relation Name']}"
        elif kind in _INDEX_SCANS and "Index Cond" not in plan:
            yield f"scan of the whole index {plan['Index Name']}"
    for child in plan.get("Plans", ()):
        yield from _scans(child, small)
