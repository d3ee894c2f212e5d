"""Key rows with what a cell of the totals needs, packed: read span by span, in little memory.

A span is a part of one business day. Queries send its rows as strings that NumPy reads without
parsing; see ``reconcile.snapshot.key_rows``, whose layout comes first in each row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from reconcile.snapshot.frames import Keys
from reconcile.snapshot.key_rows import sort_keys
from reconcile.snapshot.snapshot import Snapshot
from vocabulary.window import Window, day_window

#: Rows of a side that one span is meant to hold, and the most that it may.
ROWS_AIM, ROWS_MAX = 200_000, 600_000
#: Strings in which the rows of a span are sent. The server builds and copies each of them in
#: memory that it asks for anew, so a string of all rows takes longer than finding them.
_STRINGS_PER_SPAN = 64
#: The most rows of one string: with more, the span is too long.
_STRING_ROWS_MAX = ROWS_MAX // 16
_ALL_ROWS = 2**62
#: By how much a span may be longer than the one before.
_GROWTH = 4
#: A shorter span is not divided further.
_SPAN_MIN = timedelta(seconds=1)
_US = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_KEY_ROW = [
    *(("match_key", ">i8"), ("stake", ">i8"), ("payout", ">i8"), ("name", ">i8")),
    *(("currency", ">i8"), ("odd", "u1")),
]
# What is sent as a value of its own costs as much as finding the row, so our three counts are
# one value. Counts that do not fit into it are sent as -1: such a row is never plain.
_COUNT_BITS = 21
_COUNT_MASK = (1 << _COUNT_BITS) - 1
_COUNTS = ("bets", "wins", "rollbacks")
_OUR_COLUMNS = f"""
{{our_key_row}} || int8send(CASE WHEN (r.bets | r.wins | r.rollbacks) <= {_COUNT_MASK}
                               THEN (r.bets::bigint << {2 * _COUNT_BITS})
                                    | (r.wins::bigint << {_COUNT_BITS}) | r.rollbacks
                               ELSE -1 END)
"""
# The lowest bit of the game's hash tells whether the record is rolled back.
_THEIR_COLUMNS = """
f.key_row || int8send(CASE WHEN f.game IS NULL THEN 0 ELSE hashtextextended(f.game, 0) END & -2
                      | f.rolled_back::int)
"""
_OURS = """
SELECT {columns} AS packed FROM rounds r
 WHERE r.provider = {{provider}} AND r.first_at >= part.since AND r.first_at < part.until
"""
_THEIRS = """
SELECT {columns} AS packed FROM feed_records f
 WHERE f.provider = {{provider}} AND f.created_at >= part.since AND f.created_at < part.until
"""
_IN_STRINGS = """
SELECT (SELECT string_agg(packed, '') FROM ({rows} LIMIT {{most}}) x)
  FROM unnest({{since}}, {{until}}) AS part (since, until)
"""
_OURS_OF_KEYS = """
SELECT string_agg({columns}, '') FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM rounds x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {{provider}} OFFSET 0) r
 WHERE (r.first_at >= {{start}} AND r.first_at < {{end}}) IS TRUE
"""
_THEIRS_OF_KEYS = """
SELECT string_agg({columns}, '') FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {{provider}} OFFSET 0) f
 WHERE (f.created_at >= {{start}} AND f.created_at < {{end}}) IS TRUE
"""
#: Keys in one query.
_KEYS_PER_QUERY = 20_000

Columns: TypeAlias = dict[str, NDArray[Any]]
_Layout: TypeAlias = "np.dtype[Any]"


@dataclass(frozen=True, slots=True)
class _SideColumns:
    """How the rows of one side are packed: the SQL that packs a row, and its layout."""

    sql: str
    layout: _Layout

    def with_instants(self, **instants: str) -> "_SideColumns":
        """The same with more columns: instants, each with its SQL."""
        sends = (f" || timestamptz_send({instant})" for instant in instants.values())
        return _SideColumns(
            self.sql + "".join(sends),
            np.dtype([*self.layout.descr, *((name, ">i8") for name in instants)]),
        )


_OUR_ROW = _SideColumns(_OUR_COLUMNS, np.dtype([*_KEY_ROW, ("counts", ">i8")]))
_THEIR_ROW = _SideColumns(_THEIR_COLUMNS, np.dtype([*_KEY_ROW, ("game", ">i8")]))
_ROWS = (_OUR_ROW, _THEIR_ROW)
#: Both sides with what only resolution rates need. Instants are microseconds since 2000, as
#: PostgreSQL sends them.
_TIMED_ROWS = (
    _OUR_ROW.with_instants(at="r.first_at", last_at="r.last_at"),
    _THEIR_ROW.with_instants(reported_at="f.received_at"),
)
#: The same with when each row began, which tells its span where rows are read by key.
_DATED_ROWS = (
    _TIMED_ROWS[0],
    _THEIR_ROW.with_instants(at="f.created_at", reported_at="f.received_at"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a business day."""

    day: date
    window: Window


@dataclass(frozen=True, slots=True)
class SpanRows:
    """The rows of both sides of a span, each ordered by ``match_key``."""

    span: Span
    ours: Columns
    theirs: Columns


def read_spans(snapshot: Snapshot, zone: str, *, instants: bool) -> Iterator[SpanRows]:
    """Read the window in spans of about ``ROWS_AIM`` rows of the larger side, in order.

    Args:
        snapshot: of the window.
        zone: of the business days.
        instants: whether ours have the columns ``at`` and ``last_at``, theirs ``reported_at``.
    """
    sides = _TIMED_ROWS if instants else _ROWS
    length: timedelta | None = None
    for day in _days(snapshot.window, ZoneInfo(zone)):
        start = day.window.start
        length = length or (day.window.end - start) // 16
        while start < day.window.end:
            end = min(start + length, day.window.end)
            span = Span(day.day, Window(start=start, end=end))
            rows = _read(snapshot, span, sides)
            if rows is None:
                length = (end - start) // 2
                continue
            yield rows
            most = max(len(rows.ours["match_key"]), len(rows.theirs["match_key"]), 1)
            length = min((end - start) * ROWS_AIM // most, (end - start) * _GROWTH)
            start = end


def rows_of_keys(snapshot: Snapshot, keys: Keys) -> tuple[Columns, Columns]:
    """Read the rows of some keys in the window, with instants, each side ordered by key."""
    ours, theirs = _DATED_ROWS
    queries = (
        _OURS_OF_KEYS.format(columns=ours.sql),
        _THEIRS_OF_KEYS.format(columns=theirs.sql),
    )
    strings: tuple[list[bytes], list[bytes]] = ([], [])
    for first in range(0, len(keys), _KEYS_PER_QUERY):
        packed = snapshot.packed_rows_of(queries, keys[first : first + _KEYS_PER_QUERY])
        strings[0].extend(packed[0])
        strings[1].extend(packed[1])
    return _unpacked(strings[0], ours.layout), _unpacked(strings[1], theirs.layout)


def rows_of_span(columns: Columns, span: Span) -> Columns:
    """The rows of a side that began in a span."""
    since, until = (instant_number(at) for at in (span.window.start, span.window.end))
    inside = (columns["at"] >= since) & (columns["at"] < until)
    return {name: values[inside] for name, values in columns.items()}


def instant_number(at: datetime) -> int:
    """An instant as microseconds since 2000."""
    return (at - _EPOCH) // _US


def _read(
    snapshot: Snapshot, span: Span, sides: tuple[_SideColumns, _SideColumns]
) -> SpanRows | None:
    """Read a span; None if it has too many rows and can be divided."""
    is_divisible = span.window.end - span.window.start > _SPAN_MIN
    ours, theirs = sides
    queries = (
        _IN_STRINGS.format(rows=_OURS.format(columns=ours.sql)),
        _IN_STRINGS.format(rows=_THEIRS.format(columns=theirs.sql)),
    )
    since, until = _parts(span.window)
    most = _STRING_ROWS_MAX if is_divisible else _ALL_ROWS
    strings = snapshot.packed_rows(queries, by_index=True, since=since, until=until, most=most)
    if is_divisible and any(map(_is_too_long, strings, sides)):
        return None
    return SpanRows(
        span=span,
        ours=_unpacked(strings[0], ours.layout),
        theirs=_unpacked(strings[1], theirs.layout),
    )


def _parts(window: Window) -> tuple[list[datetime], list[datetime]]:
    """The starts and ends of equal parts of a window."""
    length = window.end - window.start
    bounds = [
        window.start + length * n // _STRINGS_PER_SPAN for n in range(_STRINGS_PER_SPAN + 1)
    ]
    return bounds[:-1], bounds[1:]


def _is_too_long(strings: Sequence[bytes], side: _SideColumns) -> bool:
    """Whether a span has more rows than it may, or one of its strings may be cut."""
    row_bytes = side.layout.itemsize
    lengths = [len(string) // row_bytes for string in strings]
    return sum(lengths) > ROWS_MAX or max(lengths, default=0) >= _STRING_ROWS_MAX


def _unpacked(packed: Sequence[bytes], layout: _Layout) -> Columns:
    """Read packed rows as columns, ordered by key."""
    strings = [np.frombuffer(string, layout) for string in packed]
    rows = sum(map(len, strings))
    unordered: Columns = {
        name: np.empty(rows, np.bool_ if name == "odd" else np.int64)
        for name in layout.names or ()
    }
    start = 0
    for string in strings:  # each fits into a processor's cache
        for name, values in unordered.items():
            values[start : start + len(string)] = string[name]
        start += len(string)
    order = sort_keys(unordered["match_key"])
    columns = {name: values.take(order) for name, values in unordered.items()}
    if "counts" in columns:
        columns["odd"] |= columns["counts"] < 0
    return columns


def unpacked_counts(counts: NDArray[np.int64]) -> Columns:
    """Bets, wins and rollbacks of rows of ours, from their column ``counts``."""
    return {
        name: (counts >> (place * _COUNT_BITS)) & _COUNT_MASK
        for place, name in enumerate(reversed(_COUNTS))
    }


def _days(window: Window, zone: ZoneInfo) -> Iterator[Span]:
    """The business days that a window touches, cut at its edges."""
    day = window.start.astimezone(zone).date()
    while (whole := day_window(day, zone)).start < window.end:
        start, end = max(whole.start, window.start), min(whole.end, window.end)
        yield Span(day, Window(start=start, end=end))
        day += timedelta(days=1)
