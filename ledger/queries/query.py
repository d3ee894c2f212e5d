"""Run one reading query."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from vocabulary.errors import Unavailable


def fetch_rows(
    engine: Engine, sql: str, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """The rows of a query.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), dict(parameters))]
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error
