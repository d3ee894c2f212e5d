"""How a job ended: a small closed set, and what Dramatiq is told about each.

A job never decides for itself whether it is retried. ``RetryLater`` is bounded here, because
Dramatiq ignores ``max_retries`` once a retry predicate is set; when the bound is reached the
message is let go, for the sweeper finds the work in Postgres and asks again. A message that is
put back (its queue is paused, its process is ending, there is more than one message's worth)
counts no attempt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import structlog
from dramatiq import Broker
from dramatiq.errors import Retry
from dramatiq.middleware import CurrentMessage

from storage.queue.parking import place_of
from vocabulary.errors import Unavailable

#: Attempts of one message before it is left to the sweeper.
ATTEMPTS_MAX = 5
#: Pause before the next attempt, in milliseconds, doubled each time.
PAUSE_MS = 200
#: Part of a pause that chance decides, so that many workers do not come back as one.
JITTER = 0.5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """The work stands; ``count`` says how much it was."""

    count: int


@dataclass(frozen=True, slots=True)
class Parked:
    """Part of the work waits for a person; it is in ``parked`` with the reason."""

    count: int


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The same message again: after so many seconds, or None for a growing pause."""

    after_s: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Requeued:
    """The message goes back as it came: nothing failed, so no attempt is counted."""

    why: str


JobOutcome = Done | Parked | RetryLater | Requeued


class JobRunner:
    """Runs jobs and tells Dramatiq how they ended.

    Args:
        broker: where messages are put back.
        random: spreads the pauses.
        on_bug: told the job and an error that is nobody's outage, once attempts are used up.
    """

    def __init__(
        self, broker: Broker, random: Random, on_bug: Callable[[str, Exception], None]
    ) -> None:
        self._broker = broker
        self._random = random
        self._on_bug = on_bug

    def settle(self, job: str, work: Callable[[], JobOutcome]) -> None:
        """Do a job and tell Dramatiq how it ended.

        Raises:
            Retry: it is to be attempted again, and attempts are left.
        """
        match self._outcome(job, work):
            case Done(count=0):
                log.debug("job_done", job=job, count=0)
            case Done(count=count):
                log.info("job_done", job=job, count=count)
            case Parked(count=count):
                log.error("job_parked", job=job, count=count)
            case Requeued(why=why):
                self._put_back(job, why)
            case RetryLater(after_s=after_s, why=why):
                self._again(job, after_s, why)

    def _outcome(self, job: str, work: Callable[[], JobOutcome]) -> JobOutcome:
        try:
            return work()
        except Unavailable as error:
            return RetryLater(None, str(error))
        except Exception as error:  # noqa: BLE001 - the edge of the process: a bug ends here
            # Its words may quote a statement's values: only its kind and its place are told.
            log.critical("job_broken", job=job, error=type(error).__name__, at=place_of(error))
            if _attempts() < ATTEMPTS_MAX:
                return RetryLater(None, type(error).__name__)
            self._on_bug(job, error)
            return Parked(1)

    def _again(self, job: str, after_s: float | None, why: str) -> None:
        attempts = _attempts()
        if attempts >= ATTEMPTS_MAX:
            log.error("job_left_to_sweeper", job=job, attempts=attempts, why=why)
            return
        log.warning("job_again", job=job, attempts=attempts, why=why)
        pause_ms = PAUSE_MS * 2.0**attempts if after_s is None else after_s * 1000
        raise Retry(why, delay=round(pause_ms * (1 + JITTER * self._random.random())))

    def _put_back(self, job: str, why: str) -> None:
        message = CurrentMessage.get_current_message()
        log.info("job_put_back", job=job, why=why)
        if message is not None:
            self._broker.enqueue(message)


def _attempts() -> int:
    message = CurrentMessage.get_current_message()
    return 0 if message is None else int(message.options.get("retries", 0))
