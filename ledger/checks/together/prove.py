"""Prove many promises of the books in one reading; say which of them hold, and over how much.

What is said to hold holds; of the rest nothing is said. Books that would take too much memory
are proven in several passes, each over a range of wallets, whose rows wait in temporary files.
Where no disk has room for them, each pass reads through the tables, and very large books are
left to the single checks, for which PostgreSQL sorts on its own disk.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, Engine, text

from ledger.checks.check import WalletScope
from ledger.checks.together import codes
from ledger.checks.together.books import BatchCounts, Wallets, read_batches, read_wallets
from ledger.checks.together.chains import batches_are_whole
from ledger.checks.together.columns import BlockReader, Integers
from ledger.checks.together.passes import (
    UNPROVEN,
    BookPart,
    Books,
    ProvenPass,
    pass_queries,
    prove_pass,
)
from ledger.checks.together.reading import BlockSource, TableSource
from ledger.checks.together.spool import PARTS_MAX, spooled, temporary_folder
from ledger.proofs.wallet_ranges import WalletRange, ranges_by_count
from storage.transactions import joined_snapshot
from vocabulary.pacing import pause_point

# Each reader has a server process of its own, which would take processors of the others.
_NO_PARALLEL_WORKERS = "SET LOCAL max_parallel_workers_per_gather = 0"
_PARALLEL_WORKERS = "SET LOCAL max_parallel_workers_per_gather TO DEFAULT"
# One look into an index for each slug, and none at the rows between.
_PROVIDERS = """
WITH RECURSIVE p AS (
  (SELECT provider FROM operations ORDER BY provider LIMIT 1)
  UNION ALL
  SELECT (SELECT o.provider FROM operations o WHERE o.provider > p.provider
           ORDER BY o.provider LIMIT 1) FROM p WHERE p.provider IS NOT NULL
) SELECT provider, hashtext(provider) FROM p WHERE provider IS NOT NULL
"""
_CURRENCIES = "SELECT DISTINCT currency, hashtext(currency) FROM wallets ORDER BY 1"
_ANYTHING_LEFT = "SELECT EXISTS (SELECT FROM archived_totals)"
_EXPECTED = """
SELECT greatest(sum(w.seq) - (SELECT coalesce(sum(p.wallet_seq), 0) FROM {month_end} p),
                count(*))
  FROM {wallets} w
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSizes:
    """How much is read at a time.

    Attributes:
        block_pages: pages of a table; 4096 of them are 32 MiB of rows.
        pass_operations: operations of a pass, of which each takes about 400 bytes here.
        spooled_operations: the same of passes whose rows wait: as many as there are connections
            are proven at once.
        batches: so many are read at a time.
        passes: the most passes that read through the tables.
        folder_for: where the rows of so many operations wait for their pass; None: nowhere,
            and each pass reads through the tables.
    """

    block_pages: int = 4096
    pass_operations: int = 1_000_000
    spooled_operations: int = 500_000
    batches: int = 1_000_000
    passes: int = 16
    folder_for: Callable[[int], Path | None] = temporary_folder


@dataclass(frozen=True, slots=True)
class Proven:
    """The checks whose promises hold.

    Attributes:
        wallet_ids: ascending.
        counts: by check of wallets, how many rows it covers, by wallet.
        totals: by check of all wallets, how many rows it covers.
    """

    wallet_ids: Integers
    counts: Mapping[str, Integers]
    totals: Mapping[str, int]

    def figure(self, check: str, wallets: WalletRange | None) -> int | None:
        """How many rows a check covers, in a range of wallets or in all; None: not proven."""
        if check in self.totals:
            return self.totals[check]
        if check not in self.counts:
            return None
        counts = self.counts[check]
        if wallets is None:
            return int(counts.sum())
        inside = (self.wallet_ids >= wallets.first) & (self.wallet_ids <= wallets.last)
        return int(counts[inside].sum())


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of the books, and how many of them are proven at once."""

    parts: Sequence[BookPart]
    at_once: int


#: Nothing is proven.
NOTHING = Proven(np.empty(0, dtype=np.int64), {}, {})
_SIZES = ReadSizes()


def prove(
    connection: Connection,
    engine: Engine,
    snapshot: str,
    scope: WalletScope,
    *,
    jobs: int,
    sizes: ReadSizes = _SIZES,
) -> Proven:
    """Prove what can be proven together of all wallets.

    Args:
        connection: on the snapshot.
        engine: where further connections come from.
        snapshot: its name.
        scope: all wallets, from the first position or from a month end on.
        jobs: how many connections read at once.
        sizes: how much they read at a time.

    Raises:
        Unavailable: the database is out of reach.
    """
    with ExitStack() as stack:
        joined = [
            stack.enter_context(joined_snapshot(engine, "verify", snapshot))
            for _ in range(1, jobs)
        ]
        connections = [connection, *joined]
        for reading in connections:
            reading.execute(text(_NO_PARALLEL_WORKERS))
        readers = [BlockReader(reading, sizes.block_pages) for reading in connections]
        proven = _proven(readers, connection, scope, sizes)
        connection.execute(text(_PARALLEL_WORKERS))
        return proven


def _proven(
    readers: Sequence[BlockReader],
    connection: Connection,
    scope: WalletScope,
    sizes: ReadSizes,
) -> Proven:
    lists = codes.Lists(_numbered(connection, _PROVIDERS), _numbered(connection, _CURRENCIES))
    if not lists.fit:
        return NOTHING
    anything_left = bool(connection.execute(text(_ANYTHING_LEFT)).scalar_one())
    try:
        batches = read_batches(readers[0], scope, sizes.batches)
        books = Books(
            lists=lists,
            batches=batches,
            batch_counts=BatchCounts(batches),
            is_whole=scope.month_end is None and not anything_left,
        )
        with _parts(readers, connection, scope, books, sizes) as parts:
            passes = _proven_passes(parts, books)
    except UNPROVEN:
        return NOTHING
    return _merged(passes, books, is_whole=scope.month_end is None) if passes else NOTHING


@contextmanager
def _parts(
    readers: Sequence[BlockReader],
    connection: Connection,
    scope: WalletScope,
    books: Books,
    sizes: ReadSizes,
) -> Iterator[_Parts]:
    """The wallets of each pass; none: they are too many."""
    expected = connection.execute(text(scope.render(_EXPECTED)), scope.parameters).scalar_one()
    operations = int(expected or 0)
    passes = -(-operations // sizes.pass_operations)
    folder = sizes.folder_for(operations) if passes > 1 else None
    if folder is not None:
        number = min(-(-operations // sizes.spooled_operations), PARTS_MAX)
        ranges = ranges_by_count(connection, number)
        # Wallets that cannot be shown are met here, before any row is written.
        wallets = _wallets(readers[0], [scope.within(part) for part in ranges], books)
        source = _table_source(readers, scope, books)
        with spooled(readers, source.queries, source.parameters, ranges, folder) as spools:
            yield _Parts(_book_parts(wallets, spools), at_once=len(readers))
        return
    scopes = [] if passes > sizes.passes else [scope]
    if scopes and passes > 1:
        scopes = [scope.within(part) for part in ranges_by_count(connection, passes)]
    sources = [_table_source(readers, part, books) for part in scopes]
    yield _Parts(_book_parts(_wallets(readers[0], scopes, books), sources), at_once=1)


def _table_source(
    readers: Sequence[BlockReader], scope: WalletScope, books: Books
) -> TableSource:
    return TableSource(readers, pass_queries(scope, books), scope.parameters)


def _wallets(
    reader: BlockReader, scopes: Sequence[WalletScope], books: Books
) -> Sequence[Wallets]:
    return [read_wallets(reader, scope, books.lists) for scope in scopes]


def _book_parts(
    wallets: Sequence[Wallets], sources: Sequence[BlockSource]
) -> Sequence[BookPart]:
    return [BookPart(*part) for part in zip(wallets, sources, strict=True)]


def _proven_passes(parts: _Parts, books: Books) -> Sequence[ProvenPass]:
    """What holds of each part; some are proven at once. Raises as ``prove_pass``."""

    def proven(part: BookPart) -> ProvenPass:
        pause_point()
        return prove_pass(part, books)

    with ThreadPoolExecutor(parts.at_once) as pool:
        futures = [pool.submit(proven, part) for part in parts.parts]
        try:
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()


def _merged(passes: Sequence[ProvenPass], books: Books, *, is_whole: bool) -> Proven:
    """What holds of every pass."""
    names = set.intersection(*(set(part.counts) for part in passes))
    counts = {
        name: np.concatenate([part.counts[name] for part in passes]) for name in sorted(names)
    }
    totals = {}
    if is_whole and batches_are_whole(books.batches, books.batch_counts.operations):
        totals["batches_are_whole"] = len(books.batches.ids)
    return Proven(np.concatenate([part.wallet_ids for part in passes]), counts, totals)


def _numbered(connection: Connection, query: str) -> codes.NumberedTexts:
    rows = connection.execute(text(query)).all()
    return codes.NumberedTexts.of({row[0]: row[1] for row in rows})
