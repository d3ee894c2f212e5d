"""Whole columns of cells as values; what is not surely plain is left to the reader of rows.

A value is plain if its form says by itself what the normalizer of rows and the dialect make of
it. Any other value is asked of the normalizer, once for equal texts, and is plain if the answer
is. None stands for a value that is not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import NamedTuple, TypeVar

from feeds.statements.reading.cells import Cell, CellKind
from feeds.statements.reading.file_format import FileRules, IdCase
from feeds.statements.reading.plain.forms import IDS, INSTANTS, AmountForm
from feeds.statements.reading.values.row import RowNormalizer
from feeds.statements.reading.values.text import NULL_WORDS
from providers.contract import Provider
from providers.statements.format import StatementFormat
from providers.wire.fields import instant, unsigned_amount
from vocabulary.currencies import digits_of, is_known
from vocabulary.errors import Malformed

#: Answers of the normalizer that are kept for each field.
CACHED_MAX = 2_048
#: Longest text that may be a plain value.
CACHED_CHARS_MAX = 200

_Key = TypeVar("_Key", tuple[CellKind, str], tuple[CellKind, str, str, str])
_Value = TypeVar("_Value")
_TEXT = frozenset({CellKind.TEXT, CellKind.EMPTY})


@dataclass(frozen=True, slots=True)
class CellColumn:
    """The cells of one field in some rows.

    Attributes:
        kinds: None: every cell is text or empty.
    """

    texts: Sequence[str]
    kinds: Sequence[CellKind] | None = None

    @classmethod
    def of(cls, cells: Sequence[Cell]) -> "CellColumn":
        """The column of these cells."""
        texts, kinds = [cell.text for cell in cells], [cell.kind for cell in cells]
        return cls(texts, None if _TEXT.issuperset(kinds) else kinds)

    def cells(self) -> Iterator[tuple[CellKind, str]]:
        """Kind and text of each cell."""
        if self.kinds is None:
            return ((_kind(text), text) for text in self.texts)
        return zip(self.kinds, self.texts, strict=True)


class StatedAmount(NamedTuple):
    """An amount as the file states it, and in minor units."""

    stated: Decimal
    minor: int


class _ValueCache(dict[_Key, _Value | None]):
    """Values by kind and text of a cell, and what else decides; None: it is not plain."""

    def __init__(self, read: Callable[[_Key], _Value | None]) -> None:
        super().__init__()
        self._read: Callable[[_Key], _Value | None] = read

    def __missing__(self, key: _Key) -> _Value | None:
        if len(self) >= CACHED_MAX:
            self.clear()
        if len(key[1]) > CACHED_CHARS_MAX:
            return None
        value: _Value | None = None
        with suppress(Malformed):
            value = self._read(key)
        self[key] = value
        return value


class ColumnReader:
    """Reads the columns of one provider's files."""

    def __init__(
        self,
        rules: FileRules,
        shape: StatementFormat,
        provider: Provider,
        normalizer: RowNormalizer,
    ) -> None:
        self._rules = rules
        self._provider = provider
        self._normalizer = normalizer
        self._action = shape.action or ""
        self._nulls = NULL_WORDS | {word.lower() for word in rules.null_text or ()}
        names = tuple(shape.fields)
        self._words = {name: _ValueCache(partial(self._normalized, name)) for name in names}
        self._instants = {name: _ValueCache(partial(self._instant, name)) for name in names}
        self._amounts = {name: _ValueCache(partial(self._amount, name)) for name in names}
        self._forms: dict[int, AmountForm] = {}
        declared = rules.null_text or ()
        self._has_usual_instants = rules.dates is None and not any(map(INSTANTS.fits, declared))

    def ids(self, name: str, column: CellColumn) -> Sequence[str | None]:
        """The ids of a column; an empty text where there is none."""
        texts = column.texts
        if self._rules.id_case is not IdCase.EXACT or column.kinds is not None:
            return [self._id(cell, name) for cell in column.cells()]
        if IDS.fits_all(texts) and self._nulls.isdisjoint(map(str.lower, texts)):
            return texts
        return [
            text
            if text == "" or (IDS.fits(text) and text.lower() not in self._nulls)
            else self._id((CellKind.TEXT, text), name)
            for text in texts
        ]

    def words(self, name: str, column: CellColumn) -> Sequence[str | None]:
        """The words of a column, normalized; an empty text where there is no value."""
        cache, texts = self._words[name], column.texts
        if column.kinds is not None:
            return [cache[cell] for cell in column.cells()]
        words = {text: cache[_kind(text), text] for text in set(texts)}
        return list(map(words.__getitem__, texts))

    def currencies(
        self, name: str, column: CellColumn, missing: str | None
    ) -> Sequence[str | None]:
        """The currencies of a column; where there is none, the ``missing`` one."""
        words, allowed = self.words(name, column), self._rules.currencies
        codes = {word: missing if word == "" else word for word in set(words)}
        plain = {
            word: code
            for word, code in codes.items()
            if code is not None
            and is_known(code, self._provider.exponents)
            and (not allowed or code in allowed)
        }
        return list(map(plain.get, words))

    def instants(
        self, name: str, column: CellColumn
    ) -> tuple[Sequence[str | None], Sequence[datetime | None]]:
        """The instants of a column, in ISO 8601 and as instants."""
        texts, cache = column.texts, self._instants[name]
        is_usual = self._has_usual_instants and column.kinds is None
        if is_usual and INSTANTS.fits_all(texts):
            with suppress(ValueError):
                return texts, list(map(datetime.fromisoformat, texts))
        pairs = [cache[cell] or (None, None) for cell in column.cells()]
        return [text for text, _ in pairs], [parsed for _, parsed in pairs]

    def minors(
        self,
        name: str,
        column: CellColumn,
        currencies: Sequence[str | None],
        actions: Sequence[str | None],
    ) -> Sequence[int | None]:
        """The amounts of a column in minor units."""
        codes = [code for code in set(currencies) if code is not None]
        exponents = {digits_of(code, self._provider.exponents) for code in codes}
        if len(exponents) != 1 or column.kinds is not None:
            amounts = self.amounts(name, column, currencies, actions)
            return [None if amount is None else amount.minor for amount in amounts]
        form = self._form(exponents.pop())
        if (minors := form.minors(column.texts)) is not None:
            return minors
        cache = self._amounts[name]
        return [
            form.minor(text) if form.fits(text) else _minor(cache, text, code, action)
            for text, code, action in zip(column.texts, currencies, actions, strict=True)
        ]

    def amounts(
        self,
        name: str,
        column: CellColumn,
        currencies: Sequence[str | None],
        actions: Sequence[str | None],
    ) -> Sequence[StatedAmount | None]:
        """The amounts of a column, as the file states them too."""
        cache = self._amounts[name]
        return [
            None if code is None or action is None else cache[kind, text, code, action]
            for (kind, text), code, action in zip(
                column.cells(), currencies, actions, strict=True
            )
        ]

    def _form(self, exponent: int) -> AmountForm:
        form = self._forms.get(exponent)
        if form is None:
            form = self._forms[exponent] = AmountForm(self._rules, exponent)
        return form

    def _id(self, cell: tuple[CellKind, str], name: str) -> str | None:
        id_ = self._words[name][cell]
        return id_ if id_ is not None and (id_ == "" or IDS.fits(id_)) else None

    def _normalized(self, name: str, cell: tuple[CellKind, str]) -> str:
        kind, text = cell
        return self._normalizer.value(Cell(text, kind), name).text

    def _instant(self, name: str, cell: tuple[CellKind, str]) -> tuple[str, datetime]:
        text = self._normalized(name, cell)
        return text, instant(text, name)

    def _amount(self, name: str, key: tuple[CellKind, str, str, str]) -> StatedAmount | None:
        kind, text, currency, action = key
        row = {"currency": Cell(currency), self._action: Cell(action)}
        amount = self._normalizer.amount(Cell(text, kind), name, row)
        if amount is None:
            return None
        stated, booked = amount
        money = unsigned_amount(booked, currency, self._provider, path=name)
        return StatedAmount(Decimal(stated), money.minor)


def _kind(text: str) -> CellKind:
    return CellKind.TEXT if text else CellKind.EMPTY


def _minor(
    cache: _ValueCache[tuple[CellKind, str, str, str], StatedAmount],
    text: str,
    currency: str | None,
    action: str | None,
) -> int | None:
    if currency is None or action is None or not text:
        return None
    amount = cache[CellKind.TEXT, text, currency, action]
    return None if amount is None else amount.minor
