"""Ask providers about single bets, rate-limited and bounded; store the answers as evidence.

Idempotent: an inquiry is claimed in PostgreSQL for a limited time and answered once. A failed
attempt is repeated after a growing pause; after the last one the failure is stored as answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from breaks.provider_inquiries import (
    Inquiry,
    claim_inquiry,
    next_inquiry_at,
    postpone_inquiry,
    record_answer,
)
from providers.outbound.inquiry import InquiryAnswer
from storage.broker.redis import FETCH_QUEUE
from vocabulary.errors import ApiError, SettingsInvalid
from vocabulary.plurals import counted
from workers.context import WorkerContext
from workers.outcomes import Done, JobOutcome, Requeued, RetryLater

#: Most inquiries per message, so that a slow provider does not occupy a thread for long.
INQUIRIES_PER_MESSAGE = 10
#: No inquiry starts later than this after its message, so that the worker shows progress.
BUSY_FOR = timedelta(seconds=15)
#: Pause after the first failed attempt; doubles with each further one.
PAUSE = timedelta(seconds=5)

#: Asks a provider (slug) about an operation key and the time of the bet, if known.
#: Raises ApiError.
AskProvider = Callable[[str, str, datetime | None], InquiryAnswer]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryTerms:
    """How providers are asked.

    Attributes:
        min_interval: shortest time between two inquiries to one provider.
        attempts_max: most attempts per inquiry.
        reuse_for: how long an answer is reused for the same inquiry.
    """

    min_interval: timedelta
    attempts_max: int
    reuse_for: timedelta


def ask_providers(context: WorkerContext, ask: AskProvider, terms: InquiryTerms) -> JobOutcome:
    """Ask all inquiries that are due, bounded; retry the message for the others.

    Raises:
        Unavailable: the database is unreachable.
    """
    answered = 0
    deadline = context.clock.now() + BUSY_FOR
    for _ in range(INQUIRIES_PER_MESSAGE):
        pause_reason = context.pause_reason(FETCH_QUEUE)
        if pause_reason:
            return Requeued(pause_reason)
        if context.clock.now() >= deadline:
            break
        inquiry = claim_inquiry(
            context.engine, now=context.clock.now(), every=terms.min_interval
        )
        if inquiry is None:
            break
        answered += _ask_one(context, ask, terms, inquiry)
    due = next_inquiry_at(context.engine)
    if due is None:
        return Done(answered)
    wait_s = max((due - context.clock.now()).total_seconds(), 0.0)
    return RetryLater(wait_s, f"{answered} answered, further inquiries are open")


def _ask_one(
    context: WorkerContext, ask: AskProvider, terms: InquiryTerms, inquiry: Inquiry
) -> bool:
    """Ask one inquiry; True if it now has an answer.

    An inquiry that reached its attempts without an answer crashed its workers: it fails.
    """
    given_up = InquiryAnswer(
        verdict="failed", reason=f"given up after {counted(terms.attempts_max, 'attempt')}"
    )
    if inquiry.attempts >= terms.attempts_max:
        return record_answer(
            context.engine, inquiry, given_up, now=context.clock.now(), lasts=terms.reuse_for
        )
    try:
        answer = inquiry.cached or ask(inquiry.provider, inquiry.key, inquiry.began_at)
    except (ApiError, SettingsInvalid) as error:
        log.warning("fetch_failed", provider=inquiry.provider, error=type(error).__name__)
        if inquiry.attempts + 1 < terms.attempts_max:
            next_attempt = context.clock.now() + PAUSE * 2**inquiry.attempts
            postpone_inquiry(context.engine, inquiry, until=next_attempt)
            return False
        answer = InquiryAnswer(verdict="failed", reason=str(error))
    return record_answer(
        context.engine, inquiry, answer, now=context.clock.now(), lasts=terms.reuse_for
    )
