"""Errors of the operating system about a file that somebody named, as sentences."""

import errno
import os

from vocabulary.errors import Malformed, TieoutError, Unavailable

#: A disk, or a share of it, is full.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: What is wrong with a path, and what to do.
_ADVICE = {
    errno.ENOENT: "it is not there: check the path, or make its folder",
    errno.EEXIST: "it is there already: name another one",
    errno.ENOTDIR: "a folder is expected where a file is",
    errno.EISDIR: "a file is expected, and this is a folder",
    errno.EACCES: "it may not be read or written by this user",
    errno.EPERM: "it may not be read or written by this user",
    errno.EROFS: "its disk is read-only: name a path on another one",
    errno.ENAMETOOLONG: "the name is longer than the disk takes",
    errno.ELOOP: "its links lead in a circle",
}


def file_trouble_of(error: BaseException) -> TieoutError | None:
    """Translate an error about a file; None if it is none that its user can mend.

    A full disk is an outage, because the same command may succeed later.
    """
    if not isinstance(error, OSError):
        return None
    path = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if error.errno in _FULL:
        place = f"{path}: " if path else ""
        return Unavailable(f"{place}no space is left on the disk: make room and try again")
    advice = _ADVICE.get(error.errno or 0)
    return Malformed(path, advice) if path and advice else None
