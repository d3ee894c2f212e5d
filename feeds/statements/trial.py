"""A trial import of a statement file: all that an import does, and then rolled back."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg import DataError as PsycopgDataError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError

from feeds.statements.archive import STATEMENT, copied
from feeds.statements.importer import ImportRequest, ImportResult, archive_copy, import_copy
from feeds.statements.reading.reader import StatementReader
from feeds.write_order import lock_history
from vocabulary.errors import Refused

#: Days that a trial lists.
DAYS_MAX = 31
_KNOWN = """
SELECT file_id, name, verdict, received_at FROM feed_files
 WHERE provider = :provider AND feed = :feed AND digest = :digest
"""
_ORDER = "SELECT last_value FROM feed_order"
# The last version of a withdrawn record is superseded by nothing.
_REPLACED = """
SELECT count(*) FROM feed_superseded s
 WHERE provider = :provider AND superseded_no > :order
   AND NOT EXISTS (SELECT FROM feed_withdrawals w
                    WHERE w.provider = s.provider AND w.record_id = s.record_id
                      AND w.occurrence = s.occurrence AND w.event = 'withdrawn'
                      AND w.changed_no = s.superseded_no)
"""
_DAYS = """
SELECT (r.created_at AT TIME ZONE :zone)::date AS day, count(*) AS records
  FROM feed_file_records l
  JOIN feed_records r USING (record_id, occurrence)
 WHERE l.file_id = :file_id AND r.provider = :provider
 GROUP BY day ORDER BY day LIMIT :most
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """The same bytes, kept before."""

    file_id: int
    name: str
    verdict: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialImport:
    """What importing a file would do.

    Attributes:
        result: of the import; its ``file_id`` is nobody's.
        known: the same bytes, if they were kept before.
        new, changed, same: records by what would become of them.
        days: the days of its records in the provider's zone, with how many it has of each.
    """

    result: ImportResult
    known: KnownFile | None
    new: int
    changed: int
    same: int
    days: tuple[tuple[date, int], ...]


def try_import(engine: Engine, reader: StatementReader, request: ImportRequest) -> TrialImport:
    """Import a file and roll everything back.

    Writers of the provider's history wait meanwhile, as for an import.

    Raises:
        OSError: the file cannot be read.
        Refused: the database cannot store a value of it.
    """
    slug = reader.provider.slug
    with copied(request.path) as stream, engine.connect() as connection:
        transaction = connection.begin()
        try:
            lock_history(connection, slug)
            order = connection.execute(text(_ORDER)).scalar_one()
            archived = archive_copy(connection, reader, request, stream)
            same_bytes = _known(connection, slug, archived.digest, request)
            result = import_copy(connection, reader, request, stream, archived)
            params = {"provider": slug, "order": order}
            changed = connection.execute(text(_REPLACED), params).scalar_one()
            days = _days(connection, request, slug, archived.file_id)
        except (DataError, PsycopgDataError) as error:
            raise Refused("the database cannot store a value of this file") from error
        finally:
            transaction.rollback()
    stored = result.count.stored
    return TrialImport(
        result=result,
        known=same_bytes,
        new=max(stored - changed, 0),
        changed=min(changed, stored),
        same=max(result.count.received - stored, 0),
        days=days,
    )


def _known(
    connection: Connection, slug: str, digest: bytes, request: ImportRequest
) -> KnownFile | None:
    """The same bytes as they were kept before; the trial's own row has the instant of now."""
    params = {"provider": slug, "feed": STATEMENT, "digest": digest}
    row = connection.execute(text(_KNOWN), params).one()
    return None if row.received_at == request.now else KnownFile(**row._mapping)


def _days(
    connection: Connection, request: ImportRequest, slug: str, file_id: int
) -> tuple[tuple[date, int], ...]:
    params = {
        "zone": request.zone.key,
        "file_id": file_id,
        "provider": slug,
        "most": DAYS_MAX,
    }
    return tuple((row.day, row.records) for row in connection.execute(text(_DAYS), params))
