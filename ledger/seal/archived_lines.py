"""Put archived bytes back into the lines of a sealed day, where the books have only digests."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from sqlalchemy import Connection

from storage.archive.archives import Archive, list_archives
from storage.archive.rows import archived_rows

#: A line of a day with the key it is sorted by.
KeyedLine = tuple[tuple[int, ...], str, bytes]

_DIGEST = re.compile(rb'"headers":"","body":"\\\\x00[0-9a-f]{32}"')
_Key = tuple[int, ...]


def _operation_key(batch: int, wallet: int, seq: int) -> _Key:
    return batch, 1, wallet, seq, 0


def _delivery_key(batch: int, delivery: int) -> _Key:
    return batch, 2, delivery


#: By name of a line: the table, its columns that make the key, and the key.
_SOURCES: Mapping[str, tuple[str, tuple[str, ...], Callable[..., _Key]]] = {
    "operation": ("operations", ("batch_id", "wallet_id", "wallet_seq"), _operation_key),
    "delivery": ("deliveries", ("batch_id", "delivery_id"), _delivery_key),
}


def with_archived_bytes(
    connection: Connection, day: date, name: str, lines: Iterator[KeyedLine]
) -> Iterator[KeyedLine]:
    """The lines of one name as they were sealed.

    The archive has the rows in the same order, so both are read once. Where it has no such row
    the line keeps the digest, and then the day no longer gives its seal.

    Raises:
        Unavailable: the archive is out of reach.
    """
    if name not in _SOURCES:
        yield from lines
        return
    archived: Iterator[tuple[_Key, str, bytes]] | None = None
    current: tuple[_Key, str, bytes] | None = None
    for key, line_name, line in lines:
        if _DIGEST.search(line) is None:
            yield key, line_name, line
            continue
        if archived is None:
            archived = _archived(connection, day, name)
            current = next(archived, None)
        while current is not None and current[0] < key:
            current = next(archived, None)
        if current is not None and current[0] == key:
            yield key, line_name, _whole(line, current[1], current[2])
        else:
            yield key, line_name, line


def _archived(
    connection: Connection, day: date, name: str
) -> Iterator[tuple[_Key, str, bytes]]:
    """The keys, headers and bytes of the day's rows in its archive."""
    archive = _archive_of(connection, day)
    if archive is None:
        return
    table, columns, key_of = _SOURCES[name]
    for row in archived_rows(archive, table, [*columns, "headers", "body"], day=day):
        *key, headers, body = row
        yield key_of(*key), headers, body


def _archive_of(connection: Connection, day: date) -> Archive | None:
    month = day.replace(day=1)
    archives = (archive for archive in list_archives(connection) if archive.month == month)
    return next(archives, None)


def _whole(line: bytes, headers: str, body: bytes) -> bytes:
    printed = json.dumps(headers, ensure_ascii=False)
    fields = f'"headers":{printed},"body":"\\\\x{body.hex()}"'.encode()
    return _DIGEST.sub(lambda _match: fields, line, count=1)
