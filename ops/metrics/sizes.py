"""Sizes as metrics: the database, its tables, and the revision of its schema."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from ops.metrics.catalogue import Sample, sample
from ops.settings.model import Settings
from storage.schema_version import newest_revision, revision_in
from storage.table_sizes import database_bytes, table_bytes


def size_samples(
    connection: Connection, _settings: Settings, _now: datetime
) -> Iterator[Sample]:
    """The schema's revision and the sizes now."""
    yield sample("schema_revision", "database", value=int(revision_in(connection)))
    yield sample("schema_revision", "code", value=int(newest_revision()))
    yield sample("database_bytes", value=database_bytes(connection))
    for table, size in sorted(table_bytes(connection).items()):
        yield sample("table_bytes", table, value=size)
