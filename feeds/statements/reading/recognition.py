"""What a text file looks like: its delimiter and its encoding. For findings and previews.

Nothing is read by what is recognized here; a person gets it as a setting to declare.
"""

import codecs
import csv
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice

from feeds.statements.reading.file_format import FileRules
from vocabulary.plurals import counted

#: Delimiters that are recognized.
DELIMITERS = (",", ";", "\t", "|")
#: Lines that are looked at.
LINES_MAX = 50

#: Encodings of one byte whose texts are hardly ever UTF-8 by chance.
_NARROW = frozenset({"cp1250", "cp1251", "cp1252", "iso8859-1", "iso8859-2", "iso8859-15"})
# Letters of European languages in UTF-8, and whatever has three bytes or more.
_UTF_8_LETTERS = re.compile(
    rb"(?:[\x00-\x7f]|[\xc3-\xc5\xce-\xd1][\x80-\xbf]|\xc2[\xa0-\xbf]"
    rb"|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})*+"
)

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_TOML = {"\t": r"\t"}


def separated(delimiter: str) -> str:
    """The word for a file with this delimiter."""
    return f"{_NAMES.get(delimiter, repr(delimiter))}-separated"


def wrong_delimiter(sample: str, rules: FileRules, needed: Collection[str]) -> str:
    """What a CSV file without the needed columns looks like; empty: nothing else."""
    widths = {delimiter: _width(sample, delimiter) for delimiter in DELIMITERS}
    best = max(widths, key=lambda delimiter: widths[delimiter])
    declared = _width(sample, rules.delimiter)
    if widths[best] <= declared:
        return ""
    columns = counted(declared, "column is", "columns are")
    return (
        f"{columns} found and {len(needed)} expected; the file looks {separated(best)}:"
        f' set delimiter = "{_TOML.get(best, best)}"'
    )


def likely_delimiter(sample: str) -> str:
    """The delimiter that gives the most columns in most lines."""
    return max(DELIMITERS, key=lambda delimiter: _width(sample, delimiter))


def likely_encoding(sample: bytes) -> str:
    """UTF-8 where it is, else what Windows programs write, else one that reads any byte."""
    for encoding in ("utf-8", "windows-1252"):
        with suppress(UnicodeDecodeError):
            codecs.getincrementaldecoder(encoding)().decode(sample)
            return encoding
    return "iso8859-1"


def is_misread_utf_8(text: str, encoding: str) -> bool:
    """Whether a text that is not ASCII is UTF-8 that was decoded as if it was ``encoding``."""
    if encoding not in _NARROW:
        return False
    try:
        return _UTF_8_LETTERS.fullmatch(text.encode(encoding)) is not None
    except UnicodeEncodeError:
        return False


def _width(sample: str, delimiter: str) -> int:
    """The most frequent number of fields over one, or one."""
    lines = sample.splitlines()[:LINES_MAX]
    widths = [len(row) for row in _rows(lines, delimiter) if len(row) > 1]
    return max(widths, key=lambda width: (widths.count(width), width)) if widths else 1


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    with suppress(csv.Error):
        yield from islice(csv.reader(lines, delimiter=delimiter), LINES_MAX)
