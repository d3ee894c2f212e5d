"""Rows of large books in temporary files, cut by wallets while the tables are read once.

Reading the tables anew for each pass would take the longer, the larger the books are. The files
have no name, so they are gone with this process however it ends.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from io import SEEK_SET
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from threading import Lock
from typing import IO

import numpy as np

from ledger.checks.together.columns import Block, BlockQuery, BlockReader
from ledger.checks.together.reading import Parameters, Takers, read_blocks
from ledger.proofs.wallet_ranges import WalletRange
from vocabulary.errors import Unavailable

#: Bytes of an operation with its entries and its round, rounded up.
OPERATION_BYTES = 300
#: Each part has a file for each table, all of them open at once.
PARTS_MAX = 200
#: File systems whose files take memory.
_IN_MEMORY = {"tmpfs", "ramfs"}
_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class SpooledPart:
    """The blocks of one part of the wallets.

    Attributes:
        files: by table.
    """

    files: Mapping[str, IO[bytes]]

    def read(self, takers: Takers) -> None:
        """Read the blocks of some tables.

        Raises:
            Unavailable: the disk does not give back what was written.
        """
        for table, take in takers.items():
            try:
                for block in _blocks(self.files[table]):
                    take(block)
            except OSError as error:
                reason = f"verify: cannot read its temporary file of {table}: {error.strerror}"
                raise Unavailable(f"{reason} (TMPDIR names another folder)") from error


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
    lock = Lock()
    firsts = [part.first for part in parts[1:]]

    def take(reader: BlockReader, query: BlockQuery, of_block: Parameters) -> None:
        for number, block in reader.blocks_by_part(query, of_block):
            with lock:
                _write(spools[number].files[query.table], block)

    with ExitStack() as stack:
        try:
            spools = [
                SpooledPart({table: _temporary_file(stack, folder) for table in queries})
                for _ in parts
            ]
            of_all = {**parameters, "part_firsts": firsts}
            read_blocks(readers, list(queries.values()), of_all, take)
            for spool in spools:
                for file in spool.files.values():
                    file.flush()  # a disk that is full says so here, not while parts are read
        except OSError as error:
            reason = f"verify: cannot write temporary files in {folder}: {error.strerror}"
            raise Unavailable(f"{reason} (TMPDIR names another folder)") from error
        yield spools


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


def _write(file: IO[bytes], block: Block) -> None:
    lengths = np.array([len(column) for column in block.columns], dtype=np.int64)
    arrays = (lengths, np.concatenate(block.columns), np.frombuffer(block.texts, np.uint8))
    for array in arrays:
        np.save(file, array, allow_pickle=False)


def _blocks(file: IO[bytes]) -> Iterator[Block]:
    """The blocks of a file, as they were written."""
    end = file.tell()
    file.seek(0, SEEK_SET)
    while file.tell() < end:
        lengths, values, texts = (np.load(file, allow_pickle=False) for _ in range(3))
        columns = np.split(values, np.cumsum(lengths)[:-1])
        yield Block(tuple(columns), texts.tobytes())


def _file_system(mounts: str, device: int) -> str | None:
    """The type of the file system on a device, from what Linux says about mounts."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        of_mount, _, of_file_system = line.partition(" - ")
        if of_mount.split()[2] == number:
            return of_file_system.split()[0]
    return None
