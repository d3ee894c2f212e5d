"""Staging of pulled items: a whole window is at hand before any of it is stored.

Items wait in an unnamed temporary file, so that neither memory nor a database transaction has
to wait for the provider's server.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Generic, Self, TypeVar

import msgspec

from providers.outbound.pull import UnreadableItem

#: Bytes kept in memory before a file is used.
MEMORY_BYTES = 4 * 1024 * 1024
#: Unreadable items kept with place and reason; the rest are only counted.
UNREADABLE_MAX = 1_000
_LENGTH_BYTES = 8
T = TypeVar("T")


class Staging(Generic[T]):
    """A temporary file of items, in order, that can be read repeatedly; a context manager."""

    def __init__(self, kind: type[T]) -> None:
        self.items = 0
        self._file = SpooledTemporaryFile(max_size=MEMORY_BYTES)  # noqa: SIM115 - closed by exit
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

    def add(self, item: T) -> None:
        """Append an item; not while the items are being read."""
        frame = self._encode(item)
        self._file.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)
        self.items += 1

    def __iter__(self) -> Iterator[T]:
        self._file.seek(0)
        while length := self._file.read(_LENGTH_BYTES):
            yield self._decode(self._file.read(int.from_bytes(length, "big")))


@dataclass(frozen=True, slots=True)
class UnreadableItems:
    """Items of a pull that could not be read.

    Attributes:
        count: the number of all of them.
        first: at most ``UNREADABLE_MAX`` of them, with place and reason.
    """

    count: int
    first: tuple[UnreadableItem, ...]


async def stage(
    stream: AsyncIterator[T | UnreadableItem], staging: Staging[T]
) -> UnreadableItems:
    """Add every readable item of a stream to the staging; errors of the stream pass through."""
    count = 0
    first: list[UnreadableItem] = []
    async for item in stream:
        if not isinstance(item, UnreadableItem):
            staging.add(item)
            continue
        count += 1
        if count <= UNREADABLE_MAX:
            first.append(item)
    return UnreadableItems(count, tuple(first))
