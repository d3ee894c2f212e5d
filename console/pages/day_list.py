"""The last days of every provider."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from console.config import ProviderTerms, Visit
from console.pages import day_jobs
from console.pages.jobs.requesting import new_request_key
from console.pages.parameters import provider_named
from console.replies import HtmlPage
from console.sentences import counted, figure_rows, since_lines, summed_at
from reconcile.days.states import DayState, DayStatus
from vocabulary.people import Right

#: How many days back the list goes.
DAYS = 7


def show(visit: Visit) -> HtmlPage:
    """The last days with their state, figures and open breaks, the newest first."""
    chosen = visit.query.get("provider")
    config, now = visit.config, visit.now
    terms = config.providers if not chosen else (provider_named(config, chosen),)
    wanted = days_of(terms, now)
    with visit.console.readers.connect() as connection:
        listed = [
            status
            for status in config.listed_days(connection, wanted, now)
            if status.closed or status.figures.currencies
        ]
    values = {
        "sentence": _sentence(listed),
        "summed_at": summed_at(listed),
        "days": [
            {
                "status": status,
                "rows": figure_rows(status.figures),
                "since": since_lines(status),
            }
            for status in listed
        ],
        "providers": config.providers,
        "chosen": chosen or "",
        "may_run": visit.signed_in.person.may(Right.RUN_DAYS),
        "last_over": day_jobs.last_over(visit),
        "request_key": new_request_key(),
    }
    return HtmlPage(template="days.html", values=values)


def days_of(terms: Sequence[ProviderTerms], now: datetime) -> list[tuple[str, date]]:
    """The days of the list, by provider, the newest first."""
    return [
        (term.slug, now.astimezone(ZoneInfo(term.zone)).date() - timedelta(days=back))
        for back in range(DAYS + 1)
        for term in terms
    ]


def _sentence(listed: Sequence[DayStatus]) -> str:
    over = [status for status in listed if status.is_over]
    unsigned = sum(status.state is not DayState.SIGNED for status in over)
    if unsigned:
        verb = "waits" if unsigned == 1 else "wait"
        return f"{counted(unsigned, 'day')} of the last {DAYS} {verb} for a signature."
    if over:
        return f"Every day of the last {DAYS} that has rounds is signed."
    return f"No day with rounds is over yet, of the last {DAYS}."
