"""Rows of large books in temporary files, cut by wallets while the tables are read once.

Reading the tables anew for each pass would take the longer, the larger the books are. The files
have no name, so they are gone with this process however it ends.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from threading import Lock
from typing import IO

import numpy as np

from ledger.checks.together.columns import Block, BlockQuery, BlockReader
from ledger.checks.together.reading import Parameters, Takers, read_blocks
from ledger.proofs.temporary_files import temporary_files_fail
from ledger.proofs.wallet_ranges import WalletRange

#: Bytes of an operation with its entries and its round, rounded up.
OPERATION_BYTES = 300
#: More parts would cut the blocks of tables into pieces too small to be read one by one.
PARTS_MAX = 200
_INTEGER = np.dtype(np.int64).itemsize
#: File systems whose files take memory.
_IN_MEMORY = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mountinfo")


class SpoolFile:
    """The blocks of a table in one file, cut by part: open files do not grow with parts.

    Several threads may write, and once nothing is written any more, several may read.
    """

    def __init__(self, file: IO[bytes], parts: int) -> None:
        self._file = file
        self._lock = Lock()
        # Of each part, where its blocks begin and how long they are.
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(parts)]

    def write(self, part: int, block: Block) -> None:
        """Append a block of a part."""
        encoded = _encoded(block)
        with self._lock:
            self._pieces[part].append((self._file.tell(), len(encoded)))
            self._file.write(encoded)

    def flush(self) -> None:
        """Write what is in the buffer: a disk that is full says so here, not to a reader."""
        self._file.flush()

    def blocks(self, part: int) -> Iterator[Block]:
        """The blocks of a part, as they were written.

        Raises:
            OSError: the disk does not give them back.
        """
        for begins_at, size in self._pieces[part]:
            encoded = os.pread(self._file.fileno(), size, begins_at)
            if len(encoded) != size:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            yield _decoded(encoded)


@dataclass(frozen=True, slots=True)
class SpooledPart:
    """The blocks of one part of the wallets.

    Attributes:
        files: of all parts, by table.
    """

    number: int
    files: Mapping[str, SpoolFile]

    def read(self, takers: Takers) -> None:
        """Read the blocks of some tables.

        Raises:
            Unavailable: the disk does not give back what was written.
        """
        for table, take in takers.items():
            try:
                for block in self.files[table].blocks(self.number):
                    take(block)
            except OSError as error:
                what = f"verify: cannot read its temporary file of {table}"
                raise temporary_files_fail(what, error) from error


def has_room(folder: Path, operations: int, *, mounts: Path = _MOUNTS) -> bool:
    """Whether rows of so many operations take at most half of what a disk has left."""
    # Only Linux has this file.
    of_mounts = mounts.read_text(errors="replace") if mounts.exists() else ""
    if _file_system(of_mounts, folder.stat().st_dev) in _IN_MEMORY:
        return False
    return shutil.disk_usage(folder).free >= 2 * operations * OPERATION_BYTES


def temporary_folder(operations: int) -> Path | None:
    """The folder of temporary files, if it has room for rows of so many operations."""
    try:
        folder = Path(gettempdir())
    except FileNotFoundError:  # none of the usual ones takes a file
        return None
    return folder if has_room(folder, operations) else None


@contextmanager
def spooled(
    readers: Sequence[BlockReader],
    queries: Mapping[str, BlockQuery],
    parameters: Parameters,
    parts: Sequence[WalletRange],
    folder: Path,
) -> Iterator[Sequence[SpooledPart]]:
    """Read tables once; yields what each part of the wallets has of them.

    Args:
        readers: connections on one snapshot.
        queries: by table.
        parameters: of all queries.
        parts: ranges of wallets, ascending, which together cover all.
        folder: where the temporary files are.

    Raises:
        Unavailable: the database is out of reach, or a file cannot be written.
    """
    firsts = [part.first for part in parts[1:]]

    def take(reader: BlockReader, query: BlockQuery, of_block: Parameters) -> None:
        for number, block in reader.blocks_by_part(query, of_block):
            files[query.table].write(number, block)

    with ExitStack() as stack:
        try:
            files = {
                table: SpoolFile(_temporary_file(stack, folder), len(parts))
                for table in queries
            }
            of_all = {**parameters, "part_firsts": firsts}
            read_blocks(readers, list(queries.values()), of_all, take)
            for file in files.values():
                file.flush()
        except OSError as error:
            what = f"verify: cannot write temporary files in {folder}"
            raise temporary_files_fail(what, error) from error
        yield [SpooledPart(number, files) for number in range(len(parts))]


def _temporary_file(stack: ExitStack, folder: Path) -> IO[bytes]:
    """A file without a name, until the stack ends."""
    file: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 - the stack closes it
    stack.callback(_discard, file)
    return file


def _discard(file: IO[bytes]) -> None:
    """Close a file that nobody reads again."""
    # It would write what is left in its buffer, and a full disk would hide why the work ended.
    with suppress(OSError):
        file.close()


def _encoded(block: Block) -> bytes:
    """How many columns, the length of each, their numbers, then the texts."""
    lengths = [len(column) for column in block.columns]
    head = np.array([len(lengths), *lengths], dtype=np.int64)
    return np.concatenate([head, *block.columns]).tobytes() + block.texts


def _decoded(encoded: bytes) -> Block:
    """The block of what ``_encoded`` made."""
    count = int(np.frombuffer(encoded, np.int64, 1)[0])
    lengths = np.frombuffer(encoded, np.int64, count, offset=_INTEGER)
    begin, size = _INTEGER * (1 + count), int(lengths.sum())
    values = np.frombuffer(encoded, np.int64, size, offset=begin)
    columns = np.split(values, np.cumsum(lengths)[:-1])
    return Block(tuple(columns), encoded[begin + _INTEGER * size :])


def _file_system(mounts: str, device: int) -> str | None:
    """The type of the file system on a device, from what Linux says about mounts."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        of_mount, _, of_file_system = line.partition(" - ")
        if of_mount.split()[2] == number:
            return of_file_system.split()[0]
    return None
