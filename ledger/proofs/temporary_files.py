"""Why a proof cannot use its temporary files, and what to do about it."""

import errno

from vocabulary.errors import Unavailable

#: This process, or all of them, may open no more files: no folder helps.
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})
_MORE_FILES = "raise the limit of open files, `ulimit -n`"
_ANOTHER_FOLDER = "TMPDIR names another folder"


def temporary_files_fail(what: str, error: Exception) -> Unavailable:
    """The outage of a proof.

    Args:
        what: cannot be done, such as ``verify: cannot write temporary files in /tmp``.
        error: why, as the system or a library says it.
    """
    number, reason = None, str(error)
    if isinstance(error, OSError):
        number, reason = error.errno, error.strerror or reason
    advice = _MORE_FILES if number in _TOO_MANY else _ANOTHER_FOLDER
    return Unavailable(f"{what}: {reason} ({advice})")
