"""How a job ended, and what that means for its Dramatiq message.

Jobs return an outcome; ``JobRunner`` decides about retries. It bounds ``RetryLater`` itself,
because Dramatiq ignores ``max_retries`` once a retry predicate is set. After the last attempt
the message is dropped: the sweeper finds the work in PostgreSQL and sends another. A requeued
message (queue paused, process ending, backlog too large) does not count as an attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import structlog
from dramatiq import Broker
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage

from storage.queue.parking import place_of
from vocabulary.errors import Unavailable

#: Retries of one message before it is left to the sweeper.
ATTEMPTS_MAX = 5
#: Pause before the first retry, in milliseconds; doubles with each further one.
PAUSE_MS = 200
#: No piece of work begins later than this after its message: a message has a time limit, and
#: the scheduler, which may do the work itself, has to show progress.
BUSY_FOR = timedelta(seconds=15)
#: Largest random extension of a pause, as a share of it, so that workers spread out.
JITTER = 0.5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """The work is complete; ``count`` is how much it was."""

    count: int


@dataclass(frozen=True, slots=True)
class Parked:
    """``count`` pieces of work are parked with their reason, for a person to decide."""

    count: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Retry the message after ``after_s`` seconds, or after a growing pause if None."""

    after_s: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Requeued:
    """Put the message back unchanged: nothing failed, so no attempt is counted."""

    reason: str


JobOutcome = Done | Parked | RetryLater | Requeued


class JobRunner:
    """Runs jobs and reports their outcomes to Dramatiq.

    Args:
        broker: where messages are requeued.
        random: spreads the pauses.
        on_bug: called with the job and its error if it is no outage and no attempts are left.
    """

    def __init__(
        self, broker: Broker, random: Random, on_bug: Callable[[str, Exception], None]
    ) -> None:
        self._broker = broker
        self._random = random
        self._on_bug = on_bug

    def run(self, job: str, work: Callable[[], JobOutcome]) -> None:
        """Run a job and report its outcome to Dramatiq.

        Raises:
            Retry: the job must be retried and attempts are left.
        """
        match self._outcome(job, work):
            case Done(count=0):
                log.debug("job_done", job=job, count=0)
            case Done(count=count):
                log.info("job_done", job=job, count=count)
            case Parked(count=count):
                log.error("job_parked", job=job, count=count)
            case Requeued(reason=reason):
                self._requeue(job, reason)
            case RetryLater(after_s=after_s, reason=reason):
                self._retry(job, after_s, reason)

    def _outcome(self, job: str, work: Callable[[], JobOutcome]) -> JobOutcome:
        try:
            return work()
        except Unavailable as error:
            return RetryLater(None, str(error))
        except Exception as error:  # noqa: BLE001 - the process edge
            # The message may quote a statement's values: log only its class and place.
            log.critical("job_broken", job=job, error=type(error).__name__, at=place_of(error))
            if _attempts() < ATTEMPTS_MAX:
                return RetryLater(None, type(error).__name__)
            self._on_bug(job, error)
            return Parked(1)

    def _retry(self, job: str, after_s: float | None, reason: str) -> None:
        attempts = _attempts()
        if attempts >= ATTEMPTS_MAX:
            log.error("job_left_to_sweeper", job=job, attempts=attempts, why=reason)
            return
        log.warning("job_retried", job=job, attempts=attempts, why=reason)
        pause_ms = PAUSE_MS * 2.0**attempts if after_s is None else after_s * 1000
        raise Retry(reason, delay=round(pause_ms * (1 + JITTER * self._random.random())))

    def _requeue(self, job: str, reason: str) -> None:
        message = CurrentMessage.get_current_message()
        log.info("job_requeued", job=job, why=reason)
        if message is not None:
            self._broker.enqueue(message)


def _attempts() -> int:
    message = CurrentMessage.get_current_message()
    return 0 if message is None else int(message.options.get("retries", 0))
