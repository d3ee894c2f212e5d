"""What a text file looks like: its delimiter and its encoding. For findings and previews.

Nothing is read by what is recognized here; a person gets it as a setting to declare.
"""

import codecs
import csv
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice

from feeds.statements.file_format import FileRules

#: Delimiters that are recognized.
DELIMITERS = (",", ";", "\t", "|")
#: Lines that are looked at.
LINES_MAX = 50

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
    columns = "1 column is" if declared == 1 else f"{declared} columns are"
    return (
        f"{columns} found and {len(needed)} expected; the file looks {separated(best)}:"
        f' set delimiter = "{_TOML.get(best, best)}"'
    )


def likely_delimiter(sample: str) -> str:
    """The delimiter that gives the most columns in most lines."""
    return max(DELIMITERS, key=lambda delimiter: _width(sample, delimiter))


def likely_encoding(sample: bytes) -> str:
    """UTF-8 where it is, else what Windows programs write."""
    with suppress(UnicodeDecodeError):
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    return "windows-1252"


def _width(sample: str, delimiter: str) -> int:
    """The most frequent number of fields over one, or one."""
    lines = sample.splitlines()[:LINES_MAX]
    widths = [len(row) for row in _rows(lines, delimiter) if len(row) > 1]
    return max(widths, key=lambda width: (widths.count(width), width)) if widths else 1


def _rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    with suppress(csv.Error):
        yield from islice(csv.reader(lines, delimiter=delimiter), LINES_MAX)
