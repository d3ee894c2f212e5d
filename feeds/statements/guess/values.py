"""Guesses how a foreign file writes amounts, instants, ids and actions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from feeds.statements.guess.columns import HeaderGuess
from feeds.statements.guess.synonyms import action_meaning
from feeds.statements.reading.cells import Cell, CellKind, shown
from feeds.statements.reading.table import TableRow
from feeds.statements.reading.values.date_pattern import DatePattern
from feeds.statements.reading.values.row import joined
from feeds.statements.reading.values.text import NULL_WORDS, bare
from providers.statements.format import FieldKind, StatementFormat
from vocabulary.errors import Malformed
from vocabulary.instants import instant_from_text

#: Patterns of instants that programs write, in pairs that could be each other.
_DAYS = (
    ("%d.%m.%Y",),
    ("%Y/%m/%d",),
    ("%Y.%m.%d",),
    ("%d/%m/%Y", "%m/%d/%Y"),
    ("%d-%m-%Y", "%m-%d-%Y"),
    ("%d.%m.%y",),
    ("%d/%m/%y", "%m/%d/%y"),
    ("%d-%b-%Y",),
    ("%d %b %Y",),
    ("%d %b %Y,",),
    ("%d %B %Y",),
    ("%d. %B %Y",),
    ("%A, %d-%m-%Y",),
    ("%A, %d %B %Y",),
    ("%a, %d %b %Y",),
    ("%b %d, %Y",),
    ("%Y-%m-%d",),
)
#: Those with AM and PM first, which could be zones else.
_TIMES = ("%I:%M:%S %p", "%I:%M %p", "%H:%M:%S", "%H:%M", "%H.%M.%S", "%H:%M:%S.%f")
_ZONES = ("", " %z", " %Z")
_SOLID = ("%Y%m%d%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ")
_PATTERNS = (
    *((pattern,) for pattern in _SOLID),
    *(
        tuple(f"{day} {time}{zone}" for day in days)
        for days in _DAYS
        for time in _TIMES
        for zone in _ZONES
    ),
)
_BLANKS = "\u00a0\u202f\u2009 "
_NUMBER = re.compile(rf"[0-9](?:[0-9.,'\u2019{_BLANKS}]*[0-9])?")
_NEGATIVE = re.compile(r"[-\u2212(].*[0-9]|[0-9].*[-\u2212]$")
_GROUPED = re.compile(rf"[0-9]([.,'\u2019{_BLANKS}])(?=[0-9]{{2,3}}(?![0-9]))")
_LAKH = re.compile(r"[0-9]{1,2}(?:[^0-9][0-9]{2})+[^0-9][0-9]{3}(?![0-9])")
#: Words that questions ask about.
_ASKED_MAX = 10


@dataclass(slots=True)
class ValueGuess:
    """What the values of a file say.

    Attributes:
        settings: that read them.
        questions: what only a person can say, each with the setting that answers it.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    questions: list[str] = field(default_factory=list)


def guess_values(
    header: HeaderGuess,
    rows: Sequence[TableRow],
    shape: StatementFormat,
    *,
    actions: Mapping[str, str],
    decimals: int,
) -> ValueGuess:
    """Marks, signs and unit of amounts, patterns of instants, words of actions and ids.

    Args:
        header: the guessed header.
        rows: below it.
        shape: the dialect's statement.
        actions: words for actions that are declared.
        decimals: digits after the point of the file's currencies, at least.
    """
    guess = ValueGuess()
    cells = {ours: _cells(header, ours, rows) for ours in header.columns}
    _actions(cells.get(shape.action or "", []), shape, actions, guess)
    _ids(cells, shape, guess)
    for ours, kind in shape.fields.items():
        if kind is FieldKind.AMOUNT and ours in cells:
            filled = [cell for cell in cells[ours] if cell.kind is not CellKind.EMPTY]
            _amounts(filled, guess, decimals)
            words = [bare(cell.text) for cell in cells.get(shape.action or "", [])]
            meanings = {**actions, **guess.settings.get("actions", {})}
            effects = [shape.signs.get(ours, {}).get(meanings.get(x, x)) for x in words]
            if shape.signs:
                _signs(effects, cells[ours], guess)
        elif kind is FieldKind.INSTANT and ours in cells:
            _instants([cell for cell in cells[ours] if cell.kind is CellKind.TEXT], guess)
    return guess


def _cells(header: HeaderGuess, ours: str, rows: Sequence[TableRow]) -> list[Cell]:
    """The cells of a field in each row; empty where a row is too short."""
    places = header.places(ours)
    return [
        joined(row.cells[place] for place in places if place < len(row.cells)) for row in rows
    ]


def _actions(
    cells: Sequence[Cell],
    shape: StatementFormat,
    declared: Mapping[str, str],
    guess: ValueGuess,
) -> None:
    words = dict.fromkeys(bare(cell.text) for cell in cells if cell.text.strip())
    ours = {action_meaning(action): action for action in shape.actions}
    foreign = [word for word in words if word not in declared and word not in shape.actions]
    mapped = {
        word: ours[meaning] for word in foreign if (meaning := action_meaning(word)) in ours
    }
    if mapped:
        guess.settings["actions"] = mapped
    for word in [word for word in foreign if word not in mapped][:_ASKED_MAX]:
        guess.questions.append(
            f"What does {shown(word)} do? It is one of {', '.join(shape.actions)}: add it to"
            " the setting actions."
        )


def _ids(cells: Mapping[str, list[Cell]], shape: StatementFormat, guess: ValueGuess) -> None:
    nulls: dict[str, None] = {}
    for ours, column in cells.items():
        if shape.fields[ours] is FieldKind.INSTANT:
            continue
        texts = (bare(cell.text) for cell in column if cell.kind is CellKind.TEXT)
        nulls |= dict.fromkeys(text for text in texts if text.lower() in NULL_WORDS)
        is_id = shape.fields[ours] is FieldKind.ID
        if is_id and any(cell.kind in {CellKind.DOUBLE, CellKind.EXACT} for cell in column):
            guess.settings["numeric_ids"] = True
    if nulls:
        guess.settings["null_text"] = tuple(nulls)


def _amounts(filled: Sequence[Cell], guess: ValueGuess, decimals: int) -> None:
    numbers = {
        kind: [
            _shortest(x[0]) if kind is CellKind.EXACT else x[0]
            for cell in filled
            if cell.kind is kind and (x := _NUMBER.search(cell.text))
        ]
        for kind in CellKind
    }
    guess.settings |= _marks(numbers[CellKind.TEXT])
    every = [text for texts in numbers.values() for text in texts]
    if decimals and every and not _decimal(every):
        guess.questions.append(
            "All amounts are whole numbers: if 1000 is 10.00 in the file, add"
            ' unit = "minor"; else nothing.'
        )


def _shortest(number: str) -> str:
    """A typed number without zeros at its end: they are of its column's type."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def _signs(effects: Sequence[int | None], cells: Sequence[Cell], guess: ValueGuess) -> None:
    """Whose money a plus adds to, if an amount is negative whose effect is known."""
    for effect, cell in zip(effects, cells, strict=False):
        if effect is not None and _NEGATIVE.search(cell.text.strip()):
            guess.settings["sign"] = "player" if effect < 0 else "operator"
            return
    if any(_NEGATIVE.search(cell.text.strip()) for cell in cells):
        guess.questions.append(
            'Some amounts are negative: add sign = "player" if a minus takes from the player,'
            ' or sign = "operator" if it gives to the player.'
        )


def _marks(numbers: Sequence[str]) -> dict[str, object]:
    """The marks of decimals and thousands of these numbers; none if they need no setting."""
    decimal = _decimal(numbers)
    groups = [mark for text in numbers for mark in _GROUPED.findall(text) if mark != decimal]
    settings: dict[str, object] = {} if decimal in {"", "."} else {"decimal": decimal}
    if not groups:
        return settings
    thousands = max(set(groups), key=groups.count)
    settings["thousands"] = thousands
    if decimal == "" and thousands == ".":
        settings["decimal"] = ","
    if any(_LAKH.search(text) for text in numbers):
        settings["grouping"] = "lakh"
    return settings


def _decimal(numbers: Sequence[str]) -> str:
    """The mark of decimals; empty: no number shows one."""
    marks = []
    for text in numbers:
        last = max(text.rfind("."), text.rfind(","))
        if last < 0 or text.count(text[last]) > 1:
            continue
        has_other = any(char in text[:last] for char in f".,'\u2019{_BLANKS}")
        if len(text) - last - 1 != 3 or has_other:
            marks.append(text[last])
    return max(set(marks), key=marks.count) if marks else ""


def _instants(cells: Sequence[Cell], guess: ValueGuess) -> None:
    """The pattern that reads every instant, unless they are ISO 8601 or could be two."""
    texts = [bare(cell.text) for cell in cells]
    if not texts or all(map(_is_iso, texts)):
        return
    for patterns in _PATTERNS:
        reading = {pattern: times for pattern in patterns if (times := _times(pattern, texts))}
        if (
            len(reading) > 1
        ):  # also if all are alike in this file, such as 06/06: the next is not
            guess.questions.append(_day_or_month(texts[0], list(reading)))
            return
        if reading:
            guess.settings["dates"] = next(iter(reading))
            return
    guess.questions.append(
        f"No known pattern reads {shown(texts[0])} and the other instants: add dates with one,"
        ' such as dates = "%d.%m.%Y %H:%M:%S".'
    )


def _is_iso(text: str) -> bool:
    try:
        instant_from_text(text)
    except Malformed:
        return False
    return True


def _times(pattern: str, texts: Sequence[str]) -> tuple[datetime, ...]:
    """The times that a pattern reads from every text; empty: it does not."""
    times = []
    reader = DatePattern.of(pattern)
    for text in texts:
        try:
            time = reader.parse(text)
        except ValueError:
            return ()
        if time is None:
            return ()
        times.append(time.local)
    return tuple(times)


def _day_or_month(text: str, patterns: Sequence[str]) -> str:
    first, second = patterns
    return (
        f"Is {text} the day or the month first? Nothing in the file shows it: add dates ="
        f' "{first}" or dates = "{second}".'
    )
