"""Memory settings of the embedded PostgreSQL, from what the machine or its container has.

Receivers, workers and runs are on the same machine, so the server gets an eighth of it for its
buffers. With fewer buffers than the tables of a busy hour, a callback waits until a page of
another one is written.
"""

_MIB = 2**20
_GIB = 2**30


def memory_settings(memory: int) -> str:
    """Lines of ``postgresql.conf`` for a machine with so many bytes of memory."""
    sizes = {
        "shared_buffers": _between(64 * _MIB, memory // 8, 4 * _GIB),
        "effective_cache_size": _between(128 * _MIB, memory // 2, 64 * _GIB),
        "maintenance_work_mem": _between(32 * _MIB, memory // 64, _GIB),
        "work_mem": _between(4 * _MIB, memory // 256, 64 * _MIB),
    }
    return "".join(f"{name} = {size // _MIB}MB\n" for name, size in sizes.items())


def _between(least: int, size: int, most: int) -> int:
    return max(least, min(size, most))
