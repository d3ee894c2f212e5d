"""Cells of statement files, as the readers of all formats return them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

#: Decimal digits that a double keeps; spreadsheets store numbers as doubles.
DOUBLE_DIGITS = 15

_SHOWN_CHARS = 40
_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


class CellKind(StrEnum):
    """The type of a cell, as its file declares it; cells of CSV files are text or empty.

    ``DOUBLE`` is a binary number, ``EXACT`` one with all its digits. The text of a ``FORMULA``
    is the value that was saved with it, or empty.
    """

    TEXT = "text"
    EMPTY = "empty"
    DOUBLE = "double"
    EXACT = "exact"
    INSTANT = "instant"
    FLAG = "flag"
    FORMULA = "formula"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a file.

    Attributes:
        text: as in the file; an instant in ISO 8601, with its zone if it has one.
        place: such as ``B7`` if the file has such names; else empty.
    """

    text: str
    kind: CellKind = CellKind.TEXT
    place: str = ""


EMPTY = Cell("", CellKind.EMPTY)


def row_json(texts: Sequence[str]) -> str:
    """The texts of a row as a list in JSON, for rows of files without lines."""
    joined = '", "'.join(texts)
    if texts and _ESCAPED.search("".join(texts)) is None:
        return f'["{joined}"]'
    return _ENCODE(texts)


def shown(text: str) -> str:
    """A value in quotes for a finding: shortened, and invisible characters escaped."""
    cut = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
    visible = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut
    )
    return f'"{visible}"'
