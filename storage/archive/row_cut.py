"""The cut: the instant before which rows of operations and rounds left for archives.

Tables read: ``archived_row_months``, ``archived_keys``. A query of rows from the cut on sees
all of them, whether by receipt or by posting; one of earlier rows sees what is left, so whoever
asks for figures of that time reads something else, or is refused here.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from vocabulary.clock import iso
from vocabulary.errors import NotAllowed
from vocabulary.ids import RowKind, match_key
from vocabulary.plurals import counted

#: Most names that a refusal lists.
NAMED_MAX = 5
_CUT = "SELECT at FROM archived_row_months ORDER BY month DESC LIMIT 1"
_ARCHIVES = """
SELECT a.archive_id
  FROM unnest(archived_days(CASE CAST(:kind AS text)
                            WHEN 'round' THEN CAST(:match_key AS bigint)
                            ELSE operation_hash(:provider, :name) END)) AS d (day)
  JOIN archives a ON a.month = date_trunc('month', DATE '1970-01-01' + d.day)::date
 GROUP BY a.archive_id ORDER BY a.archive_id
"""
_POSITION_AWAY = """
SELECT EXISTS (SELECT FROM archived_row_months)
   AND EXISTS (SELECT FROM wallets WHERE wallet_id = :wallet AND seq >= :seq AND :seq > 0)
   AND NOT EXISTS (SELECT FROM operations WHERE wallet_id = :wallet AND wallet_seq = :seq)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RowName:
    """The name of an operation or a round of a provider.

    Attributes:
        name: the operation's key, or the round's id.
        match_key: of the round; 0 for an operation.
    """

    kind: RowKind
    name: str
    match_key: int = 0


class RowsAreAway(NotAllowed):
    """What was asked for needs rows that left the database for an archive.

    Attributes:
        provider: whose names they are; empty: rows of a time are away.
        names: what would have to be recalled.
    """

    def __init__(
        self, message: str, *, provider: str = "", names: Sequence[RowName] = ()
    ) -> None:
        super().__init__(message)
        self.provider = provider
        self.names = tuple(names)


def round_named(provider: str, round_id: str) -> RowName:
    """The name of a round."""
    return RowName(kind=RowKind.ROUND, name=round_id, match_key=match_key(provider, round_id))


def rows_begin_at(connection: Connection) -> datetime | None:
    """The first instant from which on all rows are there; None: no row left."""
    cut: datetime | None = connection.execute(text(_CUT)).scalar_one_or_none()
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
        f"{subject}: the operations and rounds of the months before {iso(cut)} left the"
        f" database for archives. Begin at {iso(cut)} or later; `tieout archive recall` brings"
        " single operations and rounds back, and signed days keep their figures"
    )


def away_names(
    connection: Connection, provider: str, names: Sequence[RowName]
) -> list[RowName]:
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
    if away := away_names(connection, provider, names):
        raise names_away(provider, away, subject)


def names_away(provider: str, names: Sequence[RowName], subject: str) -> RowsAreAway:
    """The refusal of what names operations or rounds that are away."""
    commands = "; ".join(recall_command(provider, name) for name in names[:NAMED_MAX])
    return RowsAreAway(
        f"{subject} {counted(len(names), 'operation or round', 'operations or rounds')}"
        f" of {provider} that left for an archive. Recall them, and try again: {commands}",
        provider=provider,
        names=names,
    )


def recall_command(provider: str, name: RowName) -> str:
    """The command that brings the rows of a name back."""
    return f"`tieout archive recall --provider {provider} --{name.kind} {name.name}`"


def archives_of(connection: Connection, provider: str, name: RowName) -> list[str]:
    """The archives that have the rows of a name that is away; empty: it is not."""
    if not away_names(connection, provider, [name]):
        return []
    params = {"provider": provider, **asdict(name)}
    return list(connection.execute(text(_ARCHIVES), params).scalars())


def away_sentence(provider: str, name: RowName, archives: Sequence[str]) -> str:
    """Where the rows of a name are, and how they come back."""
    return (
        f"the {name.kind} {name.name} of {provider} left the database for"
        f" {' and '.join(archives)}; {recall_command(provider, name)} brings it back"
    )


def is_position_away(connection: Connection, wallet_id: int, wallet_seq: int) -> bool:
    """Whether the operation at a position of a chain left for an archive."""
    params = {"wallet": wallet_id, "seq": wallet_seq}
    return bool(connection.execute(text(_POSITION_AWAY), params).scalar_one())
