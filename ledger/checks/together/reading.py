"""Read tables block by block, over one connection or several, each by a thread of its own."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeAlias

from ledger.checks.together.columns import Block, BlockQuery, BlockReader
from vocabulary.pacing import pause_point

Parameters: TypeAlias = Mapping[str, Any]
Takers: TypeAlias = Mapping[str, Callable[[Block], None]]


class BlockSource(Protocol):
    """Where the blocks of a pass come from."""

    def read(self, takers: Takers) -> None:
        """Give each block of some tables to what takes those of its table."""


@dataclass(frozen=True, slots=True)
class TableSource:
    """Blocks straight from the tables.

    Attributes:
        queries: by table.
        parameters: of all queries.
    """

    readers: Sequence[BlockReader]
    queries: Mapping[str, BlockQuery]
    parameters: Parameters

    def read(self, takers: Takers) -> None:
        """Read some tables, over as many connections as there are."""

        def take(reader: BlockReader, query: BlockQuery, parameters: Parameters) -> None:
            takers[query.table](reader.block(query, parameters))

        wanted = [self.queries[table] for table in takers]
        read_blocks(self.readers, wanted, self.parameters, take)


def read_blocks(
    readers: Sequence[BlockReader],
    queries: Sequence[BlockQuery],
    parameters: Parameters,
    take: Callable[[BlockReader, BlockQuery, Parameters], None],
) -> None:
    """Let every block of some tables be taken once, over as many connections as there are.

    Args:
        readers: connections on one snapshot.
        queries: of the tables.
        parameters: of all queries.
        take: reads a block over one of the connections, with parameters that name its rows.
            What it raises ends the work of all, each after its block.
    """
    waiting: SimpleQueue[tuple[BlockQuery, Parameters]] = SimpleQueue()
    for query in queries:
        for rows in readers[0].page_ranges(query.table):
            waiting.put((query, {**parameters, **rows}))

    def work(reader: BlockReader) -> None:
        while True:
            try:
                query, of_block = waiting.get_nowait()
            except Empty:
                return
            pause_point()
            take(reader, query, of_block)

    if len(readers) == 1:
        work(readers[0])
        return
    with ThreadPoolExecutor(len(readers)) as pool:
        futures = [pool.submit(work, reader) for reader in readers]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            _drain(waiting)
        for future in futures:
            future.result()


def _drain(queue: SimpleQueue[tuple[BlockQuery, Parameters]]) -> None:
    """Leave nothing to take."""
    with suppress(Empty):
        while True:
            queue.get_nowait()
