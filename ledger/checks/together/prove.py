"""Prove many promises of the books in one reading; say which of them hold, and over how much.

What is said to hold holds; of the rest nothing is said. Books that would take too much memory
are read in several passes, each over a range of wallets; very large ones are left to the single
checks, for which PostgreSQL sorts on its disk.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, Engine, text

from ledger.checks.check import WalletScope
from ledger.checks.together import codes
from ledger.checks.together.books import Batches, read_batches
from ledger.checks.together.chains import batches_are_whole
from ledger.checks.together.columns import BlockReader, Integers
from ledger.checks.together.passes import UNPROVEN, ProvenPass, prove_pass
from ledger.proofs.wallet_ranges import ALL_WALLETS, WalletRange, ranges_by_count
from storage.transactions import joined_snapshot

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
SELECT greatest(sum(w.seq) - (SELECT coalesce(sum(p.wallet_seq), 0) FROM {month_end} p), 0)
  FROM {wallets} w
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSizes:
    """How much is read at a time.

    Attributes:
        block_pages: pages of a table; 4096 of them are 32 MiB of rows.
        pass_operations: operations of a pass, of which each takes about 400 bytes here.
        passes: the most passes, each of which reads through the tables.
    """

    block_pages: int = 4096
    pass_operations: int = 1_000_000
    passes: int = 16


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
    ranges = _ranges(connection, scope, sizes)
    lists = codes.Lists(_numbered(connection, _PROVIDERS), _numbered(connection, _CURRENCIES))
    if not ranges or not lists.fit:
        return NOTHING
    anything_left = bool(connection.execute(text(_ANYTHING_LEFT)).scalar_one())
    try:
        batches = read_batches(readers[0], scope)
        passes = [
            prove_pass(readers, part, lists, batches, anything_left=anything_left)
            for part in _scopes(scope, ranges)
        ]
    except UNPROVEN:
        return NOTHING
    return _merged(passes, batches, is_whole=scope.month_end is None)


def _ranges(
    connection: Connection, scope: WalletScope, sizes: ReadSizes
) -> Sequence[WalletRange]:
    """The ranges of wallets of each pass; none: they would be too many."""
    expected = connection.execute(text(scope.render(_EXPECTED)), scope.parameters).scalar_one()
    passes = max(1, -(-int(expected or 0) // sizes.pass_operations))
    if passes > sizes.passes:
        return ()
    return (ALL_WALLETS,) if passes == 1 else ranges_by_count(connection, passes)


def _scopes(scope: WalletScope, ranges: Sequence[WalletRange]) -> Sequence[WalletScope]:
    return [scope] if len(ranges) == 1 else [scope.within(wallets) for wallets in ranges]


def _merged(passes: Sequence[ProvenPass], batches: Batches, *, is_whole: bool) -> Proven:
    """What holds of every pass."""
    names = set.intersection(*(set(part.counts) for part in passes))
    counts = {
        name: np.concatenate([part.counts[name] for part in passes]) for name in sorted(names)
    }
    batch_counts: Integers = np.sum([part.batch_counts for part in passes], axis=0)
    totals = {}
    if is_whole and batches_are_whole(batches, batch_counts):
        totals["batches_are_whole"] = len(batches.ids)
    return Proven(np.concatenate([part.wallet_ids for part in passes]), counts, totals)


def _numbered(connection: Connection, query: str) -> codes.NumberedTexts:
    rows = connection.execute(text(query)).all()
    return codes.NumberedTexts.of({row[0]: row[1] for row in rows})
