"""Import of a statement file whose bytes are kept first, whatever becomes of reading them.

The bytes are stored in a transaction of their own before anything reads them, with the finding
that the import has not ended. The import is a second transaction, which resolves that finding;
a process that dies in between leaves the file and the finding.
"""

from psycopg import DataError as PsycopgDataError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError

from feeds.finding_kinds import FindingKind
from feeds.findings import NewFinding, add_finding, record_findings
from feeds.statements.archive import STATEMENT, ArchivedFile, copied, refuse_file
from feeds.statements.importer import (
    NO_RECORDS,
    QUARANTINED,
    ImportRequest,
    ImportResult,
    archive_copy,
    import_copy,
)
from feeds.statements.reading.reader import StatementReader


def keep_and_import(
    engine: Engine, reader: StatementReader, request: ImportRequest
) -> ImportResult:
    """Store the bytes of a statement file, then import it; repeating it changes nothing.

    Raises:
        OSError: the file cannot be read.
        Refused: a file that it is to replace does not exist; nothing is stored.
    """
    with copied(request.path) as stream:
        with engine.begin() as connection:
            archived = archive_copy(connection, reader, request, stream)
            _record_start(connection, reader, request, archived.digest)
        try:
            with engine.begin() as connection:
                return import_copy(connection, reader, request, stream, archived)
        except (DataError, PsycopgDataError) as error:
            # A value that no reader refused and that PostgreSQL cannot store.
            with engine.begin() as connection:
                return _refused_by_database(connection, reader, request, archived, error)


def _record_start(
    connection: Connection, reader: StatementReader, request: ImportRequest, digest: bytes
) -> None:
    """Record that the import has not ended, which its own findings resolve."""
    finding = NewFinding(
        kind=FindingKind.IMPORT_UNFINISHED,
        detail="the file is kept, and its import runs or was interrupted: if it does not run,"
        " import the file again",
        file=request.name,
    )
    slug, scope = reader.provider.slug, digest.hex()
    add_finding(connection, slug, STATEMENT, scope=scope, finding=finding, now=request.now)


def _refused_by_database(
    connection: Connection,
    reader: StatementReader,
    request: ImportRequest,
    archived: ArchivedFile,
    error: Exception,
) -> ImportResult:
    """Record that PostgreSQL refused a value of the file, of which nothing is stored."""
    file_id, digest = archived
    refuse_file(connection, file_id)
    finding = NewFinding(
        kind=FindingKind.UNPARSABLE_RECORD,
        detail="the database cannot store a value of this file, so nothing of it is imported"
        f" ({type(error).__name__})",
        file=request.name,
    )
    slug, scope = reader.provider.slug, digest.hex()
    record_findings(
        connection, slug, STATEMENT, scope=scope, findings=[finding], now=request.now
    )
    return ImportResult(
        file_id=file_id,
        verdict=QUARANTINED,
        day=None,
        count=NO_RECORDS,
        findings=(finding,),
        refused=0,
        gaps=0,
        restatements=0,
        withdrawn=0,
        currencies={},
    )
