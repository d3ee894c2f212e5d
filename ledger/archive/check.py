"""Check an archive by reading it: its files have their hashes, its days give their seals."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date

from ledger.archive.lines import seal_from_archive
from storage.archive.files import ArchiveFolder
from storage.archive.manifest import ArchivedDay, ArchiveFile, Manifest


def check_archive(
    folder: ArchiveFolder, manifest: Manifest, *, progress: Callable[[int], None]
) -> list[str]:
    """What is wrong with an archive, in sentences; empty: nothing.

    Raises:
        Unavailable: a file is out of reach or missing.
    """
    damaged = [fault for file in manifest.files for fault in _file_faults(folder, file)]
    if damaged:
        return damaged
    return [
        fault for day in manifest.days for fault in _day_faults(folder, manifest, day, progress)
    ]


def seal_faults(manifest: Manifest, seals: Mapping[date, str]) -> list[str]:
    """Where the seals of an archive differ from those of the books."""
    return [
        f"{day.day}: archived under the seal {day.seal[:12]}…, the books have"
        f" {seals.get(day.day, 'none')[:12]}…"
        for day in manifest.days
        if seals.get(day.day) != day.seal
    ]


def _file_faults(folder: ArchiveFolder, file: ArchiveFile) -> Iterator[str]:
    size, digest = folder.hash(file.path)
    if size != file.bytes:
        yield f"{file.path}: {file.bytes} bytes were written, {size} are there"
    elif digest != file.sha256:
        yield f"{file.path}: its bytes have changed"


def _day_faults(
    folder: ArchiveFolder,
    manifest: Manifest,
    day: ArchivedDay,
    progress: Callable[[int], None],
) -> Iterator[str]:
    seal, counts = seal_from_archive(folder, manifest, day, progress)
    for table, count in day.counts.items():
        if counts[table] != count:
            yield f"{day.day}: {count} {table} were sealed, {counts[table]} are archived"
    if seal != day.seal:
        yield f"{day.day}: its rows give {seal[:12]}…, sealed was {day.seal[:12]}…"
