"""The resolution rate: which share of rows and of money was resolved, and how soon.

A row is a round in one currency, under its round id on either side. It is *known* from the
first instant at which either side reported it to us. It is *resolved* when the first run was
stored that could judge it: both sides had reported it, or it was mature. If it had a break, it
is resolved when later data cleared the last break, or a person explained or closed it. A row
counts for a horizon once that horizon has passed since it was known.

Money is stake plus payout, of the side that reports more; a rolled back record moved none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from reconcile.matching.conservation import exact_sum
from vocabulary.clock import iso
from vocabulary.money import exponent_of, text_from_minor
from vocabulary.window import Window

Microseconds = NDArray[np.int64]
_NEVER = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

#: The names of the horizons; ``T+2`` ends with the second business day after the row's own.
HORIZONS: tuple[str, ...] = ("1h", "24h", "T+2")
_SPANS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}

_ROWS = """
WITH f AS (
  SELECT match_key, round_id, currency, min(created_at) AS began, max(created_at) AS at,
         min(received_at) AS reported, max(received_at) AS last_reported,
         sum(abs(stake) + abs(payout)) FILTER (WHERE NOT rolled_back) AS money
    FROM feed_records
   WHERE provider = :provider AND created_at >= :start AND created_at < :end
   GROUP BY match_key, round_id, currency
), r AS (
  SELECT match_key, round_id, currency, min(first_at) AS first_at, max(last_at) AS last_at,
         sum(abs(stake) + abs(payout)) AS money
    FROM rounds WHERE provider = :provider AND first_at >= :start AND first_at < :end
   GROUP BY match_key, round_id, currency
)
SELECT round_id, currency,
       (extract(epoch FROM coalesce(r.first_at, f.began)) * 1000000)::bigint AS began,
       (extract(epoch FROM least(r.first_at, f.reported)) * 1000000)::bigint AS known,
       (extract(epoch FROM CASE WHEN r.first_at IS NOT NULL AND f.reported IS NOT NULL
                                THEN greatest(r.last_at, f.last_reported) END)
        * 1000000)::bigint AS both_reported,
       (extract(epoch FROM coalesce(r.last_at, f.at)) * 1000000)::bigint AS at,
       greatest(coalesce(r.money, 0), coalesce(f.money, 0))::bigint AS money
  FROM r FULL JOIN f USING (match_key, round_id, currency)
"""
_RUNS = """
SELECT (extract(epoch FROM window_from) * 1000000)::bigint AS start,
       (extract(epoch FROM window_to) * 1000000)::bigint AS ended,
       (extract(epoch FROM started_at) * 1000000)::bigint AS judged,
       (extract(epoch FROM finished_at) * 1000000)::bigint AS stored,
       (manifest ->> 'maturity_s')::bigint * 1000000 AS maturity
  FROM runs
 WHERE provider = :provider AND window_to > :start AND window_from < :end
   AND finished_at <= :now
 ORDER BY finished_at, run_id
"""
# A break has our round id; its alias is the provider's, if that differs.
_BREAKS = """
SELECT n.name,
       max((extract(epoch FROM least(
              CASE WHEN l.state IN ('explained', 'closed') THEN l.since END, b.cleared_at))
            * 1000000)::bigint) AS resolved,
       bool_or(b.cleared_at IS NULL
               AND coalesce(l.state, 'open') NOT IN ('explained', 'closed')) AS open
  FROM breaks b LEFT JOIN break_workflows l USING (break_id)
 CROSS JOIN LATERAL (VALUES (b.round_id), (b.alias)) AS n (name)
 WHERE b.provider = :provider AND n.name <> ''
 GROUP BY n.name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionRate:
    """How much was resolved within a horizon.

    Attributes:
        due: the rows whose horizon has passed.
        resolved: those of them that were resolved within it.
        money: by currency, (resolved, due) in minor units.
    """

    horizon: str
    due: int
    resolved: int
    money: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolutionRates:
    """The rates of one provider for the rows that began in a window, as of an instant.

    Attributes:
        rows: all rows of the window, also those without a horizon passed.
        open: those that are not resolved yet.
    """

    provider: str
    window: Window
    at: datetime
    rows: int
    open: int
    rates: tuple[ResolutionRate, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows ordered by when they began; instants in microseconds since 1970.

    Attributes:
        known: when either side first reported the row.
        both: when both sides had reported it; ``_NEVER`` if only one has.
        last_at: the last activity of the round.
    """

    names: NDArray[np.object_]
    currency: NDArray[np.object_]
    began: Microseconds
    known: Microseconds
    both: Microseconds
    last_at: Microseconds
    money: Microseconds


def resolution_rates(
    connection: Connection, provider: str, window: Window, *, now: datetime, zone: str
) -> ResolutionRates:
    """Compute how many of a provider's rows were resolved, and how soon, by the stored runs."""
    parameters = {"provider": provider, "start": window.start, "end": window.end, "now": now}
    rows = _read(connection, parameters)
    resolved_at = _resolved_at(connection, parameters, rows)
    return ResolutionRates(
        provider=provider,
        window=window,
        at=now,
        rows=len(rows.began),
        open=int((resolved_at > _microseconds(now)).sum()),
        rates=tuple(_rate(horizon, rows, resolved_at, now, zone) for horizon in HORIZONS),
    )


def percent(part: int, total: int) -> str | None:
    """Return a percentage, rounded down to two digits; None if nothing was due.

    Rounding down makes sure that only all of it is 100.
    """
    if not total:
        return None
    hundredths = 10_000 * part // total
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def resolution_rates_json(
    rates: ResolutionRates, exponents: Mapping[str, int]
) -> dict[str, Any]:
    """Return one provider as ``tieout explained --json`` prints it."""
    return {
        "provider": rates.provider,
        "window": {"from": iso(rates.window.start), "to": iso(rates.window.end)},
        "at": iso(rates.at),
        "rows": rates.rows,
        "open": rates.open,
        "within": {rate.horizon: _rate_json(rate, exponents) for rate in rates.rates},
    }


def _rate_json(rate: ResolutionRate, exponents: Mapping[str, int]) -> dict[str, Any]:
    money = {
        code: {
            "due": text_from_minor(due, exponent_of(code, exponents)),
            "explained": text_from_minor(resolved, exponent_of(code, exponents)),
            "percent": percent(resolved, due),
        }
        for code, (resolved, due) in rate.money.items()
    }
    return {
        "due": rate.due,
        "explained": rate.resolved,
        "percent": percent(rate.resolved, rate.due),
        "money": money,
    }


def _read(connection: Connection, parameters: Mapping[str, object]) -> _Rows:
    rows = connection.execute(text(_ROWS), parameters).all()
    columns = list(zip(*rows, strict=True)) or [()] * 7
    texts = [np.array(column, dtype=object) for column in columns[:2]]
    integers = [
        np.array([_NEVER if value is None else value for value in column], dtype=np.int64)
        for column in columns[2:]
    ]
    order = np.argsort(integers[0], kind="stable")
    names, currency = (column[order] for column in texts)
    return _Rows(names, currency, *(column[order] for column in integers))


def _resolved_at(
    connection: Connection, parameters: Mapping[str, object], rows: _Rows
) -> Microseconds:
    resolved_at = _first_judged_at(connection, parameters, rows)
    breaks = {
        name: (resolved, is_open)
        for name, resolved, is_open in connection.execute(text(_BREAKS), parameters)
    }
    for row, name in enumerate(rows.names if breaks else ()):
        if name in breaks:
            resolved, is_open = breaks[name]
            resolved_at[row] = _NEVER if is_open else max(resolved, rows.known[row])
    return resolved_at


def _first_judged_at(
    connection: Connection, parameters: Mapping[str, object], rows: _Rows
) -> Microseconds:
    """Return when the first run was stored that had all it needed to judge each row."""
    instants = np.full(len(rows.began), _NEVER, dtype=np.int64)
    for run in connection.execute(text(_RUNS), parameters):
        first, last = np.searchsorted(rows.began, [run.start, run.ended])
        part = slice(int(first), int(last))
        mature = rows.last_at[part] + run.maturity <= run.judged
        ready = (rows.both[part] <= run.judged) | mature
        instants[part][ready & (instants[part] == _NEVER)] = run.stored
    return instants


def _rate(
    horizon: str, rows: _Rows, resolved_at: Microseconds, now: datetime, zone: str
) -> ResolutionRate:
    deadline = _deadlines(horizon, rows.known, zone)
    due = deadline <= _microseconds(now)
    resolved = due & (resolved_at <= deadline)
    money = {}
    for code in sorted(set(rows.currency[due])):
        of_currency = rows.currency == code
        money[str(code)] = (
            exact_sum(rows.money[resolved & of_currency]),
            exact_sum(rows.money[due & of_currency]),
        )
    return ResolutionRate(
        horizon=horizon, due=int(due.sum()), resolved=int(resolved.sum()), money=money
    )


def _deadlines(horizon: str, known: Microseconds, zone: str) -> Microseconds:
    if horizon in _SPANS:
        return known + _SPANS[horizon] // _US
    # Computed once per distinct hour instead of once per row: where a zone's offset is in whole
    # hours, no hour spans a midnight.
    hours, positions = np.unique(known // 3_600_000_000, return_inverse=True)
    ends = [_end_of_second_day(int(hour), zone) for hour in hours]
    deadlines: Microseconds = np.array(ends, dtype=np.int64)[positions]
    return deadlines


def _end_of_second_day(hour: int, zone: str) -> int:
    local = (_EPOCH + timedelta(hours=hour)).astimezone(ZoneInfo(zone))
    return _microseconds(_midnight(local.date() + timedelta(days=3), zone))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))


def _microseconds(instant: datetime) -> int:
    return (instant.astimezone(UTC) - _EPOCH) // _US
