"""Archived rows as they were when they left the database: their bytes a digest. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from storage.archive.digests import digest_of_bytes
from storage.archive.table_rows import as_json

#: A row of an archive by its columns.
ArchivedRow = Mapping[str, Any]
#: By wallet and position, what the sweep of an operation moved, in minor units.
Sweeps = Mapping[tuple[int, int], int]


def as_it_left(row: ArchivedRow, sweeps: Sweeps) -> dict[str, Any]:
    """An operation's columns as JSON that PostgreSQL reads as a row of ``operations``."""
    left = {
        **row,
        "headers": "",
        "body": digest_of_bytes(row["headers"], row["body"]),
        "swept": sweeps.get((row["wallet_id"], row["wallet_seq"])),
    }
    return {column: as_json(value) for column, value in left.items()}


def sweeps_of(entries: Iterable[ArchivedRow], *, leg: int) -> dict[tuple[int, int], int]:
    """What sweeps moved: the amounts of the entries with a leg."""
    return {
        (entry["wallet_id"], entry["wallet_seq"]): entry["amount"]
        for entry in entries
        if entry["leg"] == leg
    }
