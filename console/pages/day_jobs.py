"""What people have done about days by the scheduler: runs, closes, sweeps, rules to try."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from console.config import Visit
from console.pages.jobs.requesting import new_request_key, request
from console.pages.parameters import provider_named, read_day, read_text, required
from console.replies import HtmlPage, SeeOther
from storage.jobs.model import StoredJob
from storage.jobs.queries import jobs_before
from vocabulary.errors import Malformed

#: The kinds of jobs about days, and how many of the last ones are looked through.
DAY_KINDS = ("day.run", "day.close", "day.sweep")
RECENT_JOBS = 50
#: Longest reason of a close, in characters.
REASON_CHARS_MAX = 4_000
#: Begins the names of the fields that choose providers.
CHOSEN = "provider."
#: Rules that can be tried, as the form explains them.
RULES_HELP = (
    ("maturity=30m", "one-sided rounds younger than this are timing"),
    ("open_after=2h", "a round that is open longer is a break"),
    ("tolerance.EUR=0.01", "the largest difference that is accepted"),
    ("attributes=true", "match rounds without a common id by what they have in common"),
    ("within=5m", "how far the instants of two such rounds may differ"),
)


def run(visit: Visit) -> SeeOther:
    """Compare a day; it stays open."""
    provider, day = _named(visit)
    return request(visit, "day.run", {"provider": provider, "day": day})


def close(visit: Visit) -> SeeOther:
    """Compare a day and close it; with a reason, although something is missing."""
    provider, day = _named(visit)
    reason = read_text(visit.form, "reason", most=REASON_CHARS_MAX)
    arguments = {"provider": provider, "day": day, "reason": reason}
    return request(visit, "day.close", arguments)


def sweep(visit: Visit) -> SeeOther:
    """Sweep a day of the chosen providers."""
    chosen = [
        provider_named(visit.config, name.removeprefix(CHOSEN)).slug
        for name in visit.form
        if name.startswith(CHOSEN)
    ]
    if not chosen:
        raise Malformed("provider", "at least one provider is expected")
    day = read_day(required(visit.form, "day", "a day"))
    return request(visit, "day.sweep", {"providers": chosen, "day": str(day)})


def show_rules(visit: Visit) -> HtmlPage:
    """The form for rules to try, with those that were tried last."""
    with visit.console.readers.connect() as connection:
        tried = jobs_before(connection, kinds=["rules.what-if"], limit=10)
    values = {
        "providers": visit.config.providers,
        "chosen": visit.query.get("provider", ""),
        "typed": visit.query.get("rules", ""),
        "tried": tried,
        "rules_help": RULES_HELP,
        "request_key": new_request_key(),
    }
    return HtmlPage(template="days/what_if.html", values=values)


def try_rules(visit: Visit) -> SeeOther:
    """Compare the last days of a provider with other rules; nothing is stored."""
    provider = provider_named(visit.config, required(visit.form, "provider", "a provider"))
    rules = required(visit.form, "rules", "a rule in each line").split()
    arguments = {
        "provider": provider.slug,
        "days": required(visit.form, "days", "a number of days"),
        "rules": rules,
    }
    return request(visit, "rules.what-if", arguments)


def last_over(visit: Visit) -> str:
    """The last business day that is over for every provider, as the form proposes it."""
    zones = {provider.zone for provider in visit.config.providers} or {
        visit.config.reporting_zone
    }
    days = [visit.now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1) for zone in zones]
    return str(min(days))


def jobs_of_day(connection: Connection, provider: str, day: date) -> list[StoredJob]:
    """The last jobs about a day."""
    recent = jobs_before(connection, kinds=DAY_KINDS, limit=RECENT_JOBS)
    return [
        job
        for job in recent
        if job.arguments["day"] == str(day)
        and provider in {job.arguments.get("provider"), *job.arguments.get("providers", ())}
    ]


def _named(visit: Visit) -> tuple[str, str]:
    provider = provider_named(visit.config, visit.path["provider"])
    return provider.slug, str(read_day(visit.path["day"]))
