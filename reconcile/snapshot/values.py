"""Values of queries: written into the text as literals, or sent beside it.

COPY and ADBC take no parameters, so a query holds its values as literals. A server that is to
plan a query once needs the same text each time, with the values beside it.
"""

from typing import Any

from psycopg import sql


class Value(sql.Literal):
    """A literal that can be sent beside the text instead."""

    @property
    def sent(self) -> Any:
        """The value as a parameter."""
        return self._obj


def values_beside(query: sql.Composable) -> tuple[bytes, list[Any]]:
    """Return the text of a query with a placeholder for each ``Value``, and these values."""
    values: list[Any] = []

    def text_of(part: sql.Composable) -> bytes:
        if isinstance(part, sql.Composed):
            return b"".join(map(text_of, part))
        if isinstance(part, Value):
            values.append(part.sent)
            return b"%s"
        return part.as_bytes().replace(b"%", b"%%")

    return text_of(query), values
