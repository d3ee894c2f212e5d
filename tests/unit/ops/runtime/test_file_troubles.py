"""An error of the operating system about a named file is a sentence, any other is a bug."""

import errno
from pathlib import Path

import pytest

from ops.runtime.file_troubles import file_trouble_of
from vocabulary.errors import Malformed, Unavailable


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOENT, "it is not there: check the path, or make its folder"),
        (errno.EEXIST, "it is there already: name another one"),
        (errno.ENOTDIR, "a folder is expected where a file is"),
        (errno.EISDIR, "a file is expected, and this is a folder"),
        (errno.EACCES, "it may not be read or written by this user"),
        (errno.EROFS, "its disk is read-only: name a path on another one"),
    ],
)
def test_a_path_that_cannot_be_used_is_named_with_what_to_do(number: int, reason: str) -> None:
    trouble = file_trouble_of(OSError(number, "as the system says it", "packs/june"))

    assert isinstance(trouble, Malformed)
    assert (trouble.path, trouble.reason) == ("packs/june", reason)


def test_a_full_disk_is_an_outage_with_the_path_or_without() -> None:
    full = "no space is left on the disk: make room and try again"

    for error, sentence in (
        (OSError(errno.ENOSPC, "full"), full),
        (OSError(errno.EDQUOT, "full", b"packs/june"), f"packs/june: {full}"),
    ):
        trouble = file_trouble_of(error)
        assert isinstance(trouble, Unavailable)
        assert str(trouble) == sentence


def test_a_real_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as refused:
        tmp_path.read_bytes()

    assert str(file_trouble_of(refused.value)) == (
        f"{tmp_path}: a file is expected, and this is a folder"
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOENT, "no file is named"),
        OSError(errno.EBADF, "no path", 7),
        OSError("no number"),
        ValueError("packs/june"),
    ],
)
def test_an_error_about_no_file_that_somebody_named_stays_as_it_is(error: Exception) -> None:
    assert file_trouble_of(error) is None
