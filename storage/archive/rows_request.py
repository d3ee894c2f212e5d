"""What a reader process of an archive is asked, and how its answer is framed.

Apart from both sides: the child starts in a third of the time without the database's library.
"""

from datetime import date

import msgspec

#: Bytes of the length before each message; a length of zero follows the last one of a request.
LENGTH_BYTES = 8
#: Exit code of a reader that met a file which is missing or has changed.
DAMAGED = 4


class RowsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of an archive are wanted.

    Attributes:
        day: only the rows of this day.
        columns: those that a file lacks are null in each row.
        key, values: only rows with one of these values in a column of whole numbers or of text;
            an empty key: all rows.
        checked: compare each file's bytes with the manifest's hash first.
    """

    location: str
    archive: str
    manifest_hash: str
    table: str
    columns: list[str]
    day: date | None = None
    key: str = ""
    values: list[int | str] = []
    checked: bool = False
