"""The file that a job works on, and how its values are written."""

import codecs

from feeds.statements.reading.file_format import FileRules
from ops.jobs.work import JobRun
from storage.jobs.model import JobFile
from vocabulary.errors import Malformed


def only_file(run: JobRun) -> JobFile:
    """The file of a request.

    Raises:
        Malformed: there is none.
    """
    if len(run.files) != 1 or not run.files[0].name.strip("."):
        raise Malformed("file", "one file with a name is expected")
    return run.files[0]


def table_rules(decimal: str, thousands: str, encoding: str) -> FileRules:
    """How the values of a table are written.

    Raises:
        Malformed: the marks are the same, or there is no such encoding.
    """
    if decimal == thousands:
        raise Malformed("thousands", "another mark than that of decimals is expected")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise Malformed("encoding", "an encoding such as windows-1252 is expected") from None
    return FileRules(
        decimal=decimal, thousands=thousands, encoding=encoding.lower(), final_newline=False
    )
