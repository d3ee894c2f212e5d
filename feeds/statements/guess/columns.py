"""Guesses the header of a foreign file and the columns of our fields.

Columns are guessed by their names and by what their first values look like.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from feeds.statements.guess.synonyms import action_meaning, ambiguous_words, column_words
from feeds.statements.reading.cells import Cell, CellKind
from feeds.statements.reading.file_format import ColumnNames
from feeds.statements.reading.table import TableRow
from providers.statements.format import FieldKind, StatementFormat
from vocabulary.currencies import is_currency

#: Rows among which the header is guessed.
HEADER_ROWS_MAX = 50
#: Rows whose values are looked at.
VALUES_MAX = 20

_LIKENESS_MIN = 50
#: Of a column whose values alone say what it is.
_BY_VALUES = 55
_SAME = 200
#: Off the likeness of a name if the values of its column look otherwise.
_UNFIT = 25
#: The word that tells a field from others, the rarest first.
_HEADS = ("rollback", "user", "created", "amount", "currency", "action", "transaction")
_AMOUNT = re.compile(
    r"[^\w\d]*[^\d\s-]{0,3}\s?[0-9][0-9.,'\s\u00a0\u202f\u2009\u2019]*[^\d\s]{0,4}\s?[^\w]*"
)
_DAY = (
    r"(?:[A-Z][a-z]+, ?)?[0-9]{1,4}[-./ ][0-9]{1,2}[-./ ][0-9]{1,4}"
    r"|[0-9]{1,2}\.?[-/ ][A-Za-z]{3,9}[-/ ,]+[0-9]{2,4}|[A-Za-z]{3} [0-9]{1,2}, [0-9]{4}"
)
_INSTANT = re.compile(rf"(?:{_DAY})|[0-9]{{8}}T?[0-9]{{6}}")
_DAY_ONLY = re.compile(rf"(?:{_DAY})(?:T00:00:00)?")
_TIME_ONLY = re.compile(
    r"[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2})?(?:\.[0-9]+)?(?: ?[AaPp][Mm])?"
)
_ZONE = re.compile(r"Z|UTC|GMT|[A-Z]{3,4}|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z][a-z]+/[A-Z]\w+")


@dataclass(frozen=True, slots=True)
class HeaderGuess:
    """The guessed header.

    Attributes:
        row: the header's row.
        columns: our name of a field to its column, or to the columns of its parts.
        unlike: names of columns that are like none of our fields.
    """

    row: TableRow
    columns: Mapping[str, ColumnNames]
    unlike: tuple[str, ...]

    def places(self, field: str) -> tuple[int, ...]:
        """The places of a field's columns."""
        columns = self.columns[field]
        names = [cell.text.strip() for cell in self.row.cells]
        parts = (columns,) if isinstance(columns, str) else columns
        return tuple(names.index(name) for name in parts)


def guess_header(
    rows: Sequence[TableRow],
    expected: Mapping[str, str],
    shape: StatementFormat,
    *,
    declared: Collection[str] = (),
) -> HeaderGuess | None:
    """The row with the most columns of our fields; None: no row has any.

    Args:
        rows: the first rows of the file.
        expected: our name of each field that is looked for to the name that its column should
            have.
        shape: the dialect's statement.
        declared: columns of other fields, which are none of these.
    """
    best: HeaderGuess | None = None
    for place, row in enumerate(rows[:HEADER_ROWS_MAX]):
        below = rows[place + 1 : place + 1 + VALUES_MAX]
        columns = _columns(_names(row, declared), below, expected, shape)
        if len(columns) > (len(best.columns) if best else 0):
            best = _with_parts(row, below, columns, shape, declared)
    return best


def _names(header: TableRow, declared: Collection[str]) -> list[str]:
    """The names of the columns; empty for those that are declared for other fields."""
    names = [cell.text.strip() for cell in header.cells]
    return ["" if name in declared else name for name in names]


def _columns(
    names: Sequence[str],
    below: Sequence[TableRow],
    expected: Mapping[str, str],
    shape: StatementFormat,
) -> dict[str, str]:
    """The column of each field, the most alike pairs first."""
    literal = ambiguous_words(tuple(expected))
    pairs = sorted(
        (
            (
                _likeness(name, expected[ours], ours, literal)
                - (0 if _fits(_filled(below, place), ours, shape) else _UNFIT),
                -place,
                ours,
            )
            for place, name in enumerate(names)
            for ours in expected
            if name
        ),
        reverse=True,
    )
    by_values = [
        (_BY_VALUES, -place, ours) for place, ours in _by_values(names, below, expected, shape)
    ]
    columns: dict[str, str] = {}
    for likeness, place, ours in [*pairs, *by_values]:
        name = names[-place]
        if likeness >= _LIKENESS_MIN and ours not in columns and name not in columns.values():
            columns[ours] = name
    return columns | _references(names, below, columns, expected)


def _references(
    names: Sequence[str],
    below: Sequence[TableRow],
    columns: Mapping[str, str],
    expected: Mapping[str, str],
) -> dict[str, str]:
    """The column of ids that are rolled back, if only one has ids of other lines."""
    heads = {ours: column_words(ours) for ours in expected}
    wanted = [x for x, words in heads.items() if "rollback" in words and x not in columns]
    own = next((x for x, words in heads.items() if words == {"transaction", "id"}), None)
    if len(wanted) != 1 or own is None or own not in columns:
        return {}
    ids = {cell.text for cell in _filled(below, names.index(columns[own]))}
    free = [name for name in names if name and name not in columns.values()]
    referring = [
        name
        for name in free
        if (cells := _filled(below, names.index(name))) and {x.text for x in cells} <= ids
    ]
    return {wanted[0]: referring[0]} if len(referring) == 1 else {}


def _likeness(name: str, expected: str, ours: str, literal: set[str]) -> int:
    """How alike the name of a column is to that of a field, in percent; 200: the same."""
    if name == expected:
        return _SAME
    words, wanted = column_words(name, literal), column_words(ours, literal)
    both = len(words & wanted)
    likeness = 100 * both // len(words | wanted) if both else 0
    head = next((word for word in _HEADS if word in wanted), None)
    # The word that tells a field apart is enough: "Storno zu" is what is rolled back.
    return likeness if head not in words else _LIKENESS_MIN + 10 + 2 * likeness // 5


def _by_values(
    names: Sequence[str],
    below: Sequence[TableRow],
    expected: Mapping[str, str],
    shape: StatementFormat,
) -> Iterator[tuple[int, str]]:
    """Fields that only one column can be, whatever its name is."""
    for ours in expected:
        is_one = _only_values_of(ours, shape)
        if is_one is None:
            continue
        places = [
            place
            for place, name in enumerate(names)
            if name and (cells := _filled(below, place)) and all(map(is_one, cells))
        ]
        if len(places) == 1:
            yield places[0], ours


def _only_values_of(ours: str, shape: StatementFormat) -> Callable[[Cell], bool] | None:
    if shape.fields[ours] is FieldKind.INSTANT:
        return _is_instant
    if ours == "currency":
        return lambda cell: is_currency(cell.text.strip())
    if ours == shape.action:
        return lambda cell: cell.text in shape.actions or action_meaning(cell.text) is not None
    return None


def _filled(rows: Sequence[TableRow], place: int) -> list[Cell]:
    cells = [row.cells[place] for row in rows if place < len(row.cells)]
    return [cell for cell in cells if cell.kind is not CellKind.EMPTY]


def _is_instant(cell: Cell) -> bool:
    return cell.kind is CellKind.INSTANT or _INSTANT.match(cell.text.strip()) is not None


def _fits(cells: Sequence[Cell], ours: str, shape: StatementFormat) -> bool:
    """Whether the first values of a column may be of this field."""
    match shape.fields[ours]:
        case FieldKind.INSTANT:
            return any(map(_is_instant, cells))
        case FieldKind.AMOUNT:
            return any(_AMOUNT.fullmatch(cell.text.strip()) for cell in cells)
        case FieldKind.WORD:
            return ours != "currency" or any(is_currency(x.text.strip()) for x in cells)
        case FieldKind.ID:
            return not any(cell.kind is CellKind.INSTANT for cell in cells)


def _with_parts(
    header: TableRow,
    below: Sequence[TableRow],
    columns: Mapping[str, str],
    shape: StatementFormat,
    declared: Collection[str],
) -> HeaderGuess:
    """The header, with the time and the zone of instants that have columns of their own."""
    names = _names(header, declared)
    joined: dict[str, ColumnNames] = dict(columns)
    free = [name for name in names if name and name not in columns.values()]
    for ours, column in columns.items():
        if shape.fields[ours] is FieldKind.INSTANT:
            parts = _parts(names, below, column, free)
            joined[ours] = parts if len(parts) > 1 else column
            free = [name for name in free if name not in parts]
    return HeaderGuess(header, joined, tuple(free))


def _parts(
    names: Sequence[str], below: Sequence[TableRow], column: str, free: Sequence[str]
) -> tuple[str, ...]:
    """The columns of an instant: its own, and if that has no time, those of time and zone."""
    if not _all(below, names.index(column), _DAY_ONLY):
        return (column,)
    parts = [column]
    for form in (_TIME_ONLY, _ZONE):
        after = [name for name in free if name not in parts]
        part = next((name for name in after if _all(below, names.index(name), form)), None)
        if part is None:
            break
        parts.append(part)
    return tuple(parts)


def _all(rows: Sequence[TableRow], place: int, form: re.Pattern[str]) -> bool:
    cells = _filled(rows, place)
    return bool(cells) and all(form.fullmatch(cell.text.strip()) for cell in cells)
