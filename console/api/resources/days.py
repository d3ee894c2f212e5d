"""Days with their figures and steps, the first page, and the calendar of a month."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from breaks.lists.overview import open_sums, waiting_work
from console.api.endpoint import Endpoint, Read, Write
from console.api.models.breaks import NoBody, ReasonBody
from console.api.models.days import (
    CalendarDayJson,
    CalendarJson,
    CalendarQuery,
    DayChangeJson,
    DayCloseJson,
    DayCorrectionJson,
    DayDetailJson,
    DayFiguresJson,
    DayJson,
    DayListJson,
    DayListQuery,
    DayStepJson,
    OpenMoneyJson,
    OwedJson,
    ReasonOrNoneBody,
    SideTotalsJson,
    TodayJson,
    TodayQuery,
    WaitingJson,
)
from console.api.models.values import MoneyJson, money, money_of_text, window_json
from console.api.resources.breaks import trail_json
from console.config import Visit
from console.pages import day_detail
from console.pages.corrected_rounds import known_beginnings
from console.pages.day_list import DAYS
from console.pages.parameters import provider_named, read_day, read_month
from console.pages.today import money_by_age, yesterday
from console.sentences import today_sentence
from reconcile.days.calendar import CalendarDay, calendar_of
from reconcile.days.corrections import DayCorrection, corrections_of
from reconcile.days.figures import DayFigures, SideTotals, changes_between
from reconcile.days.states import DayAction, DayStatus, DayStep, last_signed
from reconcile.days.store import day_subject
from storage.audit import trail
from vocabulary.people import Right

_TAG = "days"
#: How far back lists of days go.
_BACK_MAX = timedelta(days=3_660)
_ACTION_NAMES = {
    DayAction.PREPARE: "prepare",
    DayAction.SIGN: "sign",
    DayAction.REOPEN: "reopen",
}


def list_days(visit: Visit) -> DayListJson:
    """Days with rounds or a close, the newest first."""
    config, count = visit.config, int(visit.query.get("days", DAYS))
    chosen, after = visit.query.get("provider"), read_day(visit.query.get("after"))
    terms = config.providers if chosen is None else (provider_named(config, chosen),)
    newest = max(
        (visit.now.astimezone(ZoneInfo(term.zone)).date() for term in terms),
        default=config.today(visit.now),
    )
    first = newest if after is None else min(after, newest)
    span = [first - timedelta(days=back) for back in range(count)]
    with visit.console.readers.connect() as connection:
        statuses = [
            config.day_of(connection, term.slug, day, visit.now)
            for day in span
            for term in terms
        ]
    items = [day_fields(status) for status in statuses if _is_used(status)]
    before = span[-1] - timedelta(days=1)
    ends = newest - before > _BACK_MAX
    return DayListJson(
        items=tuple(DayJson(**fields) for fields in items), next=None if ends else str(before)
    )


def show_day(visit: Visit) -> DayDetailJson:
    """A day as it is now."""
    term, day = day_detail.named_day(visit)
    with visit.console.readers.connect() as connection:
        status = visit.config.day_of(connection, term.slug, day, visit.now)
        corrections = corrections_of(
            connection,
            term.slug,
            status.window,
            term.exponents,
            known_beginnings(visit.console, connection, term.slug),
        )
        return DayDetailJson(
            **day_fields(status),
            corrections=tuple(_correction(item, term.exponents) for item in corrections),
            trail=trail_json(trail(connection, day_subject(term.slug, day))),
            actions=tuple(_ACTION_NAMES[item] for item in day_detail.possible_actions(status)),
        )


def show_today(visit: Visit) -> TodayJson:
    """How yesterday, or another day, stands at each provider, and what waits for whom."""
    config, now, chosen = visit.config, visit.now, read_day(visit.query.get("day"))
    with visit.console.readers.connect() as connection:
        days = [
            config.day_of(connection, term.slug, chosen or yesterday(now, term.zone), now)
            for term in config.providers
        ]
        name = visit.signed_in.person.name
        waiting = waiting_work(connection, name, config.due_rules, now=now)
        sums = money_by_age(open_sums(connection, now=now))
    day = chosen or (days[0].day if days else yesterday(now, config.reporting_zone))
    return TodayJson(
        sentence=today_sentence(days, day),
        day=str(day),
        days=tuple(DayJson(**day_fields(status)) for status in days),
        waiting=WaitingJson(**asdict(waiting)),
        ages={age: count for age, count, _ in sums["ages"]},
        owed=tuple(_owed(visit, line) for line in sums["owed"]),
    )


def show_calendar(visit: Visit) -> CalendarJson:
    """A month of days by provider."""
    config = visit.config
    first = read_month(visit.query.get("month")) or config.today(visit.now).replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    with visit.console.readers.connect() as connection:
        return CalendarJson(
            month=f"{first:%Y-%m}",
            providers={
                term.slug: tuple(
                    _calendar_day(day, term.exponents)
                    for day in calendar_of(
                        connection, term.slug, term.zone, first=first, last=last, now=visit.now
                    )
                )
                for term in config.providers
            },
        )


def day_fields(status: DayStatus) -> dict[str, Any]:
    """The fields of ``DayJson``; their names are those of ``tieout day show --json``."""
    exponents, closed = status.figures.exponents, status.closed
    fixed = last_signed(status.steps)
    if fixed is None and status.last is not None and status.last.action is DayAction.PREPARE:
        fixed = status.last
    changes = [] if fixed is None else changes_between(fixed.figures, status.figures)
    return {
        "provider": status.provider,
        "day": str(status.day),
        "window": window_json(status.window),
        "zone": status.zone,
        "state": status.state,
        "waits_for": tuple(status.missing) if closed is None else (),
        "closed": closed
        and DayCloseJson(
            at=closed.closed_at, run_id=closed.run_id, by=closed.by, reason=closed.reason
        ),
        "figures": figures_json(status.figures),
        "steps": tuple(_step(step) for step in status.steps),
        "changed_since": status.has_changed,
        "since_sign_off": tuple(
            DayChangeJson(
                currency=item.currency,
                ours=money(item.ours, item.currency, exponents),
                theirs=money(item.theirs, item.currency, exponents),
                open_before=item.open_before,
                open_now=item.open_now,
            )
            for item in changes
        ),
        "version": day_detail.version_of(status),
    }


def figures_json(figures: DayFigures) -> DayFiguresJson:
    """Both sides and the breaks of a day, by currency."""

    def amount(minor: int, currency: str) -> MoneyJson:
        return money(minor, currency, figures.exponents)

    def side(totals: Mapping[str, SideTotals]) -> dict[str, SideTotalsJson]:
        return {
            code: SideTotalsJson(
                rounds=item.rounds,
                **{
                    name: amount(getattr(item, name), code)
                    for name in ("stake", "payout", "ggr")
                },
            )
            for code, item in sorted(totals.items())
        }

    return DayFiguresJson(
        ours=side(figures.ours),
        theirs=side(figures.theirs),
        breaks={
            code: OpenMoneyJson(
                open=item.count,
                **{
                    name: amount(getattr(item, name), code)
                    for name in ("owed", "owing", "in_breaks")
                },
            )
            for code, item in sorted(figures.breaks.items())
        },
        difference={
            code: amount(figures.difference(code), code) for code in figures.currencies
        },
        unexplained={
            code: amount(figures.unexplained(code), code) for code in figures.currencies
        },
        state=figures.state,
    )


def _is_used(status: DayStatus) -> bool:
    return status.closed is not None or bool(status.figures.currencies)


def _step(step: DayStep) -> DayStepJson:
    same = ("number", "action", "by", "at", "reason", "two_people", "run_id", "seal")
    fields = {name: getattr(step, name) for name in same}
    return DayStepJson(figures=figures_json(step.figures), **fields)


def _correction(item: DayCorrection, exponents: Mapping[str, int]) -> DayCorrectionJson:
    same = (*("id", "state", "reason", "proposed_by", "decided_by", "decided_at", "began_at"),)
    return DayCorrectionJson(
        round_key=item.round_id,
        amount=money_of_text(item.amount, item.currency, exponents),
        **{name: getattr(item, name) for name in same},
    )


def _owed(visit: Visit, line: Mapping[str, Any]) -> OwedJson:
    exponents = visit.config.exponents(line["provider"])
    return OwedJson(
        provider=line["provider"],
        impact=line["impact"],
        breaks=line["breaks"],
        amount=money(line["amount"], line["currency"], exponents),
    )


def _calendar_day(day: CalendarDay, exponents: Mapping[str, int]) -> CalendarDayJson:
    return CalendarDayJson(
        day=str(day.day),
        state=str(day.state),
        breaks=day.open_count,
        gross={
            item.currency: money(item.gross, item.currency, exponents)
            for item in day.open_breaks
        },
    )


_DAY = Read(
    path="/days/{provider}/{day}",
    summary="One day with its figures, steps and corrections",
    tag=_TAG,
    right=Right.READ,
    show=show_day,
    answer=DayDetailJson,
)
ENDPOINTS: tuple[Endpoint, ...] = (
    Read(
        path="/today",
        summary="How a day stands at each provider, and what waits",
        tag=_TAG,
        right=Right.READ,
        show=show_today,
        answer=TodayJson,
        query=TodayQuery,
    ),
    Read(
        path="/calendar",
        summary="A month of days",
        tag=_TAG,
        right=Right.READ,
        show=show_calendar,
        answer=CalendarJson,
        query=CalendarQuery,
    ),
    Read(
        path="/days",
        summary="Days, the newest first",
        tag=_TAG,
        right=Right.READ,
        show=list_days,
        answer=DayListJson,
        query=DayListQuery,
    ),
    _DAY,
    Write(
        path="/days/{provider}/{day}/prepare",
        summary="Prepare a day with its figures of now",
        tag=_TAG,
        right=Right.PREPARE_DAYS,
        act=day_detail.prepare,
        body=ReasonOrNoneBody,
        of=_DAY,
    ),
    Write(
        path="/days/{provider}/{day}/sign",
        summary="Sign a day that another person prepared",
        tag=_TAG,
        right=Right.SIGN_DAYS,
        act=day_detail.sign,
        body=NoBody,
        of=_DAY,
    ),
    Write(
        path="/days/{provider}/{day}/reopen",
        summary="Reopen a day",
        tag=_TAG,
        right=Right.REOPEN_DAYS,
        act=day_detail.reopen,
        body=ReasonBody,
        of=_DAY,
    ),
)
