"""Look up what left for an archive: operations, rounds and records that hashes name here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from reports.find.hits import Hit, SearchScope
from reports.find.lookup import at
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
from storage.archive.rows import answered_rows
from storage.archive.supplements import (
    archives_of_record,
    list_supplements,
    supplement_request,
)
from vocabulary.errors import TieoutError
from vocabulary.ids import RowKind, transaction_position

_RECORD = (
    *("provider", "record_id", "occurrence", "round_id", "handle", "currency", "stake"),
    *("payout", "rolled_back", "created_at", "received_at", "source"),
)


def away_operations(connection: Connection, key: str, scope: SearchScope) -> list[Hit]:
    """Operations by the provider's id."""
    name = RowName(kind=RowKind.OPERATION, name=key)
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


def away_records(connection: Connection, record_id: str, scope: SearchScope) -> list[Hit]:
    """Records by the provider's id, as the supplement of their archive has them."""
    if rows_begin_at(connection) is None:
        return []
    return [
        hit
        for provider in scope.zones
        if (archives := archives_of_record(connection, provider, record_id))
        for hit in _archived_record(connection, provider, record_id, archives, scope)
    ]


def _archived_record(
    connection: Connection,
    provider: str,
    record_id: str,
    archives: Sequence[str],
    scope: SearchScope,
) -> Iterator[Hit]:
    """A record in each of its occurrences; only its archive, if that is out of reach."""
    place = ", ".join(archives)
    try:
        rows = _archived_rows(connection, provider, record_id, archives)
    except TieoutError as error:
        summary = f"record of {provider} in {place}, which cannot be read: {error}"
        facts = {"archive": place}
        yield Hit(
            kind=FoundKind.RECORD, id=record_id, provider=provider, summary=summary, facts=facts
        )
        return
    for row in rows:
        stake, payout = (
            scope.money(row[name], row["currency"], provider) for name in ("stake", "payout")
        )
        undone = ", rolled back" if row["rolled_back"] else ""
        yield Hit(
            kind=FoundKind.RECORD,
            id=record_id,
            provider=provider,
            summary=f"record of {provider}, in {place}: stake {stake}, payout {payout}{undone}",
            facts={
                "archive": place,
                "round": row["round_id"],
                "handle": row["handle"],
                "created": at(row["created_at"]) or "",
                "received": f"{at(row['received_at'])} by {row['source']}",
            },
            next=(f"tieout find round {row['round_id']}",),
        )


def _archived_rows(
    connection: Connection, provider: str, record_id: str, archives: Sequence[str]
) -> list[Mapping[str, Any]]:
    """The rows of a record in the supplements of archives.

    Raises:
        TieoutError: a supplement is out of reach or has changed.
    """
    requests = [
        supplement_request(
            supplement, "feed_records", _RECORD, key="record_id", values=[record_id]
        )
        for archive in archives
        for supplement in list_supplements(connection, archive)
    ]
    rows = (dict(zip(_RECORD, row, strict=True)) for _, row in answered_rows(requests))
    return newest_occurrences(row for row in rows if row["provider"] == provider)


def newest_occurrences(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Each occurrence of a record as it left last: one that came back may have changed."""
    newest: dict[int, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["received_at"]):
        newest[row["occurrence"]] = row
    return [newest[occurrence] for occurrence in sorted(newest)]


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
