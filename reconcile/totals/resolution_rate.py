"""What share of rows and of money was explained, and how soon.

A row is a round in one currency, under the name that a side tells it by. It is *known* from the
first instant either side told us of it. It is *explained* when the first run stood that judged
it with both sides told, or ripe, and no break about it was open; where there was a break, when
the last of them was cleared by later data or explained or closed by a person. A row counts for
a horizon once the horizon has passed since it was known: younger ones had no chance yet.

Money is stake and payout together, by the side that tells more of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from reconcile.matching.conservation import exact_sum
from vocabulary.window import Window

Micros = NDArray[np.int64]
_NEVER = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

#: The horizons, as they are named; ``T+2`` ends with the second business day after the row's.
HORIZONS: tuple[str, ...] = ("1h", "24h", "T+2")
_SPANS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}

_ROWS = """
WITH f AS (
  SELECT match_key, round_id, currency, min(created_at) AS began, max(created_at) AS at,
         min(received_at) AS told, max(received_at) AS last_told,
         sum(abs(stake) + abs(payout)) AS money
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
       (extract(epoch FROM least(r.first_at, f.told)) * 1000000)::bigint AS known,
       (extract(epoch FROM CASE WHEN r.first_at IS NOT NULL AND f.told IS NOT NULL
                                THEN greatest(r.last_at, f.last_told) END)
        * 1000000)::bigint AS both_told,
       (extract(epoch FROM coalesce(r.last_at, f.at)) * 1000000)::bigint AS at,
       greatest(coalesce(r.money, 0), coalesce(f.money, 0))::bigint AS money
  FROM r FULL JOIN f USING (match_key, round_id, currency)
"""
_RUNS = """
SELECT (extract(epoch FROM window_from) * 1000000)::bigint AS start,
       (extract(epoch FROM window_to) * 1000000)::bigint AS ended,
       (extract(epoch FROM started_at) * 1000000)::bigint AS judged,
       (extract(epoch FROM finished_at) * 1000000)::bigint AS stood,
       (manifest ->> 'maturity_s')::bigint * 1000000 AS maturity
  FROM runs
 WHERE provider = :provider AND window_to > :start AND window_from < :end
   AND finished_at <= :now
 ORDER BY finished_at, run_id
"""
# A break names its round by our name; the provider's own, where it has another, is its alias.
_BREAKS = """
SELECT n.name,
       max((extract(epoch FROM least(
              CASE WHEN l.state IN ('explained', 'closed') THEN l.since END, b.cleared_at))
            * 1000000)::bigint) AS explained,
       bool_or(b.cleared_at IS NULL
               AND coalesce(l.state, 'open') NOT IN ('explained', 'closed')) AS open
  FROM breaks b LEFT JOIN break_workflows l USING (break_id)
 CROSS JOIN LATERAL (VALUES (b.round_id), (b.alias)) AS n (name)
 WHERE b.provider = :provider AND n.name <> ''
 GROUP BY n.name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much was explained within a horizon.

    Attributes:
        due: rows whose horizon has passed.
        explained: those of them that were explained within it.
        money: by currency, (explained, due) in minor units.
    """

    horizon: str
    due: int
    explained: int
    money: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The shares of one provider over rows that began in a window, as of an instant.

    Attributes:
        rows: of the window, young ones included.
        open: those that nothing explains so far.
    """

    provider: str
    window: Window
    at: datetime
    rows: int
    open: int
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows in order of when they began; instants in microseconds since 1970."""

    names: NDArray[np.object_]
    currency: NDArray[np.object_]
    began: Micros
    known: Micros
    both: Micros
    at: Micros
    money: Micros


def explained(
    connection: Connection, provider: str, window: Window, *, now: datetime, zone: str
) -> Explained:
    """What share of a provider's rows was explained, and how soon, by the runs stored."""
    said = {"provider": provider, "start": window.start, "end": window.end, "now": now}
    rows = _read(connection, said)
    instants = _explained_at(connection, said, rows)
    known_now = instants <= _micros(now)
    return Explained(
        provider=provider,
        window=window,
        at=now,
        rows=len(rows.began),
        open=int((~known_now).sum()),
        shares=tuple(_share(each, rows, instants, now, zone) for each in HORIZONS),
    )


def percent(part: int, whole: int) -> str | None:
    """A share in percent, cut to two digits: only all of it is 100; None: nothing was due."""
    if not whole:
        return None
    hundredths = 10_000 * part // whole
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _read(connection: Connection, said: Mapping[str, object]) -> _Rows:
    told = connection.execute(text(_ROWS), said).all()
    columns = list(zip(*told, strict=True)) or [()] * 7
    names, currency = (np.array(columns[at], dtype=object) for at in (0, 1))
    began, known, both, at, money = (
        np.array([_NEVER if value is None else value for value in column], dtype=np.int64)
        for column in columns[2:]
    )
    order = np.argsort(began, kind="stable")
    return _Rows(
        *(each[order] for each in (names, currency)),
        *(each[order] for each in (began, known, both, at, money)),
    )


def _explained_at(connection: Connection, said: Mapping[str, object], rows: _Rows) -> Micros:
    instants = _judged_at(connection, said, rows)
    told = {
        name: (done, still) for name, done, still in connection.execute(text(_BREAKS), said)
    }
    for place, name in enumerate(rows.names if told else ()):
        if name in told:
            done, still = told[name]
            instants[place] = _NEVER if still else max(done, rows.known[place])
    return instants


def _judged_at(connection: Connection, said: Mapping[str, object], rows: _Rows) -> Micros:
    """When the first run stood that had all it needed to judge each row."""
    instants = np.full(len(rows.began), _NEVER, dtype=np.int64)
    for run in connection.execute(text(_RUNS), said):
        first, last = np.searchsorted(rows.began, [run.start, run.ended])
        part = slice(int(first), int(last))
        ready = (rows.both[part] <= run.judged) | (rows.at[part] + run.maturity <= run.judged)
        fresh = ready & (instants[part] == _NEVER)
        instants[part][fresh] = run.stood
    return instants


def _share(horizon: str, rows: _Rows, instants: Micros, now: datetime, zone: str) -> Share:
    deadline = _deadlines(horizon, rows.known, zone)
    due = deadline <= _micros(now)
    done = due & (instants <= deadline)
    money = {
        str(code): tuple(
            exact_sum(rows.money[which & (rows.currency == code)]) for which in (done, due)
        )
        for code in sorted(set(rows.currency[due]))
    }
    return Share(
        horizon=horizon,
        due=int(due.sum()),
        explained=int(done.sum()),
        money={code: (part, whole) for code, (part, whole) in money.items()},
    )


def _deadlines(horizon: str, known: Micros, zone: str) -> Micros:
    if horizon in _SPANS:
        return known + _SPANS[horizon] // _US
    # Midnights by day, found once for each hour that anything was known in: zones move by less.
    hours, places = np.unique(known // 3_600_000_000, return_inverse=True)
    ends = [_end_of_second_day(int(hour), zone) for hour in hours]
    found: Micros = np.array(ends, dtype=np.int64)[places]
    return found


def _end_of_second_day(hour: int, zone: str) -> int:
    local = (_EPOCH + timedelta(hours=hour)).astimezone(ZoneInfo(zone))
    return _micros(_midnight(local.date() + timedelta(days=3), zone))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))


def _micros(instant: datetime) -> int:
    return (instant.astimezone(UTC) - _EPOCH) // _US
