"""Feeds that are pulled: all of a window is in hand before anything of it is stored.

What comes in is laid aside in a file without a name, so that neither memory nor a transaction
has to wait for somebody else's server. Storing it and moving the mark is one transaction.

The mark says: everything before it is stored. It moves only where the window begins at or
before it, so that no gap is ever skipped, and never back. It does not move past an item that
could not be read either, unless a person says so: the next pull reads that item again, and a
finding does not go away by waiting.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

from providers.pulled import UnreadableItem

#: Bytes laid aside in memory before a file is used.
SPOOL_BYTES = 4 * 1024 * 1024
#: Unreadable items kept with place and reason; the rest are counted.
KEPT_MAX = 1_000
_LENGTH_BYTES = 8
T = TypeVar("T")


class Staging(Generic[T]):
    """Items laid aside, in order; read as often as wanted. Use it as ``with``."""

    def __init__(self, kind: type[T]) -> None:
        self.items = 0
        self._file = SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 - closed by exit
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def keep(self, item: T) -> None:
        """Lay one more aside. Not while it is being read."""
        frame = self._encode(item)
        self._file.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
        self.items += 1

    def __iter__(self) -> Iterator[T]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield self._decode(self._file.read(int.from_bytes(length, "big")))


@dataclass(frozen=True, slots=True)
class UnreadableItems:
    """Items that could not be read.

    Attributes:
        count: all of them.
        first: the first of them.
    """

    count: int
    first: tuple[UnreadableItem, ...]


async def lay_aside(
    stream: AsyncIterator[T | UnreadableItem], spool: Staging[T]
) -> UnreadableItems:
    """Take everything the stream gives; its errors are the caller's."""
    count = 0
    first: list[UnreadableItem] = []
    async for item in stream:
        if not isinstance(item, UnreadableItem):
            spool.keep(item)
            continue
        count += 1
        if count <= KEPT_MAX:
            first.append(item)
    return UnreadableItems(count, tuple(first))
