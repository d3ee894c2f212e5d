"""How long the disk takes to flush a small write: no answer to a callback can be faster.

A batch is answered once its log is on the disk. So waits of callbacks are shown beside those of
a file of this size that nobody else writes, on the same disk in the same run.
"""

import os
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.loads.open_loop import waits_ms

#: Bytes of each write: a page of the log.
WRITE_BYTES = 8192
#: Size of the file, in bytes. It is written before, since a log uses its segments again.
FILE_BYTES = 16 << 20


def flush_waits(folder: Path, *, rate: float, seconds: float) -> dict[str, float]:
    """Milliseconds from a write to the end of its flush, as quantiles.

    Args:
        folder: on the disk in question; has a file of ``FILE_BYTES`` meanwhile.
        rate: flushes a second, one after the other.
        seconds: how long.
    """
    path = folder / "flushes"
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.write(file, bytes(FILE_BYTES))
        os.fsync(file)
        waits = sorted(_waits(file, rate=rate, count=max(1, int(rate * seconds))))
    finally:
        os.close(file)
        path.unlink()
    return waits_ms(waits)


def _waits(file: int, *, rate: float, count: int) -> list[float]:
    page, waits, due_at = bytes(WRITE_BYTES), [], perf_counter()
    for number in range(count):
        sleep(max(0.0, due_at - perf_counter()))
        started = perf_counter()
        os.pwrite(file, page, number * WRITE_BYTES % FILE_BYTES)
        os.fdatasync(file)
        waits.append(perf_counter() - started)
        due_at = max(due_at + 1 / rate, perf_counter())
    return waits
