"""Settings to paste for a statement file that the declared ones do not read."""

import codecs
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from feeds.statements.confined.limits import LimitExceeded
from feeds.statements.confined.process import ReaderCrashed
from feeds.statements.file_format import FileFormat, FileRules
from feeds.statements.guess import column_settings, text_settings, value_settings
from feeds.statements.open_table import needs_child
from feeds.statements.read_file import read_rows, read_sample, read_start
from feeds.statements.reader import StatementReader
from feeds.statements.table import UnreadableRow

Guessed = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Settings that read more of a file.

    Attributes:
        block: the table of settings, in TOML.
        readable: lines of the sample that they read.
        remark: what a person has to add; empty: nothing.
    """

    block: str
    readable: int
    remark: str


def suggest(file: Path, reader: StatementReader, readable: int) -> Suggestion | None:
    """Settings that read more than ``readable`` lines of the file's beginning, if any do.

    Nothing is stored, and nothing is imported by a guess.
    """
    try:
        with file.open("rb") as stream:
            guessed = _guessed(stream, file.name, reader)
            if not guessed:
                return None
            better = replace(reader, rules=_rules(reader, guessed))
            lines = read_sample(better, stream, file.name).lines
    except (LimitExceeded, ReaderCrashed):
        return None
    unreadable = [line for line in lines if isinstance(line, UnreadableRow)]
    lacks_zone = any(_NO_ZONE in line.reason for line in unreadable)
    count = len(lines) - len(unreadable)
    if count <= readable and not lacks_zone:
        return None
    return Suggestion(_block(guessed, reader.rules), count, _ZONE if lacks_zone else "")


_NO_ZONE = "time zone is missing"
_ZONE = 'Instants have no zone: ask the provider for it, and add, say, timezone = "UTC".'


def _guessed(stream: BinaryIO, name: str, reader: StatementReader) -> Guessed:
    """The guessed settings that differ from the declared ones."""
    _, start = read_start(reader, stream, name)
    guessed: Guessed = {}
    if not needs_child(start):
        guessed |= text_settings(start)
    reader = replace(reader, rules=_rules(reader, guessed))
    rows = read_rows(reader, stream, name)
    # Fields of several columns were declared by a person; nothing is guessed about them.
    expected = {ours: names[0] for ours, names in reader.columns.items() if len(names) == 1}
    line, columns = column_settings(rows, expected, reader.shape)
    renamed = {ours: name for ours, name in columns.items() if expected[ours] != name}
    header = next((row for row in rows if row.line == line), None)
    if header is None:
        return guessed
    names = [cell.text.strip() for cell in header.cells]
    places = {ours: names.index(name) for ours, name in columns.items()}
    below = [row for row in rows if row.line > line]
    guessed |= value_settings(below, places, reader.shape, reader.rules)
    return guessed | ({"columns": renamed} if renamed else {})


def _rules(reader: StatementReader, guessed: Guessed) -> FileRules:
    changed = {**guessed}
    if "format" in changed:
        changed["format"] = FileFormat(changed["format"])
    if "encoding" in changed:
        changed["encoding"] = codecs.lookup(changed["encoding"]).name
    if "columns" in changed:
        changed["columns"] = {**reader.rules.columns, **changed["columns"]}
    return replace(reader.rules, **changed)


def _block(guessed: Guessed, declared: FileRules) -> str:
    """The settings as TOML, without those that are declared already."""
    lines = ["[providers.statement]"]
    for key, value in guessed.items():
        if key == "columns":
            pairs = {**declared.columns, **value}.items()
            inline = ", ".join(f"{ours} = {_toml(column)}" for ours, column in pairs)
            lines.append(f"columns = {{{inline}}}")
        elif key == "encoding" and codecs.lookup(value).name == declared.encoding:
            continue
        elif value != getattr(declared, key):
            lines.append(f"{key} = {_toml(value)}")
    return "\n".join(lines)


def _toml(value: str | tuple[str, ...]) -> str:
    """A TOML string or list of strings; JSON's are a part of them."""
    return json.dumps(value, ensure_ascii=False)
