"""Closing a business day by a run, for commands, the daily sweep and requested jobs."""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Engine

from feeds.arrival_delay import ProviderMaturity
from ops.providers.maturity import maturity_now
from ops.providers.reconciliation import reconcile_provider
from ops.scheduling.business_days import business_day_of
from ops.settings.model import ProviderSettings
from reconcile.days.states import DayRefused, DayStatus, check_close
from reconcile.days.store import note_close
from reconcile.partitions.options import RunOptions
from reconcile.runs.result import RunResult
from storage.people import refused_people
from vocabulary.clock import SystemClock
from vocabulary.plurals import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A day to be closed.

    Attributes:
        reason: why, although feeds or timing are left; empty: nothing may be left.
        maturity: rows younger than this are timing.
    """

    day: date
    reason: str
    maturity: ProviderMaturity | timedelta


def close_day_of(
    engine: Engine,
    url: str,
    entry: ProviderSettings,
    closing: Closing,
    *,
    name: str,
    options: RunOptions,
) -> RunResult:
    """Reconcile a day and close it in somebody's name.

    Raises:
        DayRefused: it is not over, something is missing without a reason, or it is signed.
        PersonRefused: the database does not take the person.
        Unavailable, Contradiction: see ``reconcile.runs.run.reconcile``.
    """
    with refused_people():
        window = _checked(engine, entry, closing).window
        result = reconcile_provider(
            url,
            entry,
            window,
            maturity=closing.maturity,
            close=closing.day,
            close_reason=closing.reason.strip() or None,
            options=options,
        )
        _note(engine, entry, closing, result, name)
    return result


def close_if_ready(
    engine: Engine, url: str, entry: ProviderSettings, day: DayStatus, options: RunOptions
) -> RunResult:
    """Reconcile a day, and close it if it is over, heard and not prepared yet.

    Raises:
        Overtaken: somebody prepared it meanwhile.
        Unavailable, Contradiction: see ``reconcile.runs.run.reconcile``.
    """
    try:
        check_close(day, "")
    except DayRefused:
        closes = None
    else:
        closes = day.day
    maturity = maturity_now(url, entry, SystemClock())
    with refused_people():  # somebody may prepare the day meanwhile
        result = reconcile_provider(
            url, entry, day.window, maturity=maturity, close=closes, options=options
        )
    if closes is not None:
        with engine.begin() as connection:
            note_close(
                connection, entry.slug, day.day, run_id=result.run_id, by="tieout", reason=""
            )
    return result


def _checked(engine: Engine, entry: ProviderSettings, closing: Closing) -> DayStatus:
    with engine.connect() as connection:
        day = business_day_of(connection, entry, closing.day, SystemClock().now())
    check_close(day, closing.reason)
    return day


def _note(
    engine: Engine, entry: ProviderSettings, closing: Closing, result: RunResult, name: str
) -> None:
    with engine.begin() as connection:
        closed = note_close(
            connection,
            entry.slug,
            closing.day,
            run_id=result.run_id,
            by=name,
            reason=closing.reason,
        )
    if not closed:
        timing = result.ours.timing.rows + result.theirs.timing.rows
        raise DayRefused(
            f"{closing.day} of {entry.slug} stays open: "
            f"{counted(timing, 'round is still timing', 'rounds are still timing')}."
            f" {result.run_id} is stored. Wait, or close it with --reason"
        )
