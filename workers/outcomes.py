"""How a job ended: a small closed set, and what Dramatiq is told about each.

A job never decides for itself whether it is retried. ``Again`` is bounded here, because
Dramatiq ignores ``max_retries`` once a retry predicate is set; when the bound is reached the
message is let go, for the sweeper finds the work in Postgres and asks again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage

from vocabulary.errors import Unavailable

#: Attempts of one message before it is left to the sweeper.
ATTEMPTS_MAX = 5
#: Pause before the next attempt, in milliseconds, doubled each time.
PAUSE_MS = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """The work stands; ``count`` says how much it was."""

    count: int


@dataclass(frozen=True, slots=True)
class Parked:
    """Part of the work waits for a person; it is in ``parked`` with the reason."""

    count: int


Outcome = Done | Parked


def settle(job: str, work: Callable[[], Outcome]) -> None:
    """Do a job and tell Dramatiq how it ended.

    Raises:
        Retry: something we need is down and attempts are left.
    """
    try:
        outcome = work()
    except Unavailable as error:
        _again(job, error)
        return
    match outcome:
        case Done(count=count):
            log.info("job_done", job=job, count=count)
        case Parked(count=count):
            log.error("job_parked", job=job, count=count)


def _again(job: str, error: Unavailable) -> None:
    attempts = _attempts()
    if attempts >= ATTEMPTS_MAX:
        log.error("job_left_to_sweeper", job=job, attempts=attempts, why=str(error))
        return
    log.warning("job_again", job=job, attempts=attempts, why=str(error))
    raise Retry(str(error), delay=PAUSE_MS * 2**attempts)


def _attempts() -> int:
    message = CurrentMessage.get_current_message()
    return 0 if message is None else int(message.options.get("retries", 0))
