"""Complete the start of an id of ours to the one id that begins with it."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from reports.find.query import PREFIX_CHARS_MIN, FoundKind, own_id
from vocabulary.errors import Malformed, Unavailable

#: The most candidates that an ambiguous start lists.
_LISTED_MAX = 10
_QUERY = "SELECT {id} FROM {table} WHERE {id} >= :start AND {id} < :beyond ORDER BY 1 LIMIT :n"
_COLUMNS: Mapping[FoundKind, tuple[str, str]] = {
    FoundKind.BREAK: ("breaks", "break_id"),
    FoundKind.RUN: ("runs", "run_id"),
    FoundKind.ADJUSTMENT: ("adjustments", "id"),
    FoundKind.FINDING: ("feed_findings", "finding_id"),
    FoundKind.INVOICE: ("invoices", "invoice_id"),
}


class ShortIdKind(StrEnum):
    """What can be named by the start of its id."""

    BREAK = FoundKind.BREAK.value
    RUN = FoundKind.RUN.value
    ADJUSTMENT = FoundKind.ADJUSTMENT.value
    FINDING = FoundKind.FINDING.value
    INVOICE = FoundKind.INVOICE.value


def complete_id(engine: Engine, kind: ShortIdKind, start: str) -> str:
    """The only id that begins so, or the text itself if none does.

    Raises:
        Malformed: several do; lists them.
        Unavailable: the database is out of reach.
    """
    candidate = own_id(FoundKind(kind), start.strip())
    if candidate is None:
        return start
    table, column = _COLUMNS[candidate.kind]
    query = _QUERY.format(id=column, table=table)
    params = {"start": candidate.text, "beyond": candidate.end, "n": _LISTED_MAX + 1}
    try:
        with engine.connect() as connection:
            ids = [str(row[0]) for row in connection.execute(text(query), params)]
    except OperationalError as error:
        raise Unavailable("the database is out of reach") from error
    return only_id(start, candidate.text, ids)


def only_id(start: str, text_: str, ids: list[str]) -> str:
    """The id that a start means among those that begin with it; the start if none does.

    Raises:
        Malformed: several begin so; lists them.
    """
    if text_ in ids:
        return text_
    if len(ids) > 1:
        listed = ", ".join(ids[:_LISTED_MAX])
        more = " and more" if len(ids) > _LISTED_MAX else ""
        raise Malformed(start, f"an id is expected; several begin so: {listed}{more}")
    return ids[0] if ids else start


def short_id(name: str, names: list[str]) -> str:
    """The shortest start of an id that no other of these has, at least eight digits long."""
    shortest = name.index("-") + 1 + max(8, PREFIX_CHARS_MIN)
    for length in range(shortest, len(name)):
        if sum(other.startswith(name[:length]) for other in names) <= 1:
            return name[:length]
    return name
