"""Ask providers about single bets: at their pace, with bounds, answers kept as evidence.

Idempotent: a question is claimed in Postgres for a while, and its answer is attached once. What
fails is asked again after a growing pause; after the last attempt the break says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from breaks.provider_inquiries import Inquiry, claim, next_at, put_off, settle
from providers.outbound.inquiry import InquiryAnswer
from storage.broker.redis import FETCH_QUEUE
from vocabulary.errors import ApiError, SettingsInvalid
from workers.context import WorkerContext
from workers.outcomes import Again, Done, JobOutcome, Requeued

#: Most questions asked by one message: a slow provider must not keep a thread for long.
QUESTIONS_PER_MESSAGE = 10
#: No question is begun this long after the message was: a worker must be seen to make progress.
BUSY_FOR = timedelta(seconds=15)
#: Pause after a failed attempt, doubled each time.
PAUSE = timedelta(seconds=5)

#: Asks a provider about a key; given when the bet began, where that is known. Raises ApiError.
Ask = Callable[[str, str, datetime | None], InquiryAnswer]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class InquiryTerms:
    """How providers are asked.

    Attributes:
        every: shortest time between two questions to one provider.
        attempts: most attempts at one question.
        lasts: how long an answer is used again.
    """

    every: timedelta
    attempts: int
    lasts: timedelta


def fetch(desk: WorkerContext, ask: Ask, terms: InquiryTerms) -> JobOutcome:
    """Ask what may be asked now, bounded; the rest again when it is due.

    Raises:
        Unavailable: the database is out of reach.
    """
    done = 0
    until = desk.clock.now() + BUSY_FOR
    for _ in range(QUESTIONS_PER_MESSAGE):
        held = desk.hold(FETCH_QUEUE)
        if held:
            return Requeued(held)
        if desk.clock.now() >= until:
            break
        question = claim(desk.engine, now=desk.clock.now(), every=terms.every)
        if question is None:
            break
        done += _asked(desk, ask, terms, question)
    due = next_at(desk.engine)
    if due is None:
        return Done(done)
    wait_s = max((due - desk.clock.now()).total_seconds(), 0.0)
    return Again(wait_s, f"{done} answered, more is to be asked")


def _asked(desk: WorkerContext, ask: Ask, terms: InquiryTerms, question: Inquiry) -> bool:
    """Ask one question; whether its answer now stands.

    A question that was claimed too often broke whoever asked it: it is given up.
    """
    given_up = InquiryAnswer(
        verdict="failed", reason=f"given up after {terms.attempts} attempts"
    )
    if question.attempts >= terms.attempts:
        return settle(desk.engine, question, given_up, now=desk.clock.now(), lasts=terms.lasts)
    try:
        answer = question.at_hand or ask(question.provider, question.key, question.began)
    except (ApiError, SettingsInvalid) as error:
        log.warning("fetch_failed", provider=question.provider, error=type(error).__name__)
        if question.attempts + 1 < terms.attempts:
            until = desk.clock.now() + PAUSE * 2**question.attempts
            put_off(desk.engine, question, until=until)
            return False
        answer = InquiryAnswer(verdict="failed", reason=str(error))
    return settle(desk.engine, question, answer, now=desk.clock.now(), lasts=terms.lasts)
