"""What the console and its connections to the database spend."""

import psutil  # type: ignore[import-untyped] # no types come with it
from sqlalchemy import Engine, text


class Meter:
    """Processor time and memory of the console and its connections to the database."""

    def __init__(self, console: int, *, postmaster: int) -> None:
        self._console, self._postmaster = psutil.Process(console), psutil.Process(postmaster)

    def processor(self) -> float:
        """Milliseconds so far."""
        processes = [self._console, *self._postmaster.children(recursive=True)]
        return sum(map(_processor_s, processes)) * 1000

    def mebibytes(self) -> float:
        """Resident memory of the console."""
        return float(self._console.memory_info().rss) / 2**20


def _processor_s(process: psutil.Process) -> float:
    """What a process has spent; nothing if it ended meanwhile, as backends of PostgreSQL do."""
    try:
        cpu_times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(cpu_times.user + cpu_times.system)


def postmaster_of(engine: Engine) -> int:
    """The process of the server that this engine connects to."""
    with engine.connect() as connection:
        query = text("SELECT pg_backend_pid()")
        backend = int(connection.execute(query).scalar_one())
    return int(psutil.Process(backend).ppid())
