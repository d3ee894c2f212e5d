"""The cut: the instant before which rows of operations and rounds left for archives.

Tables read: ``archived_row_months``, ``archived_keys``. A query of rows from the cut on sees all
of them; one of earlier rows sees what is left, so whoever asks for figures of that time reads
something else, or is refused here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.clock import iso
from vocabulary.errors import NotAllowed
from vocabulary.plurals import counted

#: Most names that a refusal lists.
NAMED_MAX = 5
_CUT = "SELECT max(at) FROM archived_row_months"
_ARCHIVES = """
SELECT a.archive_id FROM unnest(archived_days(:hash)) AS d (day)
  JOIN archives a ON a.month = date_trunc('month', DATE '1970-01-01' + d.day)::date
 GROUP BY a.archive_id ORDER BY a.archive_id
"""
_AWAY = """
SELECT q.kind, q.name
  FROM unnest(CAST(:kinds AS text[]), CAST(:names AS text[]), CAST(:keys AS bigint[]))
       WITH ORDINALITY AS q (kind, name, match_key, place)
 WHERE (SELECT EXISTS (SELECT FROM archived_keys))
   AND CASE q.kind WHEN 'round' THEN is_round_away(:provider, q.name, q.match_key)
            ELSE is_operation_away(:provider, q.name) END
 ORDER BY q.place
"""
_OPERATION_HASH = "SELECT operation_hash(:provider, :key)"


class RowsAreAway(NotAllowed):
    """What was asked for needs rows that left the database for an archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowName:
    """The name of an operation or a round of a provider.

    Attributes:
        kind: ``operation`` or ``round``.
        name: the operation's key, or the round's id.
        match_key: of the round; 0 for an operation.
    """

    kind: str
    name: str
    match_key: int = 0


def rows_begin_at(connection: Connection) -> datetime | None:
    """The first instant from which on all rows are there; None: no row left."""
    cut: datetime | None = connection.execute(text(_CUT)).scalar_one()
    return cut


def require_rows_since(connection: Connection, instant: datetime, subject: str) -> None:
    """Check that all rows from an instant on are in the database.

    Args:
        connection: of the books.
        instant: the first one that is needed.
        subject: what needs them, as the beginning of a sentence.

    Raises:
        RowsAreAway: some left for archives; the message says from when on all are there.
    """
    cut = rows_begin_at(connection)
    if cut is not None and instant < cut:
        raise RowsAreAway(cut_sentence(cut, subject))


def cut_sentence(cut: datetime, subject: str) -> str:
    """Why something that begins before the cut cannot be read, and what to do."""
    return (
        f"{subject}: the operations and rounds of the months before {iso(cut)} left the database"
        f" for archives. Begin at {iso(cut)} or later; `tieout archive recall` brings single"
        " operations and rounds back, and signed days keep their figures"
    )


def away_names(connection: Connection, provider: str, names: Sequence[RowName]) -> list[RowName]:
    """Those of the names whose rows left and did not come back, in the order given."""
    params = {
        "provider": provider,
        "kinds": [name.kind for name in names],
        "names": [name.name for name in names],
        "keys": [name.match_key for name in names],
    }
    away = {(row.kind, row.name) for row in connection.execute(text(_AWAY), params)}
    return [name for name in names if (name.kind, name.name) in away]


def require_names(
    connection: Connection, provider: str, names: Sequence[RowName], subject: str
) -> None:
    """Check that the rows of operations and rounds are in the database, if there are any.

    Raises:
        RowsAreAway: names the first that are away, with the command that brings them back.
    """
    away = away_names(connection, provider, names)
    if away:
        commands = [recall_command(provider, name) for name in away[:NAMED_MAX]]
        raise RowsAreAway(
            f"{subject}: {counted(len(away), 'name')} of {provider} left the database for an"
            f" archive. Recall what is needed, and try again: {'; '.join(commands)}"
        )


def recall_command(provider: str, name: RowName) -> str:
    """The command that brings the rows of a name back."""
    return f"`tieout archive recall --provider {provider} --{name.kind} {name.name}`"


def archives_of_operation(connection: Connection, provider: str, key: str) -> list[str]:
    """The archives that have the rows of an operation that is away; empty: it is not."""
    name = RowName(kind="operation", name=key)
    if not away_names(connection, provider, [name]):
        return []
    hashed = connection.execute(
        text(_OPERATION_HASH), {"provider": provider, "key": key}
    ).scalar_one()
    return _archives(connection, hashed)


def archives_of_round(
    connection: Connection, provider: str, round_id: str, match_key: int
) -> list[str]:
    """The archives that have the rows of a round that is away; empty: it is not."""
    name = RowName(kind="round", name=round_id, match_key=match_key)
    return _archives(connection, match_key) if away_names(connection, provider, [name]) else []


def _archives(connection: Connection, hashed: int) -> list[str]:
    return list(connection.execute(text(_ARCHIVES), {"hash": hashed}).scalars())
