"""Read tables block by block, over one connection or several, each by a thread of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ledger.checks.check import WalletScope
from ledger.checks.together.columns import Block, BlockReader
from vocabulary.pacing import pause_point


@dataclass(frozen=True, slots=True)
class TableRead:
    """A table to read in blocks, and what takes them."""

    table: str
    query: str
    take: Callable[[Block], None]
    texts: bool = False


def read_all(
    readers: Sequence[BlockReader], scope: WalletScope, reads: Sequence[TableRead]
) -> None:
    """Read the blocks of some tables, over as many connections as there are."""
    waiting: SimpleQueue[tuple[TableRead, dict[str, Any]]] = SimpleQueue()
    for read in reads:
        for rows in readers[0].page_ranges(read.table):
            waiting.put((read, {**scope.parameters, **rows}))

    def work(reader: BlockReader) -> None:
        while True:
            try:
                read, parameters = waiting.get_nowait()
            except Empty:
                return
            pause_point()
            read.take(reader.block(read.query, parameters, texts=read.texts))

    if len(readers) == 1:
        work(readers[0])
        return
    with ThreadPoolExecutor(len(readers)) as pool:
        for future in [pool.submit(work, reader) for reader in readers]:
            future.result()
