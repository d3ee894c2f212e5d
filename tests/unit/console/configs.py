"""A configuration of the console for tests that need no database."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from breaks.corrections.suggestions import Correction
from breaks.corrections.trials import Trial
from breaks.policy import DEFAULT_RULES, NO_LIMITS
from breaks.store import TrackedBreak
from console.config import (
    ApiTerms,
    ConsoleConfig,
    LimitsInForce,
    ProviderTerms,
    SignatureVerdict,
)
from console.pipeline import Pipeline
from ops.settings.notify_rules import rule_of_terms
from providers.contract import Callback
from reconcile.days.states import DayStatus, StepRules


def no_day(connection: Connection, slug: str, day: date, now: datetime) -> DayStatus:
    raise AssertionError("no test reads a day without a database")


def no_days(
    connection: Connection, days: Sequence[tuple[str, date]], now: datetime
) -> list[DayStatus]:
    raise AssertionError("no test reads days without a database")


def no_limits() -> LimitsInForce:
    return LimitsInForce(write_offs=NO_LIMITS, days=StepRules(two_people=True))


def no_trial(
    break_: TrackedBreak, corrections: Sequence[Correction], *, now: datetime
) -> Trial:
    raise AssertionError("no test tries a correction without a database")


def no_pipeline() -> Pipeline:
    raise AssertionError("no test reads the pipeline without a database")


def no_secrets(slug: str, callback: Callback) -> SignatureVerdict:
    return SignatureVerdict(holds=None, why="the provider is not configured")


def config() -> ConsoleConfig:
    """One provider, no limits."""
    return ConsoleConfig(
        providers=(ProviderTerms(slug="lottery", zone="UTC", exponents={}),),
        own_exponents={},
        public_url="",
        session_lasts=timedelta(hours=12),
        session_idle=timedelta(hours=2),
        trusted_proxies=(),
        day_of=no_day,
        listed_days=no_days,
        limits=no_limits,
        try_corrections=no_trial,
        read_pipeline=no_pipeline,
        queues=(),
        notify_rules=(),
        notify_text=str,
        read_rule=partial(rule_of_terms, exponents={}),
        due_rules=DEFAULT_RULES,
        reporting_zone="UTC",
        rates=lambda: None,
        upload_bytes_max=1 << 20,
        job_kinds={},
        check_signature=no_secrets,
        settings=(),
        api=ApiTerms(
            requests_per_minute=600,
            token_lifetime_max=timedelta(days=365),
            idempotency=timedelta(hours=24),
        ),
    )
