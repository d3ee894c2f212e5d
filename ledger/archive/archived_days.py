"""Rows of operations as the files of archived days have them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from ledger.archive.recalled_rows import ArchivedRow, Sweeps, sweeps_of
from ledger.posting.rules import SWEEP_GGR_LEG
from storage.archive.archives import Archive, list_archives
from storage.archive.rows import ArchiveUnreadable, answered_rows, rows_request
from storage.archive.rows_request import RowsRequest
from storage.archive.table_rows import stored_columns
from vocabulary.errors import Contradiction

_ENTRY_COLUMNS = ("wallet_id", "wallet_seq", "leg", "amount")


class ArchivedDays:
    """Reads the files of archived days, each after a comparison with its hash.

    What could not be read is not tried again, so that an object store that does not answer is
    waited for once.

    Args:
        connection: of the books, for the archives and the columns of operations.

    Every method raises ArchiveUnreadable if an archive is out of reach or damaged, and
    Contradiction if no archive has a day.
    """

    def __init__(self, connection: Connection) -> None:
        self._archives = {archive.month: archive for archive in list_archives(connection)}
        self._columns = stored_columns(connection, "operations")
        self._unreadable: list[ArchiveUnreadable] = []

    def operations_named(
        self, op_keys: Mapping[date, Sequence[str]]
    ) -> Iterator[tuple[date, ArchivedRow]]:
        """The operations with these keys, of any provider, with their rounds, by day."""
        columns = ("provider", "op_key", "match_key", "round_id")
        requests = [
            self._request(day, "operations", columns, "op_key", keys)
            for day, keys in op_keys.items()
        ]
        return ((day, row) for _, day, row in self._answers(requests))

    def operations_in_rounds(
        self, match_keys: Mapping[date, Sequence[int]]
    ) -> tuple[list[tuple[date, ArchivedRow]], Sweeps]:
        """The operations of rounds by day, every column, and what their sweeps moved."""
        requests = [
            self._request(day, table, columns, "match_key", keys)
            for day, keys in match_keys.items()
            for table, columns in (("operations", self._columns), ("entries", _ENTRY_COLUMNS))
        ]
        operations: list[tuple[date, ArchivedRow]] = []
        entries: list[ArchivedRow] = []
        for table, day, row in self._answers(requests):
            if table == "operations":
                operations.append((day, row))
            else:
                entries.append(row)
        return operations, sweeps_of(entries, leg=SWEEP_GGR_LEG)

    def _request(
        self,
        day: date,
        table: str,
        columns: Sequence[str],
        key: str,
        values: Sequence[int] | Sequence[str],
    ) -> RowsRequest:
        return rows_request(
            self._archive(day), table, columns, day=day, key=key, values=values, checked=True
        )

    def _archive(self, day: date) -> Archive:
        try:
            return self._archives[day.replace(day=1)]
        except KeyError:
            raise Contradiction(
                f"{day}: rows of this day left, and no archive has it"
            ) from None

    def _answers(
        self, requests: Sequence[RowsRequest]
    ) -> Iterator[tuple[str, date, ArchivedRow]]:
        """Rows by their columns, each with its table and day."""
        for error in self._unreadable:
            if any(error.concerns(request) for request in requests):
                raise error
        try:
            for request, row in answered_rows(requests):
                assert request.day is not None
                yield request.table, request.day, dict(zip(request.columns, row, strict=True))
        except ArchiveUnreadable as error:
            self._unreadable.append(error)
            raise
