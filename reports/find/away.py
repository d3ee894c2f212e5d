"""Look up what left for an archive: operations and rounds that only their hashes name here."""

from collections.abc import Sequence

from sqlalchemy import Connection

from reports.find.hits import Hit, SearchScope
from reports.find.query import FoundKind
from storage.archive.row_cut import (
    RowName,
    archives_of,
    away_sentence,
    is_position_away,
    recall_command,
    round_named,
    rows_begin_at,
)
from vocabulary.ids import transaction_position


def away_operations(connection: Connection, key: str, scope: SearchScope) -> list[Hit]:
    """Operations by the provider's id."""
    name = RowName(kind="operation", name=key)
    names = [(slug, name) for slug in scope.zones]
    return _hits(connection, FoundKind.TRANSACTION, names)


def away_rounds(connection: Connection, round_id: str, scope: SearchScope) -> list[Hit]:
    """Rounds by the provider's round id."""
    names = [(slug, round_named(slug, round_id)) for slug in scope.zones]
    return _hits(connection, FoundKind.ROUND, names)


def away_transaction(connection: Connection, id_: str) -> list[Hit]:
    """The operation with our id; an archive knows it by the provider's."""
    position = transaction_position(id_)
    if not is_position_away(connection, position.wallet_id, position.wallet_seq):
        return []
    words = (
        f"the operation {id_} left the database for an archive; the provider's id of it, or of"
        " its round, brings it back: see `tieout archive recall`"
    )
    hit = Hit(kind=FoundKind.TRANSACTION, id=id_, provider=None, summary=words, facts={})
    return [hit]


def _hits(
    connection: Connection, kind: FoundKind, names: Sequence[tuple[str, RowName]]
) -> list[Hit]:
    """What left; books of which nothing did ask once."""
    if rows_begin_at(connection) is None:
        return []
    away = [
        (provider, name, archives)
        for provider, name in names
        if (archives := archives_of(connection, provider, name))
    ]
    return [
        Hit(
            kind=kind,
            id=name.name,
            provider=provider,
            summary=away_sentence(provider, name, archives),
            facts={"archive": ", ".join(archives)},
            next=(recall_command(provider, name).strip("`"),),
        )
        for provider, name, archives in away
    ]
