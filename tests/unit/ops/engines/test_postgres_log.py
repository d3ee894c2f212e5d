"""The log of the embedded server takes a sixteenth of the disk, within bounds."""

import pytest

from ops.engines.postgres_log import log_settings

GIB = 2**30


@pytest.mark.parametrize(
    ("disk", "most", "kept"),
    [(8 * GIB, 1024, 256), (64 * GIB, 4096, 1024), (10_000 * GIB, 8192, 2048)],
)
def test_the_log_takes_a_sixteenth_of_the_disk_within_bounds(
    disk: int, most: int, kept: int
) -> None:
    assert log_settings(disk).splitlines() == [
        "wal_compression = off",
        f"max_wal_size = {most}MB",
        f"min_wal_size = {kept}MB",
    ]
