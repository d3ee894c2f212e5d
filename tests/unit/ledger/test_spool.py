"""Rows wait in files only where these are on a disk with room for them."""

import os
from pathlib import Path
from shutil import disk_usage

import pytest

from ledger.checks.together.spool import OPERATION_BYTES, has_room


def _mounts(folder: Path, file_system: str) -> Path:
    """What Linux says about mounts, where the folder is on such a file system."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = folder / "mountinfo"
    mounts.write_text(
        "1 0 0:1 / / rw - ext4 disk rw\n"
        f"2 1 {number} / {folder} rw,nosuid shared:7 - {file_system} {file_system} rw\n"
    )
    return mounts


@pytest.mark.parametrize(("file_system", "room"), [("ext4", True), ("tmpfs", False)])
def test_files_in_memory_are_none(tmp_path: Path, file_system: str, *, room: bool) -> None:
    assert has_room(tmp_path, 1, mounts=_mounts(tmp_path, file_system)) is room


def test_files_are_on_a_disk_where_mounts_are_not_known(tmp_path: Path) -> None:
    assert has_room(tmp_path, 1, mounts=tmp_path / "mountinfo")


def test_half_of_the_disk_stays_free(tmp_path: Path) -> None:
    most = disk_usage(tmp_path).free // OPERATION_BYTES

    assert not has_room(tmp_path, most, mounts=_mounts(tmp_path, "ext4"))
    assert has_room(tmp_path, most // 3, mounts=_mounts(tmp_path, "ext4"))
