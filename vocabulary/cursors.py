"""Cursors: where the next page of a list begins, as text for links and parameters. Pure."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from vocabulary.errors import Malformed

#: The end of PostgreSQL's bigint.
_NUMBER_END = 2**63
Part = str | int | datetime
Row = TypeVar("Row")
_EXPECTED = "the link to a next page is expected"


def cursor_of(*parts: Part) -> str:
    """The cursor of the last row of a page: the values by which the list is in order."""
    texts = [part.isoformat() if isinstance(part, datetime) else part for part in parts]
    return base64.urlsafe_b64encode(json.dumps(texts).encode()).decode()


def cut_page(
    rows: Sequence[Row], limit: int, position: Callable[[Row], tuple[Part, ...]]
) -> tuple[Sequence[Row], str | None]:
    """The rows of one page, and the cursor of the next; None: this is the last page.

    Args:
        rows: in the order of the list; one more than ``limit`` shows that there is a next page.
        limit: the most rows of a page.
        position: the values by which a row is in order.
    """
    shown, last = cut_rows(rows, limit)
    return shown, None if last is None else cursor_of(*position(last))


def cut_rows(rows: Sequence[Row], limit: int) -> tuple[Sequence[Row], Row | None]:
    """The rows of one page, and the last of them if a page follows.

    Args:
        rows: in the order of the list; one more than ``limit`` shows that there is a next page.
        limit: the most rows of a page.
    """
    shown = rows[:limit]
    return shown, shown[-1] if len(rows) > limit else None


def parts_of(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The values of a cursor, each of its kind; None: the list begins.

    Raises:
        Malformed: it is no cursor of such a list.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return tuple(_part(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise Malformed("after", _EXPECTED) from error


def _part(part: object, kind: type) -> object:
    """One value of a cursor.

    Raises:
        ValueError: it is of another kind, or PostgreSQL cannot hold it.
    """
    if kind is datetime and isinstance(part, str):
        part = datetime.fromisoformat(part)
        if part.tzinfo is None:
            raise ValueError("an instant without a zone")
    is_held = not isinstance(part, str) or "\0" not in part.encode().decode()
    if isinstance(part, int):
        is_held = abs(part) < _NUMBER_END
    if type(part) is not kind or not is_held:
        raise ValueError(f"no {kind.__name__}")
    return part
