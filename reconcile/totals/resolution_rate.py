"""The resolution rate: which share of rows and of money was resolved, and how soon.

A row is a round in one currency, under its round id on either side. It is *known* from the
first instant at which either side reported it to us. It is *resolved* when the first run was
stored that could judge it: both sides had reported it, or it was mature. If it had a break, it
is resolved when later data cleared the last break, or a person explained or closed it; if a
correction cleared it, when that was booked. A row counts for a horizon once that horizon has
passed since it was known.

Money is stake plus payout, of the side that reports more; a rolled back record moved none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, text

from reconcile.matching.conservation import exact_sum
from reconcile.snapshot.cut import require_rounds
from reconcile.snapshot.frames import Keys
from reconcile.snapshot.opening import open_snapshot
from reconcile.snapshot.rules import MatchContext
from reconcile.snapshot.snapshot import Snapshot
from reconcile.totals.plain_rows import AgreedRows, add_plain_rows
from storage.engine import url_of
from vocabulary.ids import match_key
from vocabulary.window import Window

Microseconds = NDArray[np.int64]
_NEVER = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
#: A quarter of an hour, in microseconds.
_QUARTER = timedelta(minutes=15) // _US
#: From 1970 to 2000, as packed rows count.
_SINCE_2000 = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _US

#: The names of the horizons; ``T+2`` ends with the second business day after the row's own.
HORIZONS: tuple[str, ...] = ("1h", "24h", "T+2")
_SPANS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24)}

# The rows of some keys.
_ROWS = """
SELECT * FROM (
WITH f AS (
  SELECT f.match_key, round_id, currency, min(created_at) AS began, max(created_at) AS at,
         min(received_at) AS reported, max(received_at) AS last_reported,
         sum(abs(stake) + abs(payout)) FILTER (WHERE NOT rolled_back) AS money
    FROM residual k
   CROSS JOIN LATERAL (SELECT * FROM feed_records x
                        WHERE x.match_key = k.match_key
                          AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) f
   WHERE (created_at >= {start} AND created_at < {end}) IS TRUE
   GROUP BY f.match_key, round_id, currency
), r AS (
  SELECT r.match_key, round_id, currency, min(first_at) AS first_at, max(last_at) AS last_at,
         sum(abs(stake) + abs(payout)) AS money
    FROM residual k
   CROSS JOIN LATERAL (SELECT * FROM rounds x
                        WHERE x.match_key = k.match_key
                          AND x.provider IS NOT DISTINCT FROM {provider} OFFSET 0) r
   WHERE (first_at >= {start} AND first_at < {end}) IS TRUE
   GROUP BY r.match_key, round_id, currency
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
) x
"""
#: Keys in one query.
_KEYS_PER_QUERY = 20_000
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
              CASE WHEN l.state IN ('explained', 'written_off', 'closed')
                   THEN l.since END, b.cleared_at))
            * 1000000)::bigint) AS resolved,
       bool_or(b.cleared_at IS NULL
               AND coalesce(l.state, 'open')
                   NOT IN ('explained', 'written_off', 'closed')) AS open
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
    """Rows; instants in microseconds since 1970.

    Attributes:
        currency: codes, or numbers that stand for them.
        known: when either side first reported the row.
        both: when both sides had reported it; ``_NEVER`` if only one has.
        last_at: the last activity of the round.
    """

    currency: NDArray[Any]
    began: Microseconds
    known: Microseconds
    both: Microseconds
    last_at: Microseconds
    money: Microseconds


@dataclass(slots=True)
class _Sums:
    """Adds rows up, a span at a time.

    Attributes:
        counts: by horizon, the rows that are resolved and those that are due.
        money: by horizon and currency code, the same of their money.
    """

    runs: Sequence[Row[Any]]
    now: datetime
    zone: str
    rows: int = 0
    open: int = 0
    counts: dict[str, list[int]] = field(
        default_factory=lambda: {horizon: [0, 0] for horizon in HORIZONS}
    )
    money: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add_plain(self, plain: AgreedRows, factor: int) -> None:
        """Add plain rows, or take them away again; none of them had a break."""
        ours, theirs = plain.ours, plain.theirs
        first_at, last_at, reported_at = (
            values + _SINCE_2000
            for values in (ours["at"], ours["last_at"], theirs["reported_at"])
        )
        rows = _Rows(
            currency=ours["currency"],
            began=first_at,
            known=np.minimum(first_at, reported_at),
            both=np.maximum(last_at, reported_at),
            last_at=last_at,
            money=np.abs(ours["stake"]) + np.abs(ours["payout"]),
        )
        self.add(rows, _first_judged_at(self.runs, rows), factor)

    def add(self, rows: _Rows, resolved_at: Microseconds, factor: int = 1) -> None:
        """Add rows that were resolved at these instants."""
        self.rows += factor * len(rows.began)
        self.open += factor * int((resolved_at > _microseconds(self.now)).sum())
        codes, currencies = pd.factorize(rows.currency)
        for horizon in HORIZONS:
            deadline = _deadlines(horizon, rows.known, self.zone)
            due = deadline <= _microseconds(self.now)
            resolved = due & (resolved_at <= deadline)
            for place, flags in enumerate((resolved, due)):
                self.counts[horizon][place] += factor * int(flags.sum())
            for code, currency in enumerate(currencies):
                if (of_due := due & (codes == code)).any():
                    sums = self.money.setdefault((horizon, _currency_code(currency)), [0, 0])
                    sums[0] += factor * exact_sum(rows.money[resolved & of_due])
                    sums[1] += factor * exact_sum(rows.money[of_due])

    def rates(self) -> tuple[ResolutionRate, ...]:
        """The rates of all rows that were added."""
        return tuple(
            ResolutionRate(
                horizon=horizon,
                due=due,
                resolved=resolved,
                money={
                    code: (money[0], money[1])
                    for (of, code), money in sorted(self.money.items())
                    if of == horizon
                },
            )
            for horizon, (resolved, due) in self.counts.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RatesReading:
    """Resolution rates that are computed while somebody reads the rows of a window.

    Attributes:
        breaks: by round id, when its last break was resolved, and whether one is open.
        suspect: the sorted keys of these rounds: their rows are read in full.
    """

    provider: str
    window: Window
    breaks: Mapping[str, tuple[int, bool]]
    suspect: Keys
    sums: _Sums

    @classmethod
    def begun(
        cls, connection: Connection, provider: str, window: Window, *, now: datetime, zone: str
    ) -> "RatesReading":
        """Read the stored runs and breaks, and no row yet."""
        params = {
            "provider": provider,
            "start": window.start,
            "end": window.end,
            "now": now,
        }
        breaks = {
            name: (resolved, is_open)
            for name, resolved, is_open in connection.execute(text(_BREAKS), params)
        }
        keys = sorted({match_key(provider, name) for name in breaks})
        return cls(
            provider=provider,
            window=window,
            breaks=breaks,
            suspect=np.array(keys, dtype=np.int64),
            sums=_Sums(connection.execute(text(_RUNS), params).all(), now, zone),
        )

    def finish(self, snapshot: Snapshot, other_keys: Keys) -> ResolutionRates:
        """Add the rows of the keys that are not plain; returns the rates of all rows."""
        for first in range(0, len(other_keys), _KEYS_PER_QUERY):
            rows = snapshot.query_keys(_ROWS, other_keys[first : first + _KEYS_PER_QUERY])
            self.sums.add(*_rows_with_breaks(rows, self.sums.runs, self.breaks))
        return ResolutionRates(
            provider=self.provider,
            window=self.window,
            at=self.sums.now,
            rows=self.sums.rows,
            open=self.sums.open,
            rates=self.sums.rates(),
        )


def resolution_rates(
    connection: Connection, provider: str, window: Window, *, now: datetime, zone: str
) -> ResolutionRates:
    """Compute how many of a provider's rows were resolved, and how soon, by the stored runs."""
    reading = RatesReading.begun(connection, provider, window, now=now, zone=zone)
    context = MatchContext(now=now, maturity=timedelta(0))
    url = url_of(connection.engine)
    with open_snapshot(url, provider, window, context) as snapshot:
        add = reading.sums.add_plain
        keys = add_plain_rows(snapshot, zone, add, reading.suspect, instants=True)
        require_rounds(snapshot, keys)
        return reading.finish(snapshot, keys)


def percent(part: int, total: int) -> str | None:
    """Return a percentage, rounded down to two digits; None if nothing was due.

    Rounding down makes sure that only all of it is 100.
    """
    if not total:
        return None
    hundredths = 10_000 * part // total
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _rows_with_breaks(
    read: Sequence[Mapping[str, Any]],
    runs: Sequence[Row[Any]],
    breaks: Mapping[str, tuple[int, bool]],
) -> tuple[_Rows, Microseconds]:
    """Rows as they were read, and when each was resolved."""
    instants = {
        name: np.array(
            [_NEVER if row[name] is None else row[name] for row in read], dtype=np.int64
        )
        for name in ("began", "known", "both_reported", "at", "money")
    }
    rows = _Rows(
        currency=np.array([row["currency"] for row in read], dtype=object),
        began=instants["began"],
        known=instants["known"],
        both=instants["both_reported"],
        last_at=instants["at"],
        money=instants["money"],
    )
    resolved_at = _first_judged_at(runs, rows)
    for number, row in enumerate(read):
        if row["round_id"] in breaks:
            resolved, is_open = breaks[row["round_id"]]
            resolved_at[number] = _NEVER if is_open else max(resolved, rows.known[number])
    return rows, resolved_at


def _first_judged_at(runs: Sequence[Row[Any]], rows: _Rows) -> Microseconds:
    """Return when the first run was stored that had all it needed to judge each row."""
    instants = np.full(len(rows.began), _NEVER, dtype=np.int64)
    waiting = np.arange(len(rows.began))
    for run in runs:
        if not len(waiting):
            break
        began, both, last_at = (
            values[waiting] for values in (rows.began, rows.both, rows.last_at)
        )
        is_ready = (both <= run.judged) | (last_at + run.maturity <= run.judged)
        is_ready &= (began >= run.start) & (began < run.ended)
        instants[waiting[is_ready]] = run.stored
        waiting = waiting[~is_ready]
    return instants


def _currency_code(currency: Any) -> str:
    """A currency code, also from its packed form."""
    if isinstance(currency, str):
        return currency
    return int(currency).to_bytes(8, "big").decode("ascii").rstrip()


def _deadlines(horizon: str, known: Microseconds, zone: str) -> Microseconds:
    if horizon in _SPANS:
        return known + _SPANS[horizon] // _US
    # Computed once per quarter of an hour instead of once per row: no zone has its midnight
    # within one.
    positions, quarters = pd.factorize(known // _QUARTER)
    ends = [_end_of_second_day(int(quarter), zone) for quarter in quarters]
    deadlines: Microseconds = np.array(ends, dtype=np.int64).take(positions)
    return deadlines


def _end_of_second_day(quarter: int, zone: str) -> int:
    known = _EPOCH + timedelta(microseconds=quarter * _QUARTER)
    day = known.astimezone(ZoneInfo(zone)).date()
    return _microseconds(_midnight(day + timedelta(days=3), zone))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone))


def _microseconds(instant: datetime) -> int:
    return (instant.astimezone(UTC) - _EPOCH) // _US
