"""Replay: rebuild the books from the stored bytes and compare them row by row.

Replay decides every wallet's chain again, in the chain's order: verify, parse, decide, respond,
with the dialects of today. It compares the result with the stored rows (key, kind, decision,
amounts, balances, fingerprints, reply bytes) and, at the end of a chain, with the wallet. Then
it checks every delivery. Ranges of wallets and of deliveries may run beside each other. Each
process holds one range of wallets and one chunk of rows in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from ledger.proofs.options import DECIDED_PER_PART, ProofOptions
from ledger.proofs.resumption import Resumption
from ledger.proofs.wallet_ranges import WalletRange
from ledger.replay.archived_bytes import copied_archives
from ledger.replay.beginnings import window_from_month_end
from ledger.replay.part import ReplayTask, decode_result, encode_result, replay_part, run_part
from ledger.replay.reader import RANGE_OPERATIONS, Reader
from ledger.replay.report import ProviderDecoders, ReplayResult, ReplayWindow
from storage.engine import url_of
from storage.transactions import shared_snapshot
from vocabulary.executors import Executor, InProcess, Pool

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

    Once rows left for archives, chains begin at the newest month end.

    Raises:
        RowsAreAway: the window begins before it.
        Unavailable: the database, the workers, or an archive with bytes of the window, are out
            of reach.
        Contradiction: an archive does not have the bytes that left the database.
    """
    with shared_snapshot(engine, "replay") as (connection, name):
        replayed_window = window_from_month_end(connection, window or ReplayWindow())
        reader = Reader(connection, replayed_window)
        rows = reader.count()
        executor = options.executor_for(rows, per_part=DECIDED_PER_PART)
        parts = options.parts or _parts_for(rows, executor)
        resumption = Resumption(
            connection,
            options.progress,
            _about(replayed_window, decoders),
            partial(reader.ranges, parts),
        )
        base = ReplayTask(
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
        tasks = _tasks(base, resumption.ranges, reader.delivery_ranges(parts))
        with _archived(connection, base) as archived:
            tasks = [replace(task, archived=archived) for task in tasks]
            results = _results(connection, tasks, executor, resumption, announce(rows))
            total = _total(results)
        resumption.end()
    return total


def _parts_for(rows: int, executor: Executor) -> int | None:
    """As many parts as let every process of a pool end with the others; None: by their size."""
    if not isinstance(executor, Pool):
        return None
    by_size = -(-rows // RANGE_OPERATIONS)
    return -(-by_size // executor.workers) * executor.workers


def _about(window: ReplayWindow, decoders: ProviderDecoders) -> dict[str, str]:
    """What a replay is about; a provider's secrets do not show."""
    providers = sorted(
        f"{slug} {decoder.dialect.name} {decoder.provider} {decoder.policy}"
        for slug, decoder in decoders.providers.items()
    )
    return {"proof": "replay", "window": str(window), "providers": "; ".join(providers)}


def _archived(connection: Connection, base: ReplayTask) -> AbstractContextManager[Path | None]:
    """The file with archived bytes that the workers read, if they can."""
    return nullcontext() if base.copies_archives else copied_archives(connection, base.window)


def _tasks(
    base: ReplayTask, ranges: Sequence[WalletRange], delivery_ranges: Sequence[tuple[int, int]]
) -> list[ReplayTask]:
    wallets = [replace(base, step="wallets", first=first, last=last) for first, last in ranges]
    deliveries = [
        replace(base, step="deliveries", first=first, last=last)
        for first, last in delivery_ranges
    ]
    return [replace(task, number=number) for number, task in enumerate([*wallets, *deliveries])]


def _results(
    connection: Connection,
    tasks: Sequence[ReplayTask],
    executor: Executor,
    resumption: Resumption,
    progress: Callable[[int], None],
) -> Iterator[tuple[ReplayTask, ReplayResult]]:
    """Every task with its result, as they end; in this process over the open connection."""
    in_process = isinstance(executor, InProcess)
    run = partial(executor.run, run_part)
    if in_process:
        run = partial(_one_by_one, connection, progress)
    for part in resumption.results(tasks, run, is_finished=_is_proven):
        result = decode_result(part.result)
        if part.is_resumed or not in_process:
            progress(result.operations + result.deliveries)
        yield part.task, result


def _one_by_one(
    connection: Connection, progress: Callable[[int], None], tasks: Iterable[ReplayTask]
) -> Iterator[tuple[ReplayTask, bytes]]:
    """Replay parts in this process; each counts its rows as it goes."""
    for task in tasks:
        yield task, encode_result(replay_part(connection, task, progress))


def _is_proven(encoded: bytes) -> bool:
    return decode_result(encoded).is_proven


def _total(results: Iterator[tuple[ReplayTask, ReplayResult]]) -> ReplayResult:
    """The sum of all results, in the order of the parts."""
    total = ReplayResult()
    for _, result in sorted(results, key=lambda ended: ended[0].number):
        total.add(result)
    return total
