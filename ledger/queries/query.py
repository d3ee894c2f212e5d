"""Run one reading query."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text

from storage.transactions import reading


def fetch_rows(
    engine: Engine, sql: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """The rows of a query.

    Raises:
        Unavailable: the database is out of reach.
    """
    with reading(engine, "") as connection:
        return [tuple(row) for row in connection.execute(text(sql), dict(parameters))]
