"""The disk of the database, where this process can see it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from console.pipeline import Disk, Part
from ops.engines.data_directory import DataDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskReader:
    """Reads the file system of the database; ``path`` is None if ``why`` it cannot be seen."""

    path: Path | None
    why: str

    def read(self) -> Part[Disk]:
        """Its size and what is free, or why that cannot be seen."""
        if self.path is None:
            return Part(why=self.why)
        try:
            usage = shutil.disk_usage(self.path)
        except OSError as error:
            return Part(why=f"{self.path}: {error.strerror}")
        return Part(value=Disk(path=str(self.path), size=usage.total, free=usage.free))


def disk_reader(database_url: str, home: DataDirectory) -> DiskReader:
    """The disk of an embedded database; a server elsewhere has to be watched there."""
    url = make_url(database_url)
    host = url.query.get("host") or url.host or "this machine"
    if host == str(home.sockets):
        return DiskReader(path=home.postgres, why="")
    where = host if isinstance(host, str) else ", ".join(host)
    return DiskReader(
        path=None,
        why=f"the database server is not ours to look into ({where}): watch its disk there",
    )
