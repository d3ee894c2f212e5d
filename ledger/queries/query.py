"""Run one reading query, and say it in our words when the database is out of reach."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from vocabulary.errors import Unavailable


def read(engine: Engine, sql: str, wanted: Mapping[str, object]) -> list[tuple[Any, ...]]:
    """The rows of a query.

    Raises:
        Unavailable: the database is out of reach.
    """
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), dict(wanted))]
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error
