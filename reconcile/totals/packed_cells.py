"""Key rows with what a cell of the totals needs, packed: read span by span, in little memory.

A span is a part of one business day. Queries send its rows as strings that NumPy reads without
parsing; see ``reconcile.snapshot.key_rows``, whose layout comes first in each row.
"""

from collections.abc import Iterator
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
_ALL_ROWS = 2**62
#: By how much a span may be longer than the one before.
_GROWTH = 4
#: A shorter span is not divided further.
_SPAN_MIN = timedelta(seconds=1)
_US = timedelta(microseconds=1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

_KEY_ROW = [
    *(("match_key", ">i8"), ("stake", ">i8"), ("payout", ">i8"), ("name", ">i8")),
    *(("currency", ">i8"), ("odd", "u1"), ("at", ">i8")),
]
#: Instants are microseconds since 2000, as PostgreSQL sends them.
_OUR_ROW = np.dtype(
    [*_KEY_ROW, ("last_at", ">i8"), ("bets", ">i4"), ("wins", ">i4"), ("rollbacks", ">i4")]
)
_THEIR_ROW = np.dtype([*_KEY_ROW, ("reported_at", ">i8"), ("game", ">i8")])
_OUR_COLUMNS = """
{our_key_row} || timestamptz_send(r.first_at) || timestamptz_send(r.last_at)
|| int4send(r.bets) || int4send(r.wins) || int4send(r.rollbacks)
"""
# The lowest bit of the game's hash tells whether the record is rolled back.
_THEIR_COLUMNS = """
f.key_row || timestamptz_send(f.created_at) || timestamptz_send(f.received_at)
|| int8send(CASE WHEN f.game IS NULL THEN 0 ELSE hashtextextended(f.game, 0) END & -2
            | f.rolled_back::int)
"""
_OURS = f"""
SELECT {_OUR_COLUMNS} AS packed FROM rounds r
 WHERE r.provider = {{provider}} AND r.first_at >= {{since}} AND r.first_at < {{until}}
"""  # noqa: S608 - only constants are put in
_THEIRS = f"""
SELECT {_THEIR_COLUMNS} AS packed FROM feed_records f
 WHERE f.provider = {{provider}} AND f.created_at >= {{since}} AND f.created_at < {{until}}
"""  # noqa: S608
_AS_ONE_STRING = "SELECT string_agg(packed, '') FROM (%s LIMIT {most}) x"
_SPAN = (_AS_ONE_STRING % _OURS, _AS_ONE_STRING % _THEIRS)
_OF_KEYS = (
    f"""
SELECT string_agg({_OUR_COLUMNS}, '') FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM rounds x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {{provider}} OFFSET 0) r
 WHERE (r.first_at >= {{start}} AND r.first_at < {{end}}) IS TRUE
""",  # noqa: S608
    f"""
SELECT string_agg({_THEIR_COLUMNS}, '') FROM residual k
 CROSS JOIN LATERAL (SELECT * FROM feed_records x
                      WHERE x.match_key = k.match_key
                        AND x.provider IS NOT DISTINCT FROM {{provider}} OFFSET 0) f
 WHERE (f.created_at >= {{start}} AND f.created_at < {{end}}) IS TRUE
""",  # noqa: S608
)
#: Keys in one query.
_KEYS_PER_QUERY = 20_000

Columns: TypeAlias = dict[str, NDArray[Any]]


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


def read_spans(snapshot: Snapshot, zone: str) -> Iterator[SpanRows]:
    """Read the window in spans of about ``ROWS_AIM`` rows of the larger side, in order."""
    length: timedelta | None = None
    for day in _days(snapshot.window, ZoneInfo(zone)):
        start = day.window.start
        length = length or (day.window.end - start) // 16
        while start < day.window.end:
            end = min(start + length, day.window.end)
            span = Span(day.day, Window(start=start, end=end))
            rows = _read(snapshot, span)
            most = max(len(rows.ours["match_key"]), len(rows.theirs["match_key"]))
            if most > ROWS_MAX and end - start > _SPAN_MIN:
                length = (end - start) // 2
                continue
            yield rows
            length = min((end - start) * ROWS_AIM // max(most, 1), (end - start) * _GROWTH)
            start = end


def rows_of_keys(snapshot: Snapshot, keys: Keys) -> tuple[Columns, Columns]:
    """Read the rows of some keys in the window, each side ordered by ``match_key``."""
    ours, theirs = [], []
    for first in range(0, len(keys), _KEYS_PER_QUERY):
        batch = keys[first : first + _KEYS_PER_QUERY]
        packed = snapshot.packed_rows_of(_OF_KEYS, batch)
        ours.append(b"".join(packed[0]))
        theirs.append(b"".join(packed[1]))
    return _unpacked(b"".join(ours), _OUR_ROW), _unpacked(b"".join(theirs), _THEIR_ROW)


def rows_of_span(columns: Columns, span: Span) -> Columns:
    """The rows of a side that began in a span."""
    since, until = (instant_number(at) for at in (span.window.start, span.window.end))
    inside = (columns["at"] >= since) & (columns["at"] < until)
    return {name: values[inside] for name, values in columns.items()}


def instant_number(at: datetime) -> int:
    """An instant as microseconds since 2000."""
    return (at - _EPOCH) // _US


def _read(snapshot: Snapshot, span: Span) -> SpanRows:
    bounds = {"since": span.window.start, "until": span.window.end}
    is_divisible = span.window.end - span.window.start > _SPAN_MIN
    most = ROWS_MAX + 1 if is_divisible else _ALL_ROWS
    ours, theirs = snapshot.packed_rows(_SPAN, by_index=True, **bounds, most=most)
    return SpanRows(
        span=span,
        ours=_unpacked(b"".join(ours), _OUR_ROW),
        theirs=_unpacked(b"".join(theirs), _THEIR_ROW),
    )


def _unpacked(packed: bytes, layout: "np.dtype[Any]") -> Columns:
    """Read packed rows as columns, ordered by key."""
    rows = np.frombuffer(packed, layout)
    keys = rows["match_key"].astype(np.int64)
    order = sort_keys(keys)
    columns: Columns = {"match_key": keys.take(order)}
    for name in layout.names or ():
        if name != "match_key":
            dtype = np.bool_ if name == "odd" else np.int64
            columns[name] = rows[name].astype(dtype).take(order)
    return columns


def _days(window: Window, zone: ZoneInfo) -> Iterator[Span]:
    """The business days that a window touches, cut at its edges."""
    day = window.start.astimezone(zone).date()
    while (whole := day_window(day, zone)).start < window.end:
        start, end = max(whole.start, window.start), min(whole.end, window.end)
        yield Span(day, Window(start=start, end=end))
        day += timedelta(days=1)
