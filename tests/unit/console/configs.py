"""A configuration of the console for tests that need no database."""

from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from breaks.policy import DEFAULT_RULES, NO_LIMITS
from console.config import ConsoleConfig, ProviderTerms
from reconcile.days.states import DayStatus, StepRules


def no_day(connection: Connection, slug: str, day: date, now: datetime) -> DayStatus:
    raise AssertionError("no test reads a day without a database")


def config() -> ConsoleConfig:
    """One provider, no limits."""
    return ConsoleConfig(
        providers=(ProviderTerms(slug="lottery", zone="UTC", exponents={}),),
        public_url="",
        session_lasts=timedelta(hours=12),
        session_idle=timedelta(hours=2),
        trusted_proxies=(),
        day_of=no_day,
        step_rules=StepRules(two_people=True),
        limits=NO_LIMITS,
        due_rules=DEFAULT_RULES,
    )
