"""Settings to paste for a statement file that the declared ones do not read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from feeds.statements.guess.columns import HeaderGuess, guess_header
from feeds.statements.guess.layout import header_settings, text_settings, trailer_settings
from feeds.statements.guess.values import guess_values
from feeds.statements.reading.confined.limits import LimitExceeded
from feeds.statements.reading.confined.process import ReaderCrashed
from feeds.statements.reading.open_table import needs_child
from feeds.statements.reading.read_file import SAMPLE_ROWS, read_rows, read_sample, read_start
from feeds.statements.reading.reader import StatementReader
from feeds.statements.reading.table import TableRow, UnreadableRow
from ops.providers.statements import rules_of
from ops.settings.sections.statement import StatementSettings
from vocabulary.currencies import digits_of, is_known

Guessed = dict[str, Any]

#: Columns that a question lists.
_LISTED_MAX = 20
_NO_ZONE = "time zone is missing"
_ZONE = 'Instants have no zone: ask the provider for it, and add, say, timezone = "UTC".'
_NO_LINE_BREAK = "the last line has no line break"
_NEWLINE = (
    "The last line has no line break, so the file may be cut: if it is complete, add"
    " final_newline = false."
)


_BY_FINDING = {
    _NO_ZONE: _ZONE,
    _NO_LINE_BREAK: _NEWLINE,
    "set trailing_delimiter = true": "If each line ends with a delimiter, add"
    " trailing_delimiter = true.",
}
_SHEETS = "this workbook has several (setting sheet)"
_SHEET = "Which sheet has the records? Add sheet with its name: "
#: Codecs by the name that people know.
_SPELLED = {"cp1252": "windows-1252"}
#: Encodings that are guessed where a file is none of the sure ones.
_UNSURE = frozenset({"windows-1252", "iso8859-1"})
_ENCODING = (
    "The file is not UTF-8: look at letters with accents, and if they are wrong, replace"
    ' encoding = "{}" by the right one, such as "windows-1250" or "windows-1251".'
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Settings that read more of a file.

    Attributes:
        block: the table of settings, in TOML, with those that are declared already.
        readable: lines of the sample that they read.
        questions: what a person has to answer or add, each in a sentence.
    """

    block: str
    readable: int
    questions: tuple[str, ...]

    @property
    def remark(self) -> str:
        """All questions as one text; empty: there are none."""
        return " ".join(self.questions)


@dataclass(frozen=True, slots=True)
class _Guess:
    """Settings that differ from the declared ones, and what they cannot say."""

    settings: Guessed
    questions: tuple[str, ...] = ()
    has_header: bool = False


def suggest(
    file: Path,
    reader: StatementReader,
    readable: int,
    declared: StatementSettings | None = None,
) -> Suggestion | None:
    """Settings that read more than ``readable`` lines of the file's beginning, if any do.

    Nothing is stored, and nothing is imported by a guess.

    Args:
        file: the statement.
        reader: reads it as declared.
        readable: lines that it reads.
        declared: the settings of the reader; None: there are none.
    """
    declared = declared or StatementSettings()
    try:
        with file.open("rb") as stream:
            guess = _guess(stream, file.name, reader, declared)
            statement = _merged(declared, guess.settings)
            better = replace(reader, rules=rules_of(statement))
            lines = read_sample(better, stream, file.name).lines
    except (LimitExceeded, ReaderCrashed):
        return None
    unreadable = [line for line in lines if isinstance(line, UnreadableRow)]
    questions = [*guess.questions]
    count = len(lines) - len(unreadable)
    for text, question in _BY_FINDING.items():
        if guess.has_header and any(text in line.reason for line in unreadable):
            questions.append(question)
    questions += [_SHEET + line.reason for line in unreadable if _SHEETS in line.reason]
    if count <= readable and not questions:
        return None
    return Suggestion(_block(statement), count, tuple(questions))


def _guess(
    stream: BinaryIO, name: str, reader: StatementReader, declared: StatementSettings
) -> _Guess:
    """The guessed settings that differ from the declared ones."""
    _, start = read_start(reader, stream, name)
    answered = declared.model_fields_set
    settings: Guessed = {}
    if not needs_child(start):
        settings |= text_settings(start)
        if "encoding" in answered and settings["encoding"] in _UNSURE:
            del settings["encoding"]
    # A last line without a line break is looked at, too.
    whole = _merged(declared, settings | {"final_newline": False})
    reader = replace(reader, rules=rules_of(whole))
    rows = read_rows(reader, stream, name)
    # Fields of several columns were declared by a person; nothing is guessed about them.
    expected = {ours: names[0] for ours, names in reader.columns.items() if len(names) == 1}
    parts = [name for names in reader.columns.values() if len(names) > 1 for name in names]
    header = guess_header(rows, expected, reader.shape, declared=parts)
    if header is None:
        return _Guess(settings)
    renamed = {ours: name for ours, name in header.columns.items() if expected[ours] != name}
    if renamed:
        settings["columns"] = {**declared.columns, **renamed}
    place = rows.index(header.row)
    below = [row for row in rows[place + 1 :] if len(row.cells) > 1]
    if len(rows) < SAMPLE_ROWS and (trailer := trailer_settings(below)):
        settings["trailer"] = trailer
        below = below[:-1]
    settings |= header_settings(header, rows[:place])
    values = guess_values(
        header,
        below,
        reader.shape,
        actions=declared.actions,
        decimals=_decimals(header, below, reader),
    )
    candidates = [*values.questions]
    if settings.get("encoding") in _UNSURE:
        candidates.append(_ENCODING.format(settings["encoding"]))
    questions = [
        question
        for question in candidates
        if not any(f"{name} =" in question for name in answered)
    ]
    questions += _unlike(header, expected, reader)
    # What a person declared holds; words for actions may be missing there.
    added = {name: value for name, value in values.settings.items() if name not in answered}
    if "actions" in values.settings:
        added["actions"] = {**declared.actions, **values.settings["actions"]}
    return _Guess(settings | added, tuple(questions), has_header=True)


def _unlike(
    header: HeaderGuess, expected: Mapping[str, str], reader: StatementReader
) -> list[str]:
    """A question for each needed field that no column is like."""
    names = ", ".join(_toml(name) for name in header.unlike[:_LISTED_MAX]) or "none"
    return [
        f"No column is like {ours}: add it to the setting columns; the others are {names}."
        for ours in expected
        if ours not in reader.shape.optional and ours not in header.columns
    ]


def _decimals(header: HeaderGuess, rows: Sequence[TableRow], reader: StatementReader) -> int:
    """The fewest digits after the point of the file's currencies."""
    codes, exponents = {reader.provider.currency}, reader.provider.exponents
    if "currency" in header.columns:
        (place,) = header.places("currency")
        texts = {row.cells[place].text.strip() for row in rows if place < len(row.cells)}
        codes = {text for text in texts if is_known(text, exponents)} or codes
    return min(digits_of(code, exponents) for code in codes)


def _merged(declared: StatementSettings, guessed: Guessed) -> StatementSettings:
    """The declared settings with the guessed ones."""
    return StatementSettings.model_validate(
        {**declared.model_dump(exclude_unset=True), **guessed}
    )


def _block(statement: StatementSettings) -> str:
    """The settings as TOML, without those that have their default."""
    usual = StatementSettings()
    lines = [
        f"{name} = {_toml(_SPELLED.get(value, value) if name == 'encoding' else value)}"
        for name, value in statement.model_dump(exclude_unset=True).items()
        if getattr(statement, name) != getattr(usual, name)
    ]
    return "\n".join(["[providers.statement]", *lines])


def _toml(value: object) -> str:
    """A value in TOML; characters that a terminal hides or obeys are escaped."""
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(name)} = {_toml(item)}" for name, item in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    text = json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _key(name: str) -> str:
    is_bare = name.isascii() and name.replace("_", "").isalnum()
    return name if is_bare else _toml(name)
