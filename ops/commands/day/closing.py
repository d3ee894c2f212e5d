"""Closing a day: ``tieout day close`` and ``tieout reconcile --close-day``."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

import typer
from sqlalchemy import Engine

from feeds.arrival_delay import ProviderMaturity
from ops.commands.database import refusals
from ops.commands.day.output import day_commands, print_days
from ops.commands.identity import open_books_as
from ops.commands.next_commands import print_next
from ops.commands.options import AsJson, By
from ops.commands.scope import ChosenDay, act_on_each, on_days
from ops.context import context_of, database_url
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
from vocabulary.people import Right


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


@on_days
def close(
    ctx: typer.Context,
    *,
    days: list[ChosenDay],
    reason: Annotated[
        str, typer.Option(help="Why, although feeds or timing are left; kept for ever.")
    ] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Reconcile a day that is over and close it; people prepare and sign it afterwards."""
    engine, name = open_books_as(ctx, by, Right.PREPARE_DAYS)
    url = database_url(context_of(ctx))

    def close_one(one: ChosenDay) -> DayStatus:
        maturity = maturity_now(url, one.entry, SystemClock())
        closing = Closing(day=one.day, reason=reason, maturity=maturity)
        close_day_of(engine, url, one.entry, closing, name=name, options=RunOptions())
        with engine.connect() as connection:
            return business_day_of(connection, one.entry, one.day, SystemClock().now())

    closed, refused = act_on_each(days, close_one)
    print_days(closed, as_json=as_json)
    if closed and not as_json:
        print_next(*day_commands("prepare", closed))
    raise typer.Exit(1 if refused else 0)


def close_day_of(
    engine: Engine,
    url: str,
    entry: ProviderSettings,
    closing: Closing,
    *,
    name: str,
    options: RunOptions,
) -> RunResult:
    """Reconcile a day and close it in somebody's name; prints why it is refused and exits 1."""
    with refusals(), refused_people():
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
    """Reconcile a day, and close it if it is over, heard and not prepared yet."""
    try:
        check_close(day, "")
    except DayRefused:
        closes = None
    else:
        closes = day.day
    maturity = maturity_now(url, entry, SystemClock())
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
            f"{closing.day} of {entry.slug} stays open: {timing} rounds are still timing."
            f" {result.run_id} is stored. Wait, or close it with --reason"
        )
