"""Rows read column by column, as far as they are plain; the others are passed on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import compress, repeat
from typing import Any

from feeds.staged_rows import RecordColumns, StagedRows, staged_rows
from feeds.statements.reading.file_format import FileRules
from feeds.statements.reading.plain.columns import CellColumn, ColumnReader, StatedAmount
from feeds.statements.reading.table import Rows, TableRow, TextRow, UnreadableRow
from feeds.statements.reading.values.row import RowNormalizer, joined
from providers.contract import Provider
from providers.statements.format import FieldKind, StatementFormat

#: Rows that are read together.
BLOCK_ROWS = 1_000
#: Characters of rows that are read together, except for the last row.
BLOCK_CHARS = 1 << 20

Row = TableRow | UnreadableRow
Places = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class PlainBlock:
    """The plain ones of rows that were read together.

    Attributes:
        stated: the sum of the field that a trailer sums.
    """

    rows: Sequence[TableRow]
    records: StagedRows
    stated: Decimal


class PlainRows:
    """Sorts out the plain rows of a table with a header.

    Args:
        places: of the columns of each field.
        width: the number of columns.
    """

    def __init__(
        self,
        rules: FileRules,
        shape: StatementFormat,
        provider: Provider,
        places: Places,
        width: int,
    ) -> None:
        self._trailer = rules.trailer
        self._shape = shape
        self._provider = provider
        self._lines = shape.plain(provider)
        self._optional = {*self._lines.unused, self._lines.game}
        self._summed = rules.trailer.of if rules.trailer is not None else None
        self._places = places
        self._width = width
        self._reader = ColumnReader(
            rules, shape, provider, RowNormalizer(rules, shape, provider)
        )

    def split(self, rows: Rows) -> Iterator[Row | PlainBlock]:
        """The rows as they come, but first the plain ones of every few that are read."""
        for block in _blocks(rows):
            readable = [row for row in block if isinstance(row, TableRow)]
            fitting = [row for row in readable if row.width == self._width]
            if not fitting or self._has_trailer(readable):
                yield from block
                continue
            plain = self._plain(fitting)
            if plain is None:
                yield from block
                continue
            yield plain
            if len(plain.rows) < len(block):
                ids = set(map(id, plain.rows))
                yield from (row for row in block if id(row) not in ids)

    def _has_trailer(self, rows: Sequence[TableRow]) -> bool:
        trailer = self._trailer
        return trailer is not None and any(row.first_text == trailer.marker for row in rows)

    def _plain(self, rows: Sequence[TableRow]) -> PlainBlock | None:
        """The plain ones of some rows; None: there are none."""
        values = self._values(self._columns(rows))
        refused = [column for column in values.all() if None in column]
        if refused:
            is_plain = [None not in row for row in zip(*refused, strict=True)]
            rows = list(compress(rows, is_plain))
            values = values.chosen(is_plain)
        return PlainBlock(rows, self._staged(values, rows), values.stated()) if rows else None

    def _columns(self, rows: Sequence[TableRow]) -> dict[str, CellColumn]:
        """The cells of each field; a field without a column has empty ones."""
        fields: dict[str, CellColumn] = {}
        is_text = all(isinstance(row, TextRow) for row in rows)
        table = [
            row.texts if isinstance(row, TextRow) and is_text else row.cells for row in rows
        ]
        columns: list[Sequence[Any]] = list(zip(*table, strict=True))
        for name in self._shape.fields:
            places = self._places.get(name)
            if places is None:
                fields[name] = CellColumn(("",) * len(rows))
            elif len(places) > 1:
                cells = (row.cells for row in rows)
                fields[name] = CellColumn.of(
                    [joined(row[place] for place in places) for row in cells]
                )
            else:
                column = columns[places[0]]
                fields[name] = CellColumn(column) if is_text else CellColumn.of(column)
        return fields

    def _values(self, columns: Mapping[str, CellColumn]) -> "_Values":
        """The values of each field, None where one is not plain."""
        lines, reader, shape = self._lines, self._reader, self._shape
        assert shape.action is not None, "plain lines have an action"
        actions = reader.words(shape.action, columns[shape.action])
        if not lines.amounts.keys() >= set(actions):
            actions = [action if action in lines.amounts else None for action in actions]
        missing = self._provider.currency if lines.currency in shape.optional else None
        currencies = reader.currencies(lines.currency, columns[lines.currency], missing)
        values = _Values({shape.action: actions, lines.currency: currencies}, {}, None)
        for name, kind in shape.fields.items():
            column = columns[name]
            if name in lines.empty:
                values.fields[name] = _empty(reader.words(name, column))
            elif kind is FieldKind.ID:
                ids = reader.ids(name, column)
                values.fields[name] = ids if name in self._optional else _filled(ids)
            elif kind is FieldKind.INSTANT:
                values.fields[name], values.parsed[name] = reader.instants(name, column)
            elif kind is FieldKind.AMOUNT and name == self._summed:
                amounts = reader.amounts(name, column, currencies, actions)
                values.fields[name] = [amount and amount.minor for amount in amounts]
                values.amounts = amounts
            elif kind is FieldKind.AMOUNT:
                values.fields[name] = reader.minors(name, column, currencies, actions)
        return values

    def _staged(self, values: "_Values", rows: Sequence[TableRow]) -> StagedRows:
        lines, fields = self._lines, values.fields
        created = values.parsed[lines.created_at]
        records = RecordColumns(
            record_ids=fields[lines.record_id],
            round_ids=fields[lines.round_id],
            handles=fields[lines.handle],
            currencies=fields[lines.currency],
            stakes=self._amounts(fields, 0),
            payouts=self._amounts(fields, 1),
            games=fields[lines.game] if lines.game else ("",) * len(rows),
            created=fields[lines.created_at],
            updated=fields[lines.updated_at],
            raws=[row.raw for row in rows],
        )
        return staged_rows(self._provider.slug, records, min(created), max(created))

    def _amounts(self, fields: Mapping[str, Sequence[Any]], side: int) -> list[int]:
        """The stakes (side 0) or payouts (side 1) of the rows by their actions."""
        assert self._shape.action is not None, "plain lines have an action"
        by_action = {action: pair[side] for action, pair in self._lines.amounts.items()}
        names = sorted({name for name in by_action.values() if name is not None})
        nothing = len(names)
        places = {
            action: nothing if name is None else names.index(name)
            for action, name in by_action.items()
        }
        amounts = zip(*(fields[name] for name in names), repeat(0))
        actions = fields[self._shape.action]
        return [row[places[action]] for action, row in zip(actions, amounts, strict=False)]


@dataclass(slots=True)
class _Values:
    """The values of some rows: a column for each field.

    Attributes:
        fields: texts, and amounts in minor units.
        parsed: the instants of fields that are instants.
        amounts: of the summed field; None: none is.
    """

    fields: dict[str, Sequence[Any]]
    parsed: dict[str, Sequence[Any]]
    amounts: Sequence[StatedAmount | None] | None

    def all(self) -> Iterator[Sequence[Any]]:
        """The columns that have None for each value that is not plain."""
        yield from self.fields.values()

    def chosen(self, is_chosen: Sequence[bool]) -> "_Values":
        """The values of some of the rows."""
        return _Values(
            _compressed(self.fields, is_chosen),
            _compressed(self.parsed, is_chosen),
            None if self.amounts is None else list(compress(self.amounts, is_chosen)),
        )

    def stated(self) -> Decimal:
        """The sum of the summed field as the file states it."""
        return sum((amount.stated for amount in self.amounts or () if amount), Decimal(0))


def _compressed(
    columns: Mapping[str, Sequence[Any]], is_chosen: Sequence[bool]
) -> dict[str, Sequence[Any]]:
    return {name: list(compress(column, is_chosen)) for name, column in columns.items()}


def _empty(words: Sequence[str | None]) -> Sequence[str | None]:
    """Words of which all must be missing."""
    return [None if word else word for word in words] if any(words) else words


def _filled(ids: Sequence[str | None]) -> Sequence[str | None]:
    """Ids of which none may be missing."""
    return [id_ or None for id_ in ids] if "" in ids else ids


def _blocks(rows: Rows) -> Iterator[list[Row]]:
    """The rows in lists; those that were read before an error come before it."""
    error: Exception | None = None
    is_end = False
    while not is_end and error is None:
        block: list[Row] = []
        chars = 0
        try:
            for row in rows:
                block.append(row)
                chars += row.size if isinstance(row, TableRow) else 0
                if len(block) == BLOCK_ROWS or chars > BLOCK_CHARS:
                    break
            else:
                is_end = True
        except Exception as raised:  # noqa: BLE001 - raised again below
            error = raised
        if block:
            yield block
    if error is not None:
        raise error
