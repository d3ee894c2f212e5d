"""Replay: rebuild the books from the stored bytes and compare them row by row.

Replay decides every wallet's chain again, in the chain's order: verify, parse, decide, respond,
with the dialects of today. It compares the result with the stored rows (key, kind, decision,
amounts, balances, fingerprints, reply bytes) and, at the end of a chain, with the wallet. Then
it checks every delivery. Ranges of wallets and of deliveries may run beside each other. Each
process holds one range of wallets and one chunk of rows in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection, Engine

from ledger.proof_options import ProofOptions
from ledger.replay.archived_bytes import copied_archives
from ledger.replay.part import PartTask, decode_result, replay_part, run_part
from ledger.replay.reader import Reader
from ledger.replay.report import ProviderDecoders, ReplayResult, ReplayWindow
from storage.engine import url_of
from storage.transactions import shared_snapshot
from vocabulary.executors import Executor, InProcess

#: Called with the number of rows; returns the function that counts rows as done.
Announce = Callable[[int], Callable[[int], None]]

_DEFAULTS = ProofOptions()


def replay(
    engine: Engine,
    decoders: ProviderDecoders,
    *,
    window: ReplayWindow | None = None,
    announce: Announce,
    options: ProofOptions = _DEFAULTS,
) -> ReplayResult:
    """Replay a window of the books on one snapshot.

    Raises:
        Unavailable: the database, the workers, or an archive with bytes of the window, are out
            of reach.
        Contradiction: an archive does not have the bytes that left the database.
    """
    replayed_window = window or ReplayWindow()
    with shared_snapshot(engine, "replay") as (connection, name):
        reader = Reader(connection, replayed_window)
        rows = reader.count()
        executor = options.executor_for(rows)
        base = PartTask(
            number=0,
            step="wallets",
            first=0,
            last=0,
            window=replayed_window,
            decoders=decoders,
            database_url=url_of(engine),
            snapshot=name,
            archived=None,
            copies_archives=not executor.shares_disk,
        )
        progress = announce(rows)
        if base.copies_archives:
            tasks = _tasks(base, reader, options.parts)
            return _total(_results(connection, tasks, executor, progress))
        with copied_archives(connection, replayed_window) as archived:
            tasks = _tasks(replace(base, archived=archived), reader, options.parts)
            return _total(_results(connection, tasks, executor, progress))


def _tasks(base: PartTask, reader: Reader, parts: int | None) -> list[PartTask]:
    wallets = [
        replace(base, step="wallets", first=first, last=last)
        for first, last in reader.ranges(parts)
    ]
    deliveries = [
        replace(base, step="deliveries", first=first, last=last)
        for first, last in reader.delivery_ranges(parts)
    ]
    return [replace(task, number=number) for number, task in enumerate([*wallets, *deliveries])]


def _results(
    connection: Connection,
    tasks: Sequence[PartTask],
    executor: Executor,
    progress: Callable[[int], None],
) -> Iterator[tuple[PartTask, ReplayResult]]:
    """Every task with its result, as they end; in this process over the open connection."""
    if isinstance(executor, InProcess):
        for task in tasks:
            yield task, replay_part(connection, task, progress)
        return
    for task, encoded in executor.run(run_part, tasks):
        result = decode_result(encoded)
        progress(result.operations + result.deliveries)
        yield task, result


def _total(results: Iterator[tuple[PartTask, ReplayResult]]) -> ReplayResult:
    """The sum of all results, in the order of the parts."""
    total = ReplayResult()
    for _, result in sorted(results, key=lambda ended: ended[0].number):
        total.add(result)
    return total
