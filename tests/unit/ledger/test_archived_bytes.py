"""Archived bytes that find no room beside a replay."""

from pathlib import Path

import pytest

from ledger.replay.archived_bytes import copy_archives
from vocabulary.errors import Unavailable


def test_a_file_that_cannot_be_written_is_said_with_its_folder_and_what_to_do(
    tmp_path: Path,
) -> None:
    path = tmp_path / "gone" / "archived"

    with pytest.raises(Unavailable, match=r"cannot write .*gone: .* \(TMPDIR names another"):
        copy_archives([], path)
