"""Queries of a report pack: its business days, open breaks and game totals."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from breaks.impact import effects_of
from breaks.kinds import BreakKind, Impact
from breaks.policy import SlaRule, due_at
from breaks.standing import Standing, standing_of
from breaks.states import SETTLED, BreakState
from feeds.day_close import ChangedRecord, close_of, restatements_of
from reconcile.days.day_sums import SummedDay, kept_days, kept_figures
from reconcile.totals.cells import NO_FIGURES, Figures, TotalsCell
from reconcile.totals.sides import our_figures
from reports.coverage import gaps
from vocabulary.window import Window, day_window

# All breaks of a provider that runs still find: money first, by currency, the largest first.
_OPEN_BREAKS = """
SELECT break_id, b.run_id, kind, impact, player, currency, round_id, alias, ours, theirs,
       difference, explanation, evidence, first_seen, last_seen,
       coalesce(state, 'open') AS state, assignee, answer,
       coalesce(b.began_at, b.first_seen) AS began_at,
       coalesce(opened_at, first_seen) AS opened_at, coalesce(reopened, 0) AS reopened,
       EXISTS (SELECT FROM adjustments a
                WHERE a.break_id = b.break_id AND a.state = 'posted') AS corrected
  FROM breaks b LEFT JOIN break_workflows l USING (break_id)
 WHERE provider = :provider AND cleared_at IS NULL
 ORDER BY difference = 0, currency, abs(difference) DESC, kind, round_id, break_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBreak:
    """A break that runs still find.

    Attributes:
        alias: the provider's name of the round if it differs from ours; else empty.
        difference: signed, in minor units; positive means that the player is owed.
        evidence: references to its evidence; see ``reconcile.findings.evidence``.
        began_at: when the bet that it is about took place; else when it was first seen.
        opened_at: when it was first seen or reopened; its age counts from here.
        answer: the verdict of the provider when asked about it, or None.
        due: when it must be resolved; None if nobody has to act.
        corrected: a correction of it was booked.
    """

    break_id: str
    run_id: str
    kind: str
    impact: str
    player: str
    currency: str
    round_id: str
    alias: str
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None
    difference: int
    explanation: str
    evidence: dict[str, Any]
    first_seen: datetime
    last_seen: datetime
    state: str
    assignee: str | None
    began_at: datetime
    opened_at: datetime
    reopened: int
    answer: str | None
    due: datetime | None
    corrected: bool

    @property
    def standing(self) -> Standing:
        """Whether somebody has to act, or how it ended."""
        return standing_of(BreakState(self.state), corrected=self.corrected)

    @property
    def is_unsettled(self) -> bool:
        """Whether somebody still has to settle it, here or at the provider."""
        return BreakState(self.state) not in SETTLED

    @property
    def invoice(self) -> int:
        """The provider's GGR less ours because of it, in minor units."""
        return effects_of(BreakKind(self.kind), self.difference).invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class RestatedRecords:
    """Records of a closed day that changed since: how many, and by how much (minor units)."""

    currency: str
    records: int
    difference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessDay:
    """One business day of a window.

    Attributes:
        whole: whether the window contains all of it.
        closed_at: when it was signed off; None if it was not.
        run_id: the run that it was signed off by; None: without one.
        records: how many records the provider had reported for the day at that time.
        restated: records that changed since, by currency.
    """

    day: date
    whole: bool
    closed_at: datetime | None = None
    run_id: str | None = None
    records: int = 0
    restated: tuple[RestatedRecords, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTotal:
    """What our rounds of one game and currency moved, in minor units."""

    game: str
    currency: str
    rounds: int
    stake: int
    payout: int

    @property
    def ggr(self) -> int:
        """Gross gaming revenue: stake less payout."""
        return self.stake - self.payout


def open_breaks(
    connection: Connection, provider: str, rules: tuple[SlaRule, ...]
) -> tuple[OpenBreak, ...]:
    """All breaks of a provider that runs still find: money first, the largest amounts first."""
    rows = connection.execute(text(_OPEN_BREAKS), {"provider": provider})
    return tuple(OpenBreak(**row, due=_due(row, rules)) for row in rows.mappings())


def _due(row: Any, rules: tuple[SlaRule, ...]) -> datetime | None:
    if row["state"] in SETTLED:
        return None
    impact = Impact(row["impact"])
    return due_at(rules, impact, row["currency"], row["difference"], row["opened_at"])


def business_days(
    connection: Connection, provider: str, window: Window, zone: str
) -> tuple[BusinessDay, ...]:
    """The business days that a window touches, with their sign-offs."""
    return tuple(
        _day(
            connection,
            provider,
            day,
            whole=window.start <= span.start and span.end <= window.end,
        )
        for day, span in _days(window, zone)
    )


def _days(window: Window, zone: str) -> Iterator[tuple[date, Window]]:
    local = ZoneInfo(zone)
    day = window.start.astimezone(local).date()
    while (span := day_window(day, local)).start < window.end:
        yield day, span
        day += timedelta(days=1)


def _day(connection: Connection, provider: str, day: date, *, whole: bool) -> BusinessDay:
    close = close_of(connection, provider, day)
    if close is None:
        return BusinessDay(day=day, whole=whole)
    return BusinessDay(
        day=day,
        whole=whole,
        closed_at=close.closed_at,
        run_id=close.run_id,
        records=close.records,
        restated=_restated(restatements_of(connection, provider, day)),
    )


def _restated(restatements: list[ChangedRecord]) -> tuple[RestatedRecords, ...]:
    sums: dict[str, list[int]] = {}
    for restatement in restatements:
        entry = sums.setdefault(restatement.latest.currency, [0, 0])
        entry[0] += 1
        entry[1] += restatement.difference
    return tuple(
        RestatedRecords(currency=code, records=count, difference=difference)
        for code, (count, difference) in sorted(sums.items())
    )


def game_totals_of(our_rounds: Iterable[tuple[TotalsCell, Figures]]) -> tuple[GameTotal, ...]:
    """Sums by game and currency, the largest GGR of a currency first.

    Args:
        our_rounds: figures of our rounds by day, game and currency; cells may repeat.
    """
    sums: dict[tuple[str, str], Figures] = {}
    for cell, figures in our_rounds:
        name = (cell.currency, cell.game)
        sums[name] = sums.get(name, NO_FIGURES) + figures
    ordered = sorted(sums.items(), key=lambda item: (item[0][0], -abs(item[1].ggr), item[0][1]))
    return tuple(
        GameTotal(
            game=game,
            currency=currency,
            rounds=figures.rounds,
            stake=figures.stake,
            payout=figures.payout,
        )
        for (currency, game), figures in ordered
        if figures.rounds
    )


def game_totals(
    connection: Connection, provider: str, window: Window, zone: str
) -> tuple[GameTotal, ...]:
    """Our rounds of a window by game and currency.

    What the database keeps of whole days is not added up again. The game of a round is the one
    that the provider's history reports.
    """
    days = [
        SummedDay(provider=provider, day=day, zone=zone, window=span)
        for day, span in _days(window, zone)
        if window.start <= span.start and span.end <= window.end
    ]
    kept = kept_days(connection, days)
    parts = [
        both.ours
        for both in kept_figures(connection, kept, by_day=False, by_game=True).values()
    ]
    parts += [
        our_figures(connection, provider, gap, zone, by_game=True)
        for gap in gaps(window, [day.window for day in kept])
    ]
    return game_totals_of(pair for part in parts for pair in part.items())
