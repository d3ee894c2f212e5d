"""The file that a job works on, and how its values are written."""

from feeds.statements.reading.file_format import FileRules, text_encoding
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
        codec = text_encoding(encoding)
    except ValueError as error:
        raise Malformed("encoding", f"{error} is expected") from error
    return FileRules(decimal=decimal, thousands=thousands, encoding=codec, final_newline=False)
